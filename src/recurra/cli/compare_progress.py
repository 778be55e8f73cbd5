"""How a comparison shows itself: a bar in a terminal, one line a training elsewhere."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from recurra.cli.progress import clock, suited
from recurra.train.compare_trial import Finished, Silent, Trial, Watch

__all__ = ["Bar", "Lines", "watcher"]


def watcher(*, quiet: bool = False, stream: TextIO | None = None) -> AbstractContextManager[Watch]:
    """The watcher of a comparison that suits the stream."""
    return suited(stream, quiet=quiet, silent=Silent, lines=Lines, bar=Bar)


class Lines:
    """One line a table and one a training.

    Args:
        stream: Where they go.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._done = self._all = 0

    def on_table(self, title: str, trials: int, finished: int) -> None:
        """Say how much there is to do."""
        self._done, self._all = finished, trials
        print(opening(title, trials, finished), file=self._stream, flush=True)

    def on_epoch(self, trial: Trial, epoch: int) -> None:
        """Nothing: an epoch is too little for a line."""

    def on_trial(self, trial: Trial, result: Finished) -> None:
        """Say how it ended."""
        self._done += 1
        width = len(str(self._all))
        line = f"{self._done:>{width}}/{self._all}  {ended(trial, result)}"
        print(line, file=self._stream, flush=True)


class Bar:
    """A bar over all trainings, the epochs of those that run beside it, a line for each that ended.

    Args:
        stream: A terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("trainings"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[running]}"),
            console=self._console,
        )
        self._task = self._bar.add_task("", total=None, visible=False, running="")
        self._running: dict[str, str] = {}

    def on_table(self, title: str, trials: int, finished: int) -> None:
        """Show the bar."""
        self._console.print(opening(title, trials, finished), highlight=False)
        self._running = {}
        self._bar.reset(
            self._task, total=trials, completed=finished, visible=True, description=title
        )
        self._bar.start()

    def on_epoch(self, trial: Trial, epoch: int) -> None:
        """Show how far each training is."""
        self._running[trial.name] = f"{trial.cell} {epoch}/{trial.epochs}"
        self._show()

    def on_trial(self, trial: Trial, result: Finished) -> None:
        """Move the bar; say how it ended."""
        self._running.pop(trial.name, None)
        self._console.print(ended(trial, result), highlight=False, markup=False)
        self._bar.advance(self._task)
        self._show()

    def stop(self) -> None:
        """Leave the bar as it stands; the terminal is the caller's again."""
        self._running = {}
        self._show()
        self._bar.stop()

    def _show(self) -> None:
        self._bar.update(self._task, running=", ".join(self._running.values()))


def opening(title: str, trials: int, finished: int) -> str:
    """What is about to be done."""
    there = f", {finished} of them finished before" if finished else ""
    return f"{title}: {trials} trainings{there}"


def ended(trial: Trial, result: Finished) -> str:
    """How a training ended, in a line."""
    who = f"{trial.cell}, {trial.hidden} units, seed {trial.seed}"
    if result["failed"] is not None:
        return f"{who}: failed: {result['failed']}"
    metric = result["metric"].replace("_", " ")
    figure = result["figures"][result["metric"]]
    taken = clock(result["epoch_seconds"] * result["epochs"])
    where = f"epoch {result['best_epoch']} of {result['epochs']}"
    return f"{who}: test {metric} {figure:.4g} ({where}, {taken})"
