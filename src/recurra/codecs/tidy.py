"""Tables with one measurement a row -> cases: what was not measured at a time is missing.

    id,time,variable,value
    p1,00:07,pulse,73
    p1,00:07,temperature,35.1
    p1,00:37,pulse,77

becomes the steps 00:07 (73, 35.1) and 00:37 (77, missing) of one case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from recurra.codecs.cases import Cases, Columns
from recurra.codecs.from_table import labelled
from recurra.codecs.roles import find_roles, named_column
from recurra.codecs.settled import Task
from recurra.codecs.table import Table
from recurra.spec.counted import counted

if TYPE_CHECKING:
    import polars as pl

    from recurra.codecs.codec import SequenceCodec
    from recurra.spec.settings import DataSettings

__all__ = ["is_tidy", "tidy_cases"]

Array = npt.NDArray[np.float64]
# A sentence stays readable with so many variables.
_MOST_NAMED = 8


def is_tidy(table: Table, settings: DataSettings, expect: SequenceCodec | None) -> bool:
    """Whether the settings, or the columns of training, say that each row is one measurement."""
    if settings.variable is not None or settings.value is not None:
        return True
    columns = None if expect is None else expect.columns
    return (
        columns is not None
        and columns.variable is not None
        and columns.variable in table.columns
        and columns.value in table.columns
    )


def tidy_cases(
    table: Table,
    settings: DataSettings,
    task: Task,
    *,
    want_target: bool,
    need_target: bool,
    expect: SequenceCodec | None,
) -> Cases:
    """One case for each id, its steps in the order of their times.

    Of several measurements of one variable at one time the last counts, and the notes say so. A
    variable is a feature; `settings.features`, or those of the trained model, choose among them.
    The notes name what a trained model does not know, and what it knows and the file never says.

    Args:
        table: With the columns id, time, variable, value and, it may be, a target.
        settings: As for `find_roles`, with `variable` and `value`.
        task: What to learn.
        want_target: The target is in this table, if anywhere.
        need_target: It has to be there.
        expect: The codec of a trained model.

    Raises:
        DataError: with the line and column that are wrong; no variable is the trained model's.
    """
    import polars as pl

    variable, value, settings = _named(table, settings, expect)
    narrow = replace(table, frame=table.frame.drop(variable))
    chosen = settings.model_copy(update={"features": (value,)})
    found = find_roles(
        narrow, chosen, want_target=want_target, need_target=need_target, expect=None
    ).columns
    if found.id is None or found.time is None:
        raise table.error(
            "expected a column with the time of each measurement, got none: give --time"
        )
    columns = replace(found, variable=variable, value=value)
    names = table.texts(variable)
    if "" in names:
        raise table.error(
            "expected the name of a variable, got an empty field: fill it",
            row=names.index(""),
            column=variable,
        )
    ids = table.texts(found.id)
    if "" in ids:
        raise table.error(
            "expected an id, got an empty field: fill it", row=ids.index(""), column=found.id
        )
    long = pl.DataFrame(
        {
            "id": ids,
            "time": table.times(found.time),
            "name": names,
            "value": table.readings(value),
            "row": np.arange(len(ids)),
        }
    )
    columns, features = _features(table, settings, columns, long, expect)
    cases, table, firsts = _pivoted(table, long, columns, features)
    if expect is not None:
        told = _compared(table, columns, long, expect)
        cases = replace(cases, notes=(*told, *cases.notes))
    return labelled(cases, table, firsts, task)


def _named(
    table: Table, settings: DataSettings, expect: SequenceCodec | None
) -> tuple[str, str, DataSettings]:
    """The columns of variable and value, and the settings with the other columns of training."""
    trained = expect.columns if expect is not None and expect.columns is not None else Columns()
    said = {}
    for role in ("variable", "value"):
        said[role] = named_column(table, getattr(settings, role) or getattr(trained, role), role)
        if said[role] is None:
            other = "value" if role == "variable" else "variable"
            raise table.error(
                f"expected {role} beside {other}: give --{role}, the column "
                + ("that names what was measured" if role == "variable" else "of measurements")
            )
    again = {
        role: name
        for role in ("id", "time", "target")
        if getattr(settings, role) is None and (name := getattr(trained, role)) in table.columns
    }
    assert said["variable"] is not None
    assert said["value"] is not None
    return said["variable"], said["value"], settings.model_copy(update=again)


def _features(
    table: Table,
    settings: DataSettings,
    columns: Columns,
    long: pl.DataFrame,
    expect: SequenceCodec | None,
) -> tuple[Columns, tuple[str, ...]]:
    """The variables that are read, and the columns with the others among the ignored."""
    there = long["name"].unique(maintain_order=True).to_list()
    if expect is not None:
        features = expect.features
    elif settings.features is not None:
        features = tuple(settings.features)
        for name in features:
            if name not in there:
                near = get_close_matches(name, there, n=1)
                hint = f"did you mean {near[0]!r}?" if near else "correct features"
                raise table.error(
                    f"expected the variable {name!r}, as features says, got "
                    f"{', '.join(map(repr, there[:8]))}: {hint}",
                    column=columns.variable,
                )
    else:
        # A variable called like a role's column is a copy of it: it would tell the answer.
        taken = {columns.id, columns.time, columns.target}
        features = tuple(name for name in there if name not in taken)
    ignored = (*columns.ignored, *(name for name in there if name not in features))
    return replace(columns, ignored=ignored), features


def _compared(
    table: Table, columns: Columns, long: pl.DataFrame, expect: SequenceCodec
) -> tuple[str, ...]:
    """What the variables are beside those of training, one sentence each.

    Raises:
        DataError: there is none of training's.
    """
    there = dict(long.group_by("name", maintain_order=True).len().iter_rows())
    trained = expect.features
    if not any(name in there for name in trained):
        raise table.error(
            f"expected the variables that the model was trained on, {_some(trained)}, got "
            f"{_some(list(there))}: correct their names, or name another column with --variable",
            column=columns.variable,
        )
    # What training left out by choice is no news.
    left = expect.columns.ignored if expect.columns is not None else ()
    taken = {columns.id, columns.time, columns.target, *trained, *left}
    told = []
    unknown = [name for name in there if name not in taken]
    if unknown:
        rows = counted(sum(there[name] for name in unknown), "row")
        told.append(
            f"not read, because the model was not trained on it: {_some(unknown)} ({rows}); it "
            f"knows {_some(trained)}: correct the name if one of these is meant, or train anew"
        )
    absent = [name for name in trained if name not in there]
    if absent:
        told.append(
            f"never measured here, though the model was trained on it: {_some(absent)}; it counts "
            f"as missing throughout, and the file has {_some(list(there))}: add it if there is any"
        )
    return tuple(told)


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:_MOST_NAMED]))
    more = len(names) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def _pivoted(
    table: Table, long: pl.DataFrame, columns: Columns, features: tuple[str, ...]
) -> tuple[Cases, Table, list[int]]:
    """The cases without targets, the table, and the first row of each case."""
    import polars as pl

    number = {name: k for k, name in enumerate(features)}
    steps = (
        long.group_by("id", "time", maintain_order=True)
        .agg(pl.col("row").first())
        .with_columns(first=pl.col("row").min().over("id"))
        .sort("first", "time")
        .with_row_index("step")
    )
    read = long.filter(pl.col("name").is_in(list(features))).join(
        steps.select("id", "time", "step"), on=["id", "time"], maintain_order="left"
    )
    values = np.full((len(steps), len(features)), np.nan)
    where = read["step"].to_numpy(), read["name"].replace_strict(number, return_dtype=pl.Int64)
    # numpy takes the last of several values for one place, as documented for plain assignment.
    values[where[0], where[1].to_numpy()] = read["value"].to_numpy()
    repeated = len(read) - read.select("step", "name").n_unique()
    notes: tuple[str, ...] = ()
    if repeated:
        notes = (
            f"{counted(repeated, 'measurement')} {'repeats' if repeated == 1 else 'repeat'} a "
            "variable at one time of one id: the last one of each counts",
        )
    begins = steps.group_by("id", maintain_order=True).agg(
        pl.col("step").first(), pl.col("first").first()
    )
    cuts = begins["step"].to_list()[1:]
    cases = Cases(
        "series",
        tuple(np.split(values, cuts)),
        features,
        tuple(begins["id"].to_list()),
        table.source,
        times=tuple(np.split(steps["time"].to_numpy(), cuts)),
        columns=columns,
        notes=notes,
    )
    return cases, table, begins["first"].to_list()
