"""A terminal gets a bar, everything else one line an epoch, and quiet gets nothing."""

from __future__ import annotations

import io

import pytest

from recurra.cli.progress import Bar, Lines, clock, watcher
from recurra.spec.report import EpochRecord
from recurra.train.progress import Plan, Progress, Silent

PLAN = Plan(
    task="classify", epochs=3, epoch=1, batches=4, cases=230, parameters=15433, metric="accuracy"
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def record(epoch: int, metric: float) -> EpochRecord:
    return EpochRecord(
        epoch=epoch,
        loss=0.5,
        valid_loss=0.25,
        metric=metric,
        learning_rate=0.1,
        gradient_norm=1.0,
        clipped=0.0,
        seconds=0.25,
    )


def watch(progress: Progress) -> None:
    progress.on_start(PLAN)
    for epoch in (1, 2):
        for batch in range(1, 5):
            progress.on_step(epoch, batch, 0.5, None if epoch == 1 else 0.9, 1234.0, 65.0)
        progress.on_epoch(record(epoch, 0.9), best=epoch == 2)
    progress.on_end("patience")


def test_one_line_an_epoch_with_the_best_marked() -> None:
    stream = io.StringIO()
    with watcher(stream=stream, name="GRU") as progress:
        assert isinstance(progress, Lines)
        watch(progress)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "GRU  classify: 230 sequences to learn from; 15,433 parameters"
    assert lines[1] == ("GRU  epoch 1/3  loss 0.5000  watched 0.2500  accuracy 0.9000    250 ms")
    assert "0.9000 *" in lines[2]
    assert len(lines) == 4


def test_a_bar_shows_loss_metric_speed_and_the_time_left() -> None:
    stream = Terminal()
    with watcher(stream=stream) as progress:
        assert isinstance(progress, Bar)
        watch(progress)
    text = " ".join(stream.getvalue().split())
    for shown in ("epoch 2/3", "loss 0.5000", "accuracy 0.9000", "1,234 sequences/s", "1:05 left"):
        assert shown in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_figure_is_cut_off_in_a_narrow_terminal(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    stream = Terminal()
    with watcher(stream=stream) as progress:
        watch(progress)
    text = stream.getvalue()
    assert "…" not in text
    for shown in ("2/3", "loss 0.5000", "accuracy 0.9000", "1,234", "1:05 left"):
        assert shown in text


def test_the_bar_is_gone_when_the_training_fails() -> None:
    stream = Terminal()

    def fail() -> None:
        with watcher(stream=stream) as progress:
            progress.on_start(PLAN)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert stream.getvalue().rstrip().endswith("\x1b[?25h")  # the cursor is shown again


def test_a_resumed_training_says_where_it_goes_on() -> None:
    stream = io.StringIO()
    Lines(stream).on_start(Plan("classify", 3, 2, 4, 230, 15433, "accuracy"))
    assert stream.getvalue().endswith("; goes on at epoch 2\n")


def test_a_training_that_had_nothing_left_to_do_only_ends() -> None:
    for stream in (io.StringIO(), Terminal()):
        with watcher(stream=stream) as progress:
            progress.on_end("epochs")
        assert "all epochs done" in stream.getvalue()


def test_quiet_says_nothing() -> None:
    stream = Terminal()
    with watcher(quiet=True, stream=stream) as progress:
        assert isinstance(progress, Silent)
        watch(progress)
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.82, "820 ms"), (4.2, "4.2 s"), (187, "3:07"), (3765, "1:02:45")],
)
def test_durations_are_read_at_a_glance(seconds: float, text: str) -> None:
    assert clock(seconds) == text
