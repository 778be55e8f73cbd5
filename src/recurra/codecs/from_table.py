"""A table with known roles -> cases: long tables (a case is the rows of an id) and text tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recurra.codecs.arrays import check_text
from recurra.codecs.cases import Cases, Label
from recurra.codecs.roles import Roles, find_target, named_column, varies_within
from recurra.codecs.series import SeriesCodec
from recurra.codecs.settled import Task, settle_targets
from recurra.codecs.table import Table
from recurra.codecs.timeline import first_fault
from recurra.errors import DataError

if TYPE_CHECKING:
    from recurra.codecs.codec import SequenceCodec
    from recurra.spec.settings import DataSettings

__all__ = ["groups_of", "join_labels", "labelled", "long_cases", "text_cases"]

Array = npt.NDArray[Any]


def long_cases(
    table: Table, roles: Roles, task: Task, expect: SequenceCodec | None = None
) -> Cases:
    """One case for each id, in the order in which ids first appear.

    Rows of an id may stand apart; they are taken in the order of the file, and times, where there
    are any, must rise within an id. A missing value is NaN; a codec that does not take any, as one
    that was fitted without, has them refused here, where their lines are known.

    Raises:
        DataError: with the line and column that are wrong.
    """
    columns = roles.columns
    assert columns.id is not None
    groups = groups_of(table, columns.id)
    values = np.stack([_readings(table, name, expect) for name in roles.features], axis=1)
    times = None
    if columns.time is not None:
        clock = table.times(columns.time)
        times = tuple(clock[rows] for rows in groups.values())
        _check_times(table, columns.time, groups, times)
    cases = Cases(
        "series",
        tuple(values[rows] for rows in groups.values()),
        roles.features,
        tuple(groups),
        table.source,
        times=times,
        columns=columns,
    )
    return labelled(cases, table, [int(rows[0]) for rows in groups.values()], task)


def labelled(cases: Cases, table: Table, firsts: Sequence[int], task: Task) -> Cases:
    """The cases with the targets of a long table, whose roles they carry.

    Args:
        firsts: The first row of each case.

    Raises:
        DataError: a target is missing, or is not the same for all rows of an id.
    """
    columns = cases.columns
    assert columns is not None
    if columns.target is None:
        return cases
    assert columns.id is not None
    different = varies_within(table, columns.id, columns.target)
    if different is not None:
        name = table.texts(columns.id)[different]
        came = "another one" if table.texts(columns.target)[different] else "a missing value"
        raise table.error(
            f"expected one target for all rows of the id {name!r}, got {came} here: correct it, "
            "name another target, or take --task tag, where each row has its own",
            row=different,
            column=columns.target,
        )
    return _with_targets(cases, table, firsts, task)


def text_cases(table: Table, roles: Roles, task: Task) -> Cases:
    """One case for each row.

    Raises:
        DataError: with the line and column that are wrong.
    """
    columns = roles.columns
    assert columns.text is not None
    texts = table.raw_texts(columns.text)
    for row, text in enumerate(texts):
        try:
            check_text(text, "this case")
        except DataError as error:
            raise table.error(str(error), row=row, column=columns.text) from None
    ids = tuple(str(row) for row in range(len(texts)))
    if columns.id is not None:
        ids = tuple(_unique_ids(table, columns.id))
    cases = Cases("text", tuple(texts), (), ids, table.source, columns=columns)
    if columns.target is None:
        return cases
    return _with_targets(cases, table, range(len(texts)), task)


def join_labels(cases: Cases, table: Table, settings: DataSettings, task: Task) -> Cases:
    """The cases with the targets that a second table gives for their ids.

    The id column has the name that it has in the first table; so has the target column, if it is
    named, else it is called like one or is the only other column.

    Raises:
        DataError: an id has no target or two.
    """
    id_name = cases.columns.id if cases.columns else "id"
    if id_name is None or id_name not in table.columns:
        raise table.error(
            f"expected the column {id_name or 'id'!r} by which the labels are joined, got "
            f"{', '.join(table.columns)}: rename the id column as in {cases.source}"
        )
    others = [name for name in table.columns if name != id_name]
    target = named_column(table, settings.target, "target") or find_target(table, others)
    if target is None and len(others) == 1:
        target = others[0]
    if target is None or target == id_name:
        raise table.error(f"expected one column of labels beside {id_name!r}: give --target")
    row_of = {name: row for row, name in enumerate(_unique_ids(table, id_name))}
    for name in cases.ids:
        if name not in row_of:
            raise table.error(
                f"expected a label for every id, got none for {name!r} of {cases.source}: add it, "
                "or leave the case out",
                column=target,
            )
    return _with_targets(cases, table, [row_of[name] for name in cases.ids], task, target)


def _readings(table: Table, name: str, expect: SequenceCodec | None) -> Array:
    codec = None if expect is None else expect.input
    if isinstance(codec, SeriesCodec):
        return table.floats(name) if codec.missing is None else table.readings(name)
    # To learn from, a column needs some value.
    return table.floats(name) if table.is_blank(name) else table.readings(name)


def groups_of(table: Table, column: str) -> dict[str, Array]:
    """id -> its rows, rising; ids in the order of their first rows."""
    names = table.texts(column)
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows.setdefault(name, []).append(row)
    if "" in rows:
        raise table.error(
            "expected an id, got an empty field: fill it", row=rows[""][0], column=column
        )
    return {name: np.array(found, dtype=np.int64) for name, found in rows.items()}


def _check_times(
    table: Table, column: str, groups: dict[str, Array], times: tuple[Array, ...]
) -> None:
    for (name, rows), clock in zip(groups.items(), times, strict=True):
        fault = first_fault(clock)
        if fault is not None:
            fields = table.texts(column)
            step, problem = first_fault(clock, [fields[int(row)] for row in rows]) or fault
            raise table.error(
                f"{problem} (id {name!r}): sort the rows of each id by time, or correct the time",
                row=int(rows[step]),
                column=column,
            )


def _unique_ids(table: Table, column: str) -> list[str]:
    names = table.texts(column)
    seen: set[str] = set()
    for row, name in enumerate(names):
        if not name or name in seen:
            problem = f"the id {name!r} twice" if name else "an empty field"
            raise table.error(
                f"expected one row for each id, got {problem}: correct it", row=row, column=column
            )
        seen.add(name)
    return names


def _with_targets(
    cases: Cases, table: Table, rows: Sequence[int], task: Task, column: str | None = None
) -> Cases:
    name = column or (cases.columns.target if cases.columns else None)
    assert name is not None
    labels = table.labels(name)
    values: list[Label] = []
    for row in rows:
        label = labels[row]
        if label is None:
            raise table.error(
                "expected a target, got a missing value: fill it, or leave the case out",
                row=row,
                column=name,
            )
        values.append(label)
    targets, kind = settle_targets(
        values, task, lambda i, message: table.error(message, row=rows[i], column=name)
    )
    return replace(cases, targets=targets, target_kind=kind)
