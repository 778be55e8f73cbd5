"""A table and where its rows came from, so that every complaint names file, line and column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recurra.errors import DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["MISSING", "Table"]

Array = npt.NDArray[Any]

# Texts that stand for a missing value in a numeric column, in lower case.
MISSING = ("", "na", "n/a", "nan", "null", "none", "?")


@dataclass(frozen=True)
class Table:
    """Rows in the order of their source.

    Args:
        frame: Text files: every column holds the fields as they stand. Typed sources (Parquet,
            data frames): the columns' own types.
        source: File or argument, for messages.
        typed: Which of the two.
        line_of: Row -> line in the file, counted from 1; None where there are no lines.
        named: The names come from the source itself, not from a guess.
    """

    frame: pl.DataFrame
    source: str
    typed: bool
    line_of: Callable[[int], int | None] = lambda _row: None
    named: bool = True

    @property
    def columns(self) -> list[str]:
        """Names in order."""
        return self.frame.columns

    def error(
        self, message: str, *, row: int | None = None, column: str | None = None
    ) -> DataError:
        """The error that points at a row and a column."""
        line = None if row is None else self.line_of(row)
        if row is not None and line is None:
            message = f"row {row + 1}: {message}"
        return DataError(message, path=self.source, line=line, column=column)

    def texts(self, column: str) -> list[str]:
        """Every field of a column as a text; a missing one is empty."""
        import polars as pl

        series = self.frame[column]
        try:
            if not self.typed:
                return series.str.strip_chars().to_list()
            if series.dtype.is_float():
                # 1.0 and 1 are the same label and the same id.
                whole = series.is_finite().all() and (series == series.round()).all()
                series = series.cast(pl.Int64) if whole else series
            return series.cast(pl.String).fill_null("").to_list()
        except pl.exceptions.PolarsError:
            raise self.error(
                f"expected texts, numbers or dates, got {series.dtype}: convert the column",
                column=column,
            ) from None

    def numbers_or_null(self, column: str) -> pl.Series:
        """A column as float64; what is no number is null."""
        import polars as pl

        series = self.frame[column]
        if not self.typed:
            return series.str.strip_chars().cast(pl.Float64, strict=False)
        if series.dtype.is_numeric() or series.dtype in (pl.Boolean, pl.String, pl.Null):
            return series.cast(pl.Float64, strict=False)
        return pl.Series(column, [None] * len(series), dtype=pl.Float64)

    def floats(self, column: str) -> Array:
        """A numeric column [rows], float64, all finite.

        Raises:
            DataError: with the line of the first field that is missing, infinite or no number.
        """
        values = self.numbers_or_null(column).to_numpy(allow_copy=True)
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            raise self._not_a_number(column, int(wrong[0]))
        return np.asarray(values, dtype=np.float64)

    def times(self, column: str) -> Array:
        """A column of numbers, or of ISO dates as seconds since 1970-01-01 UTC; [rows], float64.

        Raises:
            DataError: with the line of the first field that is neither.
        """
        import polars as pl

        series = self.frame[column]
        if self.typed and series.dtype in (pl.Date, pl.Datetime):
            if series.null_count():
                row = int(series.is_null().arg_true()[0])
                raise self.error("expected a time, got a missing value", row=row, column=column)
            return series.cast(pl.Datetime("us")).dt.epoch("us").to_numpy() / 1e6
        first = self.texts(column)[0]
        return self.floats(column) if _seconds(first) is None else self._dates(column)

    def _dates(self, column: str) -> Array:
        fields = self.texts(column)
        seconds = np.empty(len(fields))
        zoned = _is_zoned(fields[0])
        for row, field in enumerate(fields):
            found = _seconds(field)
            if found is None:
                raise self.error(
                    f"expected a number or an ISO date such as 2024-05-01T13:00:00, got {field!r}: "
                    "correct it, or leave the time column out",
                    row=row,
                    column=column,
                )
            if _is_zoned(field) != zoned:
                raise self.error(
                    f"expected dates either all with or all without a time zone, got {field!r}",
                    row=row,
                    column=column,
                )
            seconds[row] = found
        return seconds

    def _not_a_number(self, column: str, row: int) -> DataError:
        value = self.frame[column][row]
        shown = (
            repr(value) if not isinstance(value, str) or len(value) <= 40 else f"{value[:37]!r}..."
        )
        if value is None or str(value).strip().lower() in MISSING:
            problem = "a missing value" if value in (None, "") else f"the missing value {shown}"
            advice = "fill it, or leave the row or the column out"
        elif isinstance(value, str) and _seconds(value) is not None and _is_dated(value):
            problem, advice = f"the date {shown}", "name it with --time, or leave the column out"
        elif not isinstance(value, str | int | float):
            problem, advice = f"{shown}", "convert the column, or leave it out"
        elif self.numbers_or_null(column)[row] is not None:
            problem, advice = f"the infinite or too large {shown}", "correct it"
        else:
            problem, advice = (
                f"the text {shown}",
                "correct it, or leave the column out (--features)",
            )
        return self.error(
            f"expected a finite number, got {problem}: {advice}", row=row, column=column
        )


def _is_dated(field: str) -> bool:
    return "-" in field.strip()[1:] or ":" in field


def _is_zoned(field: str) -> bool:
    moment = datetime.fromisoformat(field.strip())
    return moment.tzinfo is not None


def _seconds(field: str) -> float | None:
    """Seconds since 1970-01-01 UTC of an ISO date; None for anything else, plain numbers included."""
    field = field.strip()
    if not _is_dated(field):
        return None
    try:
        moment = datetime.fromisoformat(field)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
