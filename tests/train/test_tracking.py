"""TensorBoard reads the history's own figures, each epoch once, however a training was stopped."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from recurra.errors import DependencyError, SettingsError
from recurra.spec.report import EpochRecord
from recurra.train.fit import fit_cases
from recurra.train.progress import Silent
from recurra.train.tracking import LOG, require_tracker, tracking
from train.comparing import settings, waves


def events(run: Path) -> list[tuple[int, str, float, float]]:
    """Step, name, figure and time of every scalar in every file of the log."""
    found = []
    for path in sorted((run / LOG).iterdir()):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                (figure,) = np.ravel(value.tensor.float_val)
                found.append((event.step, value.tag, float(figure), event.wall_time))
    return found


def scalars(run: Path) -> list[tuple[int, str, float]]:
    return [entry[:3] for entry in events(run)]


def wanted(history: list[EpochRecord]) -> list[tuple[int, str, float]]:
    return [
        (record["epoch"], name, float(np.float32(value)))
        for record in history
        for name, value in record.items()
        if name != "epoch"
    ]


class StopsAfter(Silent):
    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_step(self, epoch: int, *_: Any) -> None:
        if epoch > self.epoch:
            raise KeyboardInterrupt


def fit(folder: Path, track: str = "tensorboard", **more: Any) -> Any:
    chosen = settings(epochs=4, track=track, checkpoint_every=2)
    return fit_cases(waves(), chosen, folder=folder, **more)


def test_the_log_is_the_history(tmp_path: Path) -> None:
    fitted = fit(tmp_path / "model")
    assert scalars(tmp_path / "model.run") == wanted(fitted.history)
    times = [entry[3] for entry in events(tmp_path / "model.run")]
    assert times == sorted(times)


def test_a_resumed_training_goes_on_without_doubles(tmp_path: Path) -> None:
    """It was stopped an epoch after the checkpoint, so that this epoch is run again."""
    fit(tmp_path / "model", progress=StopsAfter(3))
    assert {step for step, _, _ in scalars(tmp_path / "model.run")} == {1, 2, 3}
    fitted = fit(tmp_path / "model", resume=True)
    assert len(fitted.history) == 4
    assert scalars(tmp_path / "model.run") == wanted(fitted.history)


def test_tracking_is_no_part_of_what_is_computed(tmp_path: Path) -> None:
    fit(tmp_path / "model", progress=StopsAfter(2))
    fitted = fit(tmp_path / "model", track="none", resume=True)
    assert len(fitted.history) == 4


def test_an_earlier_log_goes_with_its_training(tmp_path: Path) -> None:
    fit(tmp_path / "model")
    fit(tmp_path / "model", track="none", force=True)
    assert not (tmp_path / "model.run" / LOG).exists()


def test_only_the_first_process_writes(tmp_path: Path) -> None:
    other: Any = SimpleNamespace(is_main_process=False)
    with tracking("tensorboard", tmp_path, other) as track:
        track([])
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recurra.train.extra.find_spec", lambda name: None)
    with pytest.raises(DependencyError, match=r'pip install "recurra\[tensorboard\]"'):
        fit(tmp_path / "model")
    assert not (tmp_path / "model.run").exists()
    require_tracker("none", None)


def test_without_a_place_it_is_refused() -> None:
    with pytest.raises(SettingsError, match="track=tensorboard writes beside the bundle"):
        fit_cases(waves(), settings(track="tensorboard"))
