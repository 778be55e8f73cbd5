"""A comparison's progress: a line a training in a file, a bar in a terminal, silence when asked."""

from __future__ import annotations

import io
from typing import Any

import pytest

from recurra.cli.compare_progress import Bar, Lines, watcher
from recurra.train.compare_trial import Silent, Trial
from train.comparing import result

TRIAL = Trial("gru", 3, 2, 7)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(watch: Any) -> None:
    watch.on_table("equal parameters", 4, 1)
    watch.on_epoch(TRIAL, 1)
    watch.on_trial(TRIAL, result())
    watch.on_trial(TRIAL, result(failed="the loss became nan"))


def test_lines_say_what_each_training_came_to() -> None:
    stream = io.StringIO()
    with watcher(stream=stream) as watch:
        assert isinstance(watch, Lines)
        told(watch)
    assert stream.getvalue().splitlines() == [
        "equal parameters: 4 trainings, 1 of them finished before",
        "2/4  gru, 3 units, seed 7: test accuracy 0.75 (epoch 1 of 2, 500 ms)",
        "3/4  gru, 3 units, seed 7: failed: the loss became nan",
    ]


def test_a_terminal_has_a_bar() -> None:
    stream = Terminal()
    with watcher(stream=stream) as watch:
        assert isinstance(watch, Bar)
        told(watch)
    assert "test accuracy 0.75" in stream.getvalue()
    assert "3/4" in stream.getvalue()


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_quiet_is_silent(stream: io.StringIO) -> None:
    with watcher(quiet=True, stream=stream) as watch:
        assert isinstance(watch, Silent)
        told(watch)
    assert stream.getvalue() == ""
