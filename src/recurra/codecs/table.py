"""A table and where its rows came from, so that every complaint names file, line and column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recurra.codecs.cases import Label
from recurra.codecs.dates import are_compact, seconds_of, spelt_out, zoned
from recurra.errors import DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["MISSING", "Table", "shorten"]

Array = npt.NDArray[Any]

# Texts that stand for a missing value in a numeric column, in lower case.
MISSING = ("", "na", "n/a", "nan", "null", "none", "?")


def _no_line(_row: int) -> int | None:
    return None


@dataclass(frozen=True)
class Table:
    """Rows in the order of their source.

    Args:
        frame: Text files: every column holds the fields as they stand. Typed sources (Parquet,
            data frames): the columns' own types.
        source: File or argument, for messages.
        typed: Which of the two.
        line_of: Row -> line in the file, counted from 1; None where there are no lines.
    """

    frame: pl.DataFrame
    source: str
    typed: bool
    line_of: Callable[[int], int | None] = _no_line

    @property
    def columns(self) -> list[str]:
        """Names in order."""
        return self.frame.columns

    def __len__(self) -> int:
        return len(self.frame)

    def error(
        self, message: str, *, row: int | None = None, column: str | None = None
    ) -> DataError:
        """The error that points at a row and a column."""
        line = None if row is None else self.line_of(row)
        if row is not None and line is None:
            message = f"row {row + 1}: {message}"
        return DataError(message, path=self.source, line=line, column=column)

    def texts(self, column: str) -> list[str]:
        """Every field of a column as a text without outer spaces; a missing one is empty."""
        import polars as pl

        series = self.frame[column]
        if self.typed:
            if series.dtype.is_float():
                # 1.0 and 1 are the same id.
                series = _whole(series)
            if series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object):
                raise self.error(
                    f"expected texts, numbers or dates, got {series.dtype}: convert the column",
                    column=column,
                )
            series = series.cast(pl.String).fill_null("")
        fields: list[str] = series.str.strip_chars().to_list()
        return fields

    def raw_texts(self, column: str) -> list[str]:
        """As `texts`, outer spaces kept."""
        if self.typed:
            return self.texts(column)
        fields: list[str] = self.frame[column].to_list()
        return fields

    def labels(self, column: str) -> list[Label | None]:
        """Every field of a column as a label in its own type; a missing one is None."""
        import polars as pl

        series = self.frame[column]
        if self.typed and (series.dtype.is_integer() or series.dtype == pl.Boolean):
            found: list[Label | None] = series.to_list()
            return found
        if self.typed and (series.dtype.is_float() or series.dtype.is_decimal()):
            return [_finite(value) for value in series.cast(pl.Float64).to_list()]
        return [field or None for field in self.texts(column)]

    def is_numeric(self, column: str) -> bool:
        """Whether at least half of the fields that are not missing are numbers.

        A column without any value counts as numeric: it is refused later, by name.
        """
        import polars as pl

        dtype = self.frame[column].dtype
        if self.typed:
            return dtype.is_numeric() or dtype in (pl.Boolean, pl.Null)
        fields = self.frame[column].str.strip_chars()
        present = fields.filter(~fields.str.to_lowercase().is_in(list(MISSING)))
        return present.cast(pl.Float64, strict=False).is_not_null().sum() * 2 >= len(present)

    def is_blank(self, column: str) -> bool:
        """Whether a column holds no value at all."""
        series = self.frame[column]
        return series.null_count() == len(series) or all(
            field is None or str(field).strip().lower() in MISSING for field in series
        )

    def floats(self, column: str) -> Array:
        """A numeric column [rows], float64, all finite.

        Raises:
            DataError: with the line of the first field that is missing, infinite or no number.
        """
        values = self._floats_or_nan(column)
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong) == len(values) and self.is_blank(column):
            raise self.error(
                "expected numbers, got a column without any value: leave it out (--features names "
                "the columns to read)",
                column=column,
            )
        if len(wrong):
            raise self._not_a_number(column, int(wrong[0]))
        return values

    def readings(self, column: str) -> Array:
        """As `floats`, but a missing value (an empty field, NA, NaN, null, ...) is NaN.

        Raises:
            DataError: with the line of the first field that is infinite or no number.
        """
        import polars as pl

        values = self._floats_or_nan(column)
        unknown = np.isnan(values)
        if unknown.any() and (not self.typed or self.frame[column].dtype == pl.String):
            fields = self.frame[column].fill_null("").str.strip_chars().str.to_lowercase()
            unknown &= ~fields.is_in(list(MISSING)).to_numpy()
        elif self.is_numeric(column):
            unknown[:] = False
        wrong = np.flatnonzero(unknown | np.isinf(values))
        if len(wrong):
            raise self._not_a_number(column, int(wrong[0]))
        return values

    def times(self, column: str) -> Array:
        """A column of numbers, or of ISO dates as seconds since 1970-01-01 UTC; [rows], float64.

        Spans such as 07:30 are seconds too.

        Raises:
            DataError: with the line of the first field that is neither.
        """
        fields = self.texts(column)
        if are_compact(fields):
            fields = list(map(spelt_out, fields))
        elif seconds_of(fields[0]) is None:
            return self._times_in_numbers(column, fields)
        seconds = np.empty(len(fields))
        # A long table names the same times again and again.
        known = {field: (seconds_of(field), zoned(field)) for field in set(fields)}
        for row, field in enumerate(fields):
            found, has_zone = known[field]
            if found is None or has_zone != known[fields[0]][1]:
                raise self.error(
                    "expected ISO dates such as 2024-05-01T13:00:00, all with or all without a "
                    f"time zone, got {shorten(field)}: correct it, or leave the time column out",
                    row=row,
                    column=column,
                )
            seconds[row] = found
        return seconds

    def _times_in_numbers(self, column: str, fields: list[str]) -> Array:
        values = self._floats_or_nan(column)
        for row in map(int, np.flatnonzero(np.isnan(values))):
            if fields[row].lower() not in MISSING:
                raise self.error(
                    "expected times as numbers, or as ISO dates such as 2024-05-01T13:00:00, got "
                    f"{shorten(fields[row])}: write all of them so, or leave the time column out",
                    row=row,
                    column=column,
                )
        return self.floats(column)

    def dated(self, column: str) -> bool:
        """Whether `times` reads a column as dates or spans."""
        fields = self.texts(column)
        return bool(fields) and (seconds_of(fields[0]) is not None or are_compact(fields))

    def zoned(self, column: str) -> bool | None:
        """Whether the dates that `times` reads name their zone; None: they are no dates."""
        return zoned(self.texts(column)[0]) if self.dated(column) else None

    def _floats_or_nan(self, column: str) -> Array:
        import polars as pl

        series = self.frame[column]
        if not self.typed or series.dtype == pl.String:
            series = series.str.strip_chars().cast(pl.Float64, strict=False)
        elif self.is_numeric(column):
            series = series.cast(pl.Float64, strict=False)
        else:
            return np.full(len(series), np.nan)
        return np.array(series.fill_null(float("nan")).to_numpy(), dtype=np.float64)

    def _not_a_number(self, column: str, row: int) -> DataError:
        value = self.frame[column][row]
        field = "" if value is None else str(value).strip()
        shown = shorten(field)
        if field.lower() in MISSING:
            problem = f"the missing value {shown}" if field else "a missing value"
            advice = "fill it, or leave the row or the column out"
        elif seconds_of(field) is not None:
            problem, advice = f"the date {shown}", "name it as time (--time), or leave it out"
        elif np.isinf(self._floats_or_nan(column)[row]):
            problem, advice = f"the infinite or too large {shown}", "correct it"
        else:
            problem, advice = f"the text {shown}", "correct it, or leave the column out"
        return self.error(
            f"expected a finite number, got {problem}: {advice}", row=row, column=column
        )


def shorten(value: object) -> str:
    """`repr`, cut to what fits into a sentence."""
    shown = repr(value)
    return shown if len(shown) <= 50 else shown[:46] + "...'"


def _whole(series: pl.Series) -> pl.Series:
    """A float column as whole numbers where it holds nothing else."""
    import polars as pl

    values = series.drop_nulls()
    # 2**53: beyond it float64 skips whole numbers.
    whole = (values.is_finite() & (values == values.round()) & (values.abs() < 2**53)).all()
    return series.cast(pl.Int64) if whole else series


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else value
