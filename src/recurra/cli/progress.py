"""How a training shows itself: a bar in a terminal, one line an epoch elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO, TypeVar

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as RichProgress

from recurra.cli.printed import counted
from recurra.spec.report import EpochRecord
from recurra.train.progress import Plan, Progress, Silent

__all__ = ["Bar", "Lines", "clock", "suited", "watcher"]


class _Stops(Protocol):
    def stop(self) -> None: ...


W = TypeVar("W")
B = TypeVar("B", bound=_Stops)


@contextmanager
def suited(
    stream: TextIO | None,
    *,
    quiet: bool,
    silent: Callable[[], W],
    lines: Callable[[TextIO], W],
    bar: Callable[[TextIO], B],
) -> Iterator[W | B]:
    """What suits the stream; whatever happens, the terminal is left in order.

    Args:
        stream: Where to; None: standard error.
        quiet: Say nothing, by `silent`.
        silent: Makes what says nothing.
        lines: Makes what writes lines.
        bar: Makes what draws in a terminal.
    """
    stream = sys.stderr if stream is None else stream
    if quiet or not stream.isatty():
        yield silent() if quiet else lines(stream)
        return
    drawn = bar(stream)
    try:
        yield drawn
    finally:
        drawn.stop()


def watcher(
    *, quiet: bool = False, stream: TextIO | None = None, name: str = ""
) -> AbstractContextManager[Progress]:
    """The watcher of a training that suits the stream.

    Args:
        quiet: Say nothing.
        stream: Where to; None: standard error.
        name: Stands before each line, when several trainings follow one another.
    """
    return suited(
        stream,
        quiet=quiet,
        silent=Silent,
        lines=lambda to: Lines(to, name),
        bar=lambda to: Bar(to, name),
    )


class Lines:
    """One line when the training starts, one an epoch, one when it ends.

    Args:
        stream: Where they go.
        name: Stands before each line.
    """

    def __init__(self, stream: TextIO, name: str = "") -> None:
        self._stream = stream
        self._name = name
        self._plan: Plan | None = None

    def _say(self, line: str) -> None:
        print(f"{self._name}  {line}" if self._name else line, file=self._stream, flush=True)

    def on_start(self, plan: Plan) -> None:
        """Say what is about to be done."""
        self._plan = plan
        self._say(_opening(plan))

    def on_step(
        self, epoch: int, batch: int, loss: float, metric: float | None, speed: float, eta_s: float
    ) -> None:
        """Nothing: a step is too little for a line."""

    def on_epoch(self, record: EpochRecord, best: bool) -> None:
        """Say how far it is and how well it goes; a star marks the best epoch so far."""
        assert self._plan is not None
        width = len(str(self._plan.epochs))
        self._say(
            f"epoch {record['epoch']:>{width}}/{self._plan.epochs}"
            f"  loss {record['loss']:.4f}  watched {record['valid_loss']:.4f}"
            f"  {self._plan.metric} {record['metric']:.4f}{' *' if best else '  '}"
            f"  {clock(record['seconds'])}"
        )

    def on_end(self, stopped: str) -> None:
        """Say why it ended."""
        self._say(_ENDINGS[stopped])


class Bar:
    """A bar over all steps, with loss, metric, speed and the time that is left.

    Args:
        stream: A terminal.
        name: Stands before the bar.
    """

    def __init__(self, stream: TextIO, name: str = "") -> None:
        self._console = Console(file=stream)
        self._name = name
        self._plan: Plan | None = None
        self._column = BarColumn(bar_width=_BAR_WIDTH)
        self._bar = RichProgress(
            TextColumn("{task.description}"),
            self._column,
            TextColumn("{task.fields[figures]}"),
            console=self._console,
        )
        self._task = self._bar.add_task(name, total=None, start=False, visible=False, figures="")

    def _say(self, line: str) -> None:
        named = f"{self._name}  {line}" if self._name else line
        self._console.print(named, highlight=False, markup=False)

    def on_start(self, plan: Plan) -> None:
        """Say what is about to be done and show the bar."""
        self._plan = plan
        self._say(_opening(plan))
        self._bar.update(
            self._task,
            total=plan.epochs * plan.batches,
            completed=(plan.epoch - 1) * plan.batches,
            visible=True,
        )
        self._bar.start_task(self._task)
        self._bar.start()

    def on_step(
        self, epoch: int, batch: int, loss: float, metric: float | None, speed: float, eta_s: float
    ) -> None:
        """Move the bar."""
        assert self._plan is not None
        watched = "" if metric is None else f"  {self._plan.metric} {metric:.4f}"
        where = f"{self._name}  epoch {epoch}/{self._plan.epochs}".strip()
        told = f"loss {loss:.4f}{watched}  {speed:,.0f}"
        figures = f"{told} {self._plan.unit}s/s  {clock(eta_s)} left"
        room = self._console.width - len(where) - len(figures) - 2
        if room < _BAR_WIDTH // 3:
            # A narrow terminal loses words and most of the bar, but no figure.
            where, figures = where.replace("epoch ", ""), f"{told}/s  {clock(eta_s)} left"
            room = self._console.width - len(where) - len(figures) - 2
        self._column.bar_width = min(max(room, 1), _BAR_WIDTH)
        self._bar.update(
            self._task,
            completed=(epoch - 1) * self._plan.batches + batch,
            description=where,
            figures=figures,
        )

    def on_epoch(self, record: EpochRecord, best: bool) -> None:
        """Nothing: the next step shows the new metric."""

    def on_end(self, stopped: str) -> None:
        """Leave the bar as it stands and say why it ended."""
        self.stop()
        self._say(_ENDINGS[stopped])

    def stop(self) -> None:
        """Leave the bar as it stands; the terminal is the caller's again."""
        self._bar.stop()


# In a wide terminal; enough to see a hundredth move.
_BAR_WIDTH = 24

_ENDINGS = {
    "epochs": "all epochs done; the best one's weights are kept",
    "patience": "stopped early: no better epoch for a while; the best one's weights are kept",
    "interrupted": "interrupted; the best epoch's weights so far are kept",
}


def clock(seconds: float) -> str:
    """A duration that is read at a glance: 820 ms, 4.2 s, 3:07, 1:02:45."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _opening(plan: Plan) -> str:
    resumed = f"; goes on at epoch {plan.epoch}" if plan.epoch > 1 else ""
    return (
        f"{plan.task}: {counted(plan.cases, plan.unit)} to learn from; "
        f"{counted(plan.parameters, 'parameter')}{resumed}"
    )
