"""A trial reports each epoch once, tells why it failed, and leaves no weights behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest

from recurra.errors import TrainingError
from recurra.train.tune_trial import Searched, Silent, run_trial, told
from train.comparing import settings, waves


class Told(Silent):
    def __init__(self) -> None:
        self.epochs: list[int] = []

    def on_epoch(self, number: int, epoch: int, epochs: int) -> None:
        self.epochs.append(epoch)


def asked(rate: float = 0.02) -> tuple[optuna.Study, optuna.trial.Trial]:
    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.NopPruner())
    trial = study.ask()
    trial.suggest_categorical("learning_rate", [rate])
    return study, trial


def searched(**changes: Any) -> Searched:
    return Searched(waves(), None, settings(epochs=3, **changes))


@pytest.fixture(autouse=True)
def quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def test_each_epoch_is_reported_and_the_figure_told(tmp_path: Path) -> None:
    (study, trial), watch = asked(), Told()
    run_trial(study, trial, searched(), tmp_path, watch)
    (done,) = study.trials
    assert list(done.intermediate_values) == [0, 1, 2]
    assert watch.epochs == [1, 2, 3]
    row = told(done)
    assert row["value"] == max(done.intermediate_values.values())
    assert (row["state"], row["epochs"], row["why"]) == ("finished", 3, None)
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"history.jsonl", "history.csv", "signals.json"}


def test_a_stopped_trial_stays_open_and_goes_on(tmp_path: Path) -> None:
    class Stops(Told):
        def on_epoch(self, number: int, epoch: int, epochs: int) -> None:
            super().on_epoch(number, epoch, epochs)
            if epoch == 2:
                raise KeyboardInterrupt

    study, trial = asked()
    with pytest.raises(KeyboardInterrupt):
        run_trial(study, trial, searched(), tmp_path, Stops())
    assert told(study.trials[0])["state"] == "running"
    watch = Told()
    run_trial(study, trial, searched(), tmp_path, watch)
    assert watch.epochs == [2, 3]
    whole_study, whole = asked()
    run_trial(whole_study, whole, searched(), tmp_path / "whole", Told())
    assert study.trials[0].intermediate_values == whole_study.trials[0].intermediate_values


def test_a_trial_that_diverges_has_failed(tmp_path: Path) -> None:
    study, trial = asked(1e30)
    run_trial(study, trial, searched(), tmp_path, Told())
    row = told(study.trials[0])
    assert (row["state"], row["value"]) == ("failed", None)
    assert "learning_rate" in str(row["why"])


def test_a_trial_that_the_settings_forbid_has_failed(tmp_path: Path) -> None:
    study, trial = asked()
    trial.suggest_categorical("optimiser", ["nonsense"])
    run_trial(study, trial, searched(), tmp_path, Told())
    assert "nonsense" in str(told(study.trials[0])["why"])


def test_a_checkpoint_that_does_not_fit_is_no_failure_of_the_trial(tmp_path: Path) -> None:
    (tmp_path / "bundle.run").mkdir()
    (tmp_path / "bundle.run" / "checkpoint.safetensors").write_bytes(b"nonsense")
    study, trial = asked()
    with pytest.raises(TrainingError, match="cannot continue from"):
        run_trial(study, trial, searched(), tmp_path, Told())
    assert told(study.trials[0])["state"] == "running"
