"""Every error that recurra raises on purpose: each says what was expected, what came, what to do.

The command line turns any of them into one sentence and exit code 2; anything else is a defect.
"""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "BackendError",
    "BundleError",
    "CertificateError",
    "ConversionError",
    "DTypeError",
    "DataError",
    "DependencyError",
    "NotFittedError",
    "ObservationError",
    "OutputError",
    "RecurraError",
    "SettingsError",
    "ShapeError",
    "SpecError",
    "StateError",
    "TrainingError",
]


class RecurraError(Exception):
    """The base of all of them."""


class ShapeError(RecurraError, ValueError):
    """An array's axes do not fit: names the axis, what was expected and what came."""


class DTypeError(RecurraError, TypeError):
    """An array's element type is not one that the call takes."""


class SpecError(RecurraError, ValueError):
    """A cell, node or graph is described with values that contradict each other."""


class SettingsError(RecurraError, ValueError):
    """A setting is unknown (the nearest valid name is given) or out of its range."""


class DataError(RecurraError, ValueError):
    """A file or a table cannot be used as it is.

    Args:
        message: What was expected, what came and what to do.
        path: The file, when there is one.
        line: Its line, counted from 1, when one line is to blame.
        column: The column's name, when one column is to blame.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | Path | None = None,
        line: int | None = None,
        column: str | None = None,
    ) -> None:
        self.path, self.line, self.column = path, line, column
        where = [str(path)] if path is not None else []
        if line is not None:
            where.append(f"line {line}")
        if column is not None:
            where.append(f"column {column!r}")
        super().__init__(f"{', '.join(where)}: {message}" if where else message)


class ObservationError(RecurraError, ValueError):
    """One observation was refused by a session; the session's state is as it was."""


class StateError(RecurraError, ValueError):
    """A state belongs to another model, another layer or another version."""


class BundleError(RecurraError, ValueError):
    """A bundle is missing, damaged, of a newer format, or made for another task."""


class CertificateError(RecurraError, ValueError):
    """A model breaks, by measurement, a sameness that `docs/guarantees.md` promises."""


class OutputError(RecurraError, OSError):
    """An output exists already or cannot be written; what was there before is whole."""


class BackendError(RecurraError, RuntimeError):
    """A backend was named that cannot do this case; says why."""


class ConversionError(RecurraError, ValueError):
    """A conversion would lose or change something."""


class TrainingError(RecurraError, RuntimeError):
    """Training cannot go on: says at which step, with what figures, and what to try."""


class NotFittedError(RecurraError, ValueError, AttributeError):
    """An estimator was asked before it was fitted."""


class DependencyError(RecurraError, ImportError):
    """An optional package is not installed; says which extra brings it."""
