"""A trial leaves bundle, history and result, and is finished when the result is there."""

import json
from pathlib import Path

import numpy as np
import pytest

from recurra import runtime
from recurra.errors import OutputError, TrainingError
from recurra.train import compare_trial
from recurra.train.compare_trial import MEANS, Trial, finished, mean_scores, run_trial, settings_of
from train.comparing import Told, material

TRIAL = Trial("gru", 3, 2, 7)


def test_a_trial_is_measured_by_its_bundle(tmp_path: Path) -> None:
    told = Told()
    found = run_trial(material(), TRIAL, tmp_path / "t", told)
    assert finished(tmp_path / "t") == found
    model, test = runtime.load(tmp_path / "t" / "bundle"), material().test
    encoded = model.encoded(test)
    assert found["figures"] == model.figures(model.answers(encoded), encoded, test)
    assert found["scores"] is not None
    assert np.mean(found["scores"]) == pytest.approx(found["figures"]["accuracy"])
    assert set(found["scores"]) <= {0.0, 1.0}
    assert told.epochs == [(TRIAL.name, 1), (TRIAL.name, 2)]
    assert (found["epochs"], found["failed"]) == (2, None)
    assert found["epoch_seconds"] > 0
    files = (tmp_path / "t" / "bundle").iterdir()
    assert found["bundle_bytes"] == sum(path.stat().st_size for path in files)
    assert (tmp_path / "t" / "bundle.run" / "history.jsonl").is_file()


def test_only_cell_width_epochs_and_seed_vary() -> None:
    base = material()
    flat = settings_of(base, TRIAL).flat()
    changed = {name for name, value in base.settings.flat().items() if flat[name] != value}
    assert changed == {"seed"}
    other = settings_of(base, Trial("lstm", 5, 9, 0)).flat()
    assert (other["cell"], other["hidden"], other["epochs"]) == ("lstm", 5, 9)


def test_what_was_stopped_goes_on_to_the_same_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the training and before the result: the next call trains no epoch again."""
    whole = run_trial(material(), TRIAL, tmp_path / "whole", Told())

    def refuse(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(compare_trial, "write_atomic", refuse)
        with pytest.raises(KeyboardInterrupt):
            run_trial(material(), TRIAL, tmp_path / "killed", Told())
    assert finished(tmp_path / "killed") is None
    told = Told()
    again = run_trial(material(), TRIAL, tmp_path / "killed", told)
    assert told.epochs == []
    assert again["scores"] == whole["scores"]
    assert again["figures"] == whole["figures"]


def test_a_loss_that_becomes_nan_is_a_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge(*_: object, progress: object, **__: object) -> None:
        progress.on_start(None)  # type: ignore[attr-defined]  # any Progress has it
        raise TrainingError("the loss became nan")

    monkeypatch.setattr(compare_trial, "fit_cases", diverge)
    found = run_trial(material(), TRIAL, tmp_path / "t", Told())
    assert found["failed"] == "the loss became nan"
    assert finished(tmp_path / "t") == found

    def refuse(*_: object, **__: object) -> None:
        raise TrainingError("the checkpoint does not fit")

    monkeypatch.setattr(compare_trial, "fit_cases", refuse)
    with pytest.raises(TrainingError, match="checkpoint"):
        run_trial(material(), TRIAL, tmp_path / "u", Told())


def test_a_damaged_result_is_refused(tmp_path: Path) -> None:
    assert finished(tmp_path) is None
    for text in ("{", "[]", json.dumps({"failed": None})):
        (tmp_path / "result.json").write_text(text)
        with pytest.raises(OutputError, match="remove the folder"):
            finished(tmp_path)


def test_numbers_have_squared_errors_as_scores(tmp_path: Path) -> None:
    from recurra.codecs import cases_from_arrays
    from recurra.train.compare_material import material_of
    from train.comparing import settings

    random = np.random.default_rng(0)
    x = [random.normal(size=(5, 1)) for _ in range(30)]
    cases = cases_from_arrays(x, [float(v.mean()) for v in x])
    found = run_trial(material_of(cases, settings()), TRIAL, tmp_path / "t", Told())
    assert (found["metric"], found["direction"]) == ("mse", "min")
    assert np.mean(found["scores"]) == pytest.approx(found["figures"]["mse"])


def test_a_figure_that_is_no_mean_has_no_scores() -> None:
    assert set(MEANS).isdisjoint({"macro_f1", "auc", "r2", "entity_f1"})
    assert mean_scores([1.0, 0.0], 0.5) == [1.0, 0.0]
    assert mean_scores([1.0, 0.0], 0.6) is None
    assert mean_scores([1.0, None], 0.5) is None


def test_the_watched_figure_is_compared(tmp_path: Path) -> None:
    found = run_trial(material(watch="macro_f1"), TRIAL, tmp_path / "f1", Told())
    assert (found["metric"], found["scores"]) == ("macro_f1", None)
    found = run_trial(material(watch="log_loss"), TRIAL, tmp_path / "loss", Told())
    assert (found["metric"], found["direction"]) == ("log_loss", "min")
    assert np.mean(found["scores"]) == pytest.approx(found["figures"]["log_loss"])
