"""Whoever has the four calls may watch; the silent watcher has them and says nothing."""

import pytest

from recurra.spec.report import EpochRecord
from recurra.train.progress import Plan, Progress, Silent


def test_the_silent_watcher_is_a_watcher_and_says_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watcher: Progress = Silent()
    plan = Plan("classify", 3, 1, 10, 100, 20, "accuracy")
    record = EpochRecord(
        epoch=1,
        loss=0.1,
        valid_loss=0.2,
        metric=0.3,
        learning_rate=0.4,
        gradient_norm=0.5,
        clipped=0.0,
        seconds=0.7,
    )
    watcher.on_start(plan)
    watcher.on_step(1, 1, 0.5, None, 10.0, 3.0)
    watcher.on_epoch(record, True)
    watcher.on_end("epochs")
    assert capsys.readouterr() == ("", "")


def test_a_plan_cannot_be_changed() -> None:
    plan = Plan("classify", 3, 1, 10, 100, 20, "accuracy")
    with pytest.raises(AttributeError):
        plan.epochs = 5
