"""How a search shows itself: a bar in a terminal, one line a trial elsewhere."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from recurra.cli.progress import suited
from recurra.spec.report import TunedTrial
from recurra.spec.space import spelt
from recurra.train.tune_trial import Silent, Watch

__all__ = ["Bar", "Lines", "watcher"]


def watcher(*, quiet: bool = False, stream: TextIO | None = None) -> AbstractContextManager[Watch]:
    """The watcher of a search that suits the stream."""
    return suited(stream, quiet=quiet, silent=Silent, lines=Lines, bar=Bar)


class Lines:
    """One line when the search begins and one a trial.

    Args:
        stream: Where they go.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def on_begin(self, trials: int, finished: int) -> None:
        """Say how much there is to do."""
        print(opening(trials, finished), file=self._stream, flush=True)

    def on_epoch(self, number: int, epoch: int, epochs: int) -> None:
        """Nothing: an epoch is too little for a line."""

    def on_trial(self, trial: TunedTrial, best: TunedTrial | None) -> None:
        """Say how it ended."""
        print(ended(trial, best), file=self._stream, flush=True)


class Bar:
    """A bar over all trials, the epoch of this process's own beside it, a line for each that ended.

    Args:
        stream: A terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream)
        self._bar = Progress(
            TextColumn("search"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("trials"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[running]}"),
            console=self._console,
        )
        self._task = self._bar.add_task("", total=None, visible=False, running="")

    def on_begin(self, trials: int, finished: int) -> None:
        """Show the bar."""
        self._console.print(opening(trials, finished), highlight=False)
        self._bar.update(self._task, total=trials, completed=finished, visible=True)
        self._bar.start()

    def on_epoch(self, number: int, epoch: int, epochs: int) -> None:
        """Show how far the trial is."""
        self._bar.update(self._task, running=f"trial {number}, epoch {epoch}/{epochs}")

    def on_trial(self, trial: TunedTrial, best: TunedTrial | None) -> None:
        """Move the bar; say how the trial ended."""
        self._console.print(ended(trial, best), highlight=False, markup=False)
        self._bar.advance(self._task)

    def stop(self) -> None:
        """Leave the bar as it stands; the terminal is the caller's again."""
        self._bar.update(self._task, running="")
        self._bar.stop()


def opening(trials: int, finished: int) -> str:
    """What is about to be done."""
    there = f", {finished} of them finished before" if finished else ""
    return f"search: {trials} trials{there}"


def ended(trial: TunedTrial, best: TunedTrial | None) -> str:
    """How a trial ended, in a line; a star marks the best so far."""
    values = ", ".join(f"{name}={spelt(value)}" for name, value in trial["settings"].items())
    line = f"trial {trial['trial']}: {_outcome(trial)}  ({values})"
    return f"{line} *" if best is not None and best["trial"] == trial["trial"] else line


def _outcome(trial: TunedTrial) -> str:
    if trial["state"] == "failed":
        return f"failed: {trial['why']}"
    figure = "" if trial["value"] is None else f"{trial['value']:.4g}"
    if trial["state"] == "pruned":
        return f"{figure}, given up after epoch {trial['epochs']}"
    return f"{figure} at epoch {trial['best_epoch']} of {trial['epochs']}"
