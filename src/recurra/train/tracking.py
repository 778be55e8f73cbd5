"""A training's figures for TensorBoard, through Accelerate's tracker, beside JSONL and CSV.

The log is the history and nothing else: a training that goes on writes it anew from its checkpoint,
so that no epoch is missing and none is there twice, whenever it was killed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from recurra.errors import SettingsError
from recurra.spec.report import EpochRecord
from recurra.train.extra import require_extra

if TYPE_CHECKING:
    from accelerate import Accelerator

__all__ = ["LOG", "require_tracker", "tracking"]

LOG = "tensorboard"
Track = Literal["none", "tensorboard"]
_EVENTS = "events.out.tfevents.*"


def require_tracker(track: Track, folder: Path | None) -> None:
    """Nothing, where the tracker can be had.

    Args:
        track: Which.
        folder: DIR; None: the training writes nothing.

    Raises:
        DependencyError: its package is missing.
        SettingsError: there is no place to write to.
    """
    if track == "none":
        return
    require_extra("tensorboard", "tensorboard", "track=tensorboard")
    if folder is None:
        raise SettingsError(
            "track=tensorboard writes beside the bundle that a training makes, and this one makes "
            "none: leave track out"
        )


@contextmanager
def tracking(
    track: Track, run: Path | None, accelerator: Accelerator
) -> Iterator[Callable[[Sequence[EpochRecord]], None]]:
    """What takes the history after each epoch, and at a resumed training's beginning.

    Args:
        track: Which tracker.
        run: DIR.run; None: nothing is written.
        accelerator: Only its first process writes.
    """
    if track == "none" or run is None or not accelerator.is_main_process:
        yield _nothing
        return
    from accelerate.tracking import TensorBoardTracker

    for old in (run / LOG).glob(_EVENTS):
        old.unlink()
    # A reader that has the old log open forgets what it knows from here on.
    tracker = TensorBoardTracker(LOG, run, purge_step=1)
    tracker.start()
    written = 0

    def take(history: Sequence[EpochRecord]) -> None:
        nonlocal written
        # As if the whole training had just been run, so that the axis of time is its own.
        now = time.time() - sum(record["seconds"] for record in history[written:])
        for record in history[written:]:
            now += record["seconds"]
            figures = {name: value for name, value in record.items() if name != "epoch"}
            tracker.log(figures, step=record["epoch"], walltime=now)
        written = len(history)

    try:
        yield take
    finally:
        tracker.finish()


def _nothing(history: Sequence[EpochRecord]) -> None:
    del history
