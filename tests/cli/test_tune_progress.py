"""A search's progress: a line a trial in a file, a bar in a terminal, silence when asked."""

from __future__ import annotations

import io
from typing import Any

import pytest

from recurra.cli.tune_progress import Bar, Lines, watcher
from recurra.spec.report import TunedTrial
from recurra.train.tune_trial import Silent


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def trial(number: int, state: str, value: float | None, why: str | None = None) -> TunedTrial:
    return TunedTrial(
        trial=number,
        state=state,
        value=value,
        epochs=3,
        best_epoch=2,
        parameters=9,
        seconds=1.0,
        settings={"cell": "gru", "dropout": 0.123456, "residual": True},
        why=why,
    )


def told(watch: Any) -> None:
    watch.on_begin(5, 1)
    watch.on_epoch(1, 2, 3)
    best = trial(1, "finished", 0.75)
    watch.on_trial(best, best)
    watch.on_trial(trial(2, "pruned", 0.25), best)
    watch.on_trial(trial(3, "failed", None, "the loss became nan"), best)


def test_lines_say_what_each_trial_came_to() -> None:
    stream = io.StringIO()
    with watcher(stream=stream) as watch:
        assert isinstance(watch, Lines)
        told(watch)
    values = "(cell=gru, dropout=0.123456, residual=yes)"
    assert stream.getvalue().splitlines() == [
        "search: 5 trials, 1 of them finished before",
        f"trial 1: 0.75 at epoch 2 of 3  {values} *",
        f"trial 2: 0.25, given up after epoch 3  {values}",
        f"trial 3: failed: the loss became nan  {values}",
    ]


def test_a_terminal_has_a_bar() -> None:
    stream = Terminal()
    with watcher(stream=stream) as watch:
        assert isinstance(watch, Bar)
        told(watch)
    assert "0.75 at epoch 2 of 3" in stream.getvalue()
    assert "4/5" in stream.getvalue()


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_quiet_is_silent(stream: io.StringIO) -> None:
    with watcher(quiet=True, stream=stream) as watch:
        assert isinstance(watch, Silent)
        told(watch)
    assert stream.getvalue() == ""
