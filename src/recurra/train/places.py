"""Where a training writes: the bundle in DIR, its working files in DIR.run beside it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from recurra.errors import OutputError
from recurra.spec.canonical import json_to_bytes
from recurra.spec.disk import is_temporary, require_new_folder, write_atomic
from recurra.spec.report import EpochRecord, FitReport
from recurra.train.checkpoint import CHECKPOINT
from recurra.train.doctor.signals import SIGNALS
from recurra.train.lock import locked
from recurra.train.processes import rank
from recurra.train.tracking import LOG

__all__ = ["HISTORY", "Places", "placed", "run_of", "writing"]

HISTORY = ("history.jsonl", "history.csv")


@dataclass(frozen=True)
class Places:
    """The two folders of one training.

    Args:
        bundle: DIR, where the bundle goes.
        run: DIR.run: the checkpoint, history.jsonl and history.csv (one record an epoch) and
            report.json.
        replace: Whether what stands in DIR may be replaced.
    """

    bundle: Path
    run: Path
    replace: bool

    @staticmethod
    def prepare(folder: Path, *, resume: bool, force: bool) -> Places:
        """Check, before any training, that both folders can be written; nothing is removed yet.

        Args:
            folder: DIR.
            resume: Continue from DIR.run where it holds a checkpoint; else begin.
            force: Replace whatever stands there. A checkpoint is continued all the same if
                `resume` asks for it.

        Raises:
            OutputError: a bundle or a checkpoint stands there and nothing says what to do with
                it, or a folder cannot be written.
        """
        run = run_of(folder)
        continued = resume and (run / CHECKPOINT).exists()
        if folder.exists():
            require_new_folder(folder, force=force or continued)
        if (run / CHECKPOINT).exists() and not (continued or force):
            raise OutputError(
                f"{run} holds the checkpoint of a training: --resume continues it, --force begins "
                "anew"
            )
        require_new_folder(run, force=True)
        for place in (run, folder):
            if place.exists():
                _require_writable(place)
        return Places(folder, run, force or continued)

    def clear(self, *, continued: bool) -> None:
        """Remove what an earlier training left in DIR.run, its progress only if none continues."""
        for entry in self.run.iterdir():
            ours = entry.name in (CHECKPOINT, *HISTORY, SIGNALS, "report.json")
            if is_temporary(entry.name) or (ours and not continued):
                entry.unlink(missing_ok=True)
        if not continued:
            shutil.rmtree(self.run / LOG, ignore_errors=True)

    def write_history(self, history: list[EpochRecord]) -> None:
        """history.jsonl and history.csv: one line an epoch, all anew, so that none is ever half."""
        lines = [json_to_bytes(dict(record), indent=None) + b"\n" for record in history]
        write_atomic(self.run / HISTORY[0], b"".join(lines))
        # repr of a float is read back as the same float.
        rows = [list(EpochRecord.__annotations__), *(map(repr, r.values()) for r in history)]
        table = "".join(",".join(row) + "\n" for row in rows)
        write_atomic(self.run / HISTORY[1], table.encode("ascii"))

    def write_report(self, report: FitReport) -> None:
        """report.json."""
        write_atomic(self.run / "report.json", json_to_bytes(dict(report)) + b"\n")


def run_of(folder: Path) -> Path:
    """DIR.run of DIR.

    Raises:
        OutputError: DIR has no name.
    """
    named = folder if folder.name not in ("", "..") else folder.resolve()
    if not named.name:
        raise OutputError(f"{folder} has no name to put its .run beside: choose another folder")
    return named.with_name(named.name + ".run")


@contextmanager
def placed(folder: Path | None, *, resume: bool, force: bool) -> Iterator[Places | None]:
    """The places of a training for its whole length, prepared and locked by the first process.

    Args:
        folder: DIR; None: the training writes nothing.
        resume: As for `Places.prepare`.
        force: As for `Places.prepare`.

    Raises:
        OutputError: as `Places.prepare` and `writing`.
    """
    if folder is None:
        yield None
    elif rank():
        yield Places(folder, run_of(folder), force)
    else:
        with writing(folder):
            yield Places.prepare(folder, resume=resume, force=force)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Let no other training write into DIR and DIR.run meanwhile.

    Raises:
        OutputError: another one does, or DIR.run cannot be made.
    """
    run = run_of(folder)
    there = run.exists()
    require_new_folder(run, force=True)
    try:
        with locked(run):
            yield
    finally:
        if not there:
            # What was refused leaves nothing behind.
            with suppress(OSError):
                run.rmdir()


def _require_writable(folder: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(
            f"cannot write into {folder}: {error.strerror or error}: choose another place"
        ) from error
