"""A long table -> the series to forecast: id (where there are several), time, targets, covariates.

    date,A,B                    one series with two targets
    store,date,sales,price      one series a store; price as a covariate on request

Empty fields are data: they are counted, and filled by the codec. Rows must come in the order of
their times within a series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recurra.codecs.cases import Cases, Columns
from recurra.codecs.read_table import TABLES, read_table
from recurra.codecs.read_typed import is_frame, read_frame
from recurra.codecs.roles import is_role_name, named_column
from recurra.codecs.table import Table, shorten
from recurra.codecs.timeline import first_fault
from recurra.errors import DataError

if TYPE_CHECKING:
    from recurra.codecs.abstract import AbstractCodec
    from recurra.spec.settings import DataSettings

__all__ = ["SeriesCases", "read_series"]

Array = npt.NDArray[Any]
_IDS = ("id", "series", "series_id", "unique_id", "item_id", "编号", "序列")
_TIMES = (
    *("time", "t", "timestamp", "date", "datetime", "ds", "step", "month", "year"),
    *("时间", "时刻", "日期", "时间戳", "月份", "年份"),
)


@dataclass(frozen=True, eq=False)
class SeriesCases(Cases):
    """Series to forecast; `inputs` may hold NaN, `features` begin with the targets.

    Args:
        target_names: Columns to forecast.
        past_names: Covariates whose future is not known.
        known_names: Covariates whose future is known.
        dated: Times are seconds since 1970-01-01 UTC.
        zoned: Whether the dates name their time zone; None: there are none, or it is not known.
        stride: Rows between the forecasts by which a model is measured.
    """

    target_names: tuple[str, ...] = ()
    past_names: tuple[str, ...] = ()
    known_names: tuple[str, ...] = ()
    dated: bool = False
    zoned: bool | None = None
    stride: int = 1


def read_series(
    source: str | Path | Any,
    settings: DataSettings,
    *,
    need_target: bool = True,
    expect: AbstractCodec | None = None,
) -> SeriesCases:
    """The series of a file or a data frame.

    Args:
        source: A .csv, .tsv or .parquet, or a data frame with the Arrow C stream interface.
        settings: id, time, target ("A" or "A,B,C"), features (past-only covariates), known.
        need_target: Has no influence: a forecast reads its targets' past in any case.
        expect: The codec of a trained model: its columns are expected.

    Raises:
        DataError: a column is missing or plays two roles, a field is no number, times do not rise
            within a series, or they are of another kind than in training; with the line.
    """
    del need_target
    table = _table(source, settings.encoding)
    columns = expect.columns if expect is not None else None
    id_column = _role(table, settings.id, columns.id if columns else None, "id", _IDS)
    time_column = _role(table, settings.time, columns.time if columns else None, "time", _TIMES)
    taken = {name for name in (id_column, time_column) if name is not None}
    if expect is None:
        targets, past, known = _columns(table, settings, taken)
    else:
        targets, past, known = _expected(table, expect)
    features = (*targets, *past, *known)
    groups = _groups(table, id_column)
    values = np.stack([_numbers(table, name) for name in features], axis=1)
    dated, zoned = False, None
    times = None
    if time_column is not None:
        clock, dated = table.times(time_column), table.dated(time_column)
        zoned = table.zoned(time_column)
        if expect is not None:
            _check_kind(table, time_column, zoned, expect)
        times = tuple(clock[rows] for rows in groups.values())
        _check_times(table, time_column, groups, times)
    return SeriesCases(
        "series",
        tuple(values[rows] for rows in groups.values()),
        features,
        tuple(groups),
        table.source,
        times=times,
        columns=Columns(
            id_column,
            time_column,
            ignored=tuple(n for n in table.columns if n not in features and n not in taken),
        ),
        target_names=targets,
        past_names=past,
        known_names=known,
        dated=dated,
        zoned=zoned,
        stride=settings.stride,
    )


def target_list(table: Table, said: str | None) -> tuple[str, ...] | None:
    """The columns that `--target A,B,C` names; one whose name holds a comma is found whole."""
    if said is None:
        return None
    names = (said,) if said in table.columns else tuple(n.strip() for n in said.split(","))
    for k, name in enumerate(names):
        named_column(table, name, "target")
        if name in names[:k]:
            raise table.error("expected each target once, got this one twice", column=name)
    return names


def _table(source: Any, encoding: str) -> Table:
    if is_frame(source):
        return read_frame(source)
    if not isinstance(source, str | Path):
        raise DataError(f"expected a path or a data frame, got {type(source).__name__}")
    if Path(source).suffix.lower() not in TABLES:
        raise DataError(
            f"expected a table ({', '.join(TABLES)}), got {Path(source).suffix or 'no suffix'!r}",
            path=source,
        )
    return read_table(Path(source), encoding)


def _role(
    table: Table, said: str | None, learnt: str | None, role: str, words: Sequence[str]
) -> str | None:
    """The column of a role: as said, as in training, else the first of a known name."""
    if said is not None:
        return named_column(table, said, role)
    if learnt is not None:
        if learnt not in table.columns:
            raise table.error(
                f"expected the {role} column {learnt!r} as in training, got "
                f"{', '.join(table.columns[:8])}: add it, or name another with --{role}"
            )
        return learnt
    return next((name for name in table.columns if name.lower() in words), None)


def _columns(
    table: Table, settings: DataSettings, taken: set[str]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    past, known = settings.features or (), settings.known
    targets = target_list(table, settings.target)
    for name in (*past, *known):
        named_column(table, name, "features" if name in past else "known")
    if targets is None:
        free = [n for n in table.columns if n not in taken and n not in past and n not in known]
        free = [n for n in free if table.is_numeric(n)]
        called = [n for n in free if is_role_name(n)]
        targets = tuple(called or free)
        if len(targets) != 1:
            came = ", ".join(map(repr, free[:8])) or "no numeric column that is free"
            raise table.error(
                f"expected one column to forecast, got {came}: name it with --target, several as "
                "--target A,B,C"
            )
    roles: dict[str, str] = dict.fromkeys(taken, "id or time")
    for role, names in (("target", targets), ("feature", past), ("known", known)):
        for name in names:
            if name in roles:
                raise table.error(
                    f"expected one role for a column, got {roles[name]} and {role}: name another",
                    column=name,
                )
            roles[name] = role
    return targets, tuple(past), tuple(known)


def _expected(
    table: Table, expect: Any
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    for name in expect.features:
        if name not in table.columns:
            raise table.error(
                f"expected the column {name!r}, which the model was trained on, got "
                f"{', '.join(table.columns[:8])}: add it"
            )
    return expect.targets, expect.past, expect.known


def _groups(table: Table, column: str | None) -> dict[str, Array]:
    """Name of each series -> its rows, rising."""
    if column is None:
        return {"0": np.arange(len(table))}
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(table.texts(column)):
        if not name:
            raise table.error("expected an id, got an empty field: fill it", row=row, column=column)
        rows.setdefault(name, []).append(row)
    return {name: np.array(found, np.int64) for name, found in rows.items()}


def _numbers(table: Table, column: str) -> Array:
    """A column [rows] float64; an empty field or a word for it is NaN."""
    values = table.readings(column)
    if np.isnan(values).all():
        raise table.error("expected numbers, got a column without any value", column=column)
    return values


def _check_kind(table: Table, column: str, zoned: bool | None, expect: Any) -> None:
    """Refuse dates where training had numbers, and a zone where it had none, or the reverse.

    Numbers in the place of dates are their seconds since 1970-01-01 UTC.
    """
    if zoned is None:
        return
    came = shorten(table.texts(column)[0])
    if expect.frequency is not None and not expect.dated:
        raise table.error(
            f"expected numbers as times, as in training, got the date {came}: give the times of "
            "training's clock, or train anew on dates",
            row=0,
            column=column,
        )
    if expect.zoned is None or expect.zoned == zoned:
        return
    wanted, advice = (
        ("with", "write the zone behind each of them, +00:00 where they are in UTC")
        if expect.zoned
        else ("without", "write them in the clock of training and leave the zone out")
    )
    raise table.error(
        f"expected dates {wanted} a time zone, as in training, got {came}: {advice}",
        row=0,
        column=column,
    )


def _check_times(
    table: Table, column: str, groups: dict[str, Array], times: tuple[Array, ...]
) -> None:
    for (name, rows), clock in zip(groups.items(), times, strict=True):
        fault = first_fault(clock)
        if fault is None:
            continue
        fields = table.texts(column)
        step, problem = first_fault(clock, [fields[int(row)] for row in rows]) or fault
        raise table.error(
            f"{problem} (series {name!r}): sort the rows of each series by time; where clocks were "
            "put back an hour, give times with their zone, or in UTC",
            row=int(rows[step]),
            column=column,
        )
