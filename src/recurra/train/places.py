"""Where a training writes: the bundle in DIR, its working files in DIR.run beside it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from recurra.errors import OutputError
from recurra.spec.canonical import json_to_bytes
from recurra.spec.disk import is_temporary, require_new_folder, write_atomic
from recurra.spec.report import EpochRecord, FitReport
from recurra.train.checkpoint import CHECKPOINT
from recurra.train.doctor.signals import SIGNALS

__all__ = ["Places"]


@dataclass(frozen=True)
class Places:
    """The two folders of one training.

    Args:
        bundle: DIR, where the bundle goes.
        run: DIR.run: the checkpoint, history.jsonl (one record an epoch) and report.json.
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
        named = folder if folder.name not in ("", "..") else folder.resolve()
        if not named.name:
            raise OutputError(f"{folder} has no name to put its .run beside: choose another folder")
        run = named.with_name(named.name + ".run")
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
            ours = entry.name in (CHECKPOINT, "history.jsonl", SIGNALS, "report.json")
            if is_temporary(entry.name) or (ours and not continued):
                entry.unlink(missing_ok=True)

    def write_history(self, history: list[EpochRecord]) -> None:
        """history.jsonl: one line an epoch, all of them anew, so that it is never half."""
        lines = [json_to_bytes(dict(record), indent=None) + b"\n" for record in history]
        write_atomic(self.run / "history.jsonl", b"".join(lines))

    def write_report(self, report: FitReport) -> None:
        """report.json."""
        write_atomic(self.run / "report.json", json_to_bytes(dict(report)) + b"\n")


def _require_writable(folder: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(
            f"cannot write into {folder}: {error.strerror or error}: choose another place"
        ) from error
