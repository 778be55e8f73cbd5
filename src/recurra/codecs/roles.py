"""Which column of a table is what: first what was said, then known names, then the content.

Said means, in this order: the settings, and the columns of the table that a model was trained on.
What remains open is an error that names the flag to give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from recurra.codecs.cases import Columns
from recurra.codecs.series import SeriesCodec
from recurra.codecs.table import Table

if TYPE_CHECKING:
    from recurra.codecs.codec import SequenceCodec
    from recurra.spec.settings import DataSettings

__all__ = ["Roles", "find_roles", "find_target", "is_role_name", "named_column"]

# Compared without case; what a name alone says.
_NAMES = {
    "id": (
        *("id", "case", "case_id", "series", "series_id", "sequence", "sequence_id", "session"),
        *("编号", "样本", "序列", "案例"),
    ),
    "time": (
        *("time", "t", "timestamp", "date", "datetime", "ds", "step", "frame"),
        *("时间", "时刻", "日期", "时间戳"),
    ),
    "target": ("label", "target", "class", "标签", "类别", "分类", "目标", "y"),
    "text": (
        *("text", "review", "sentence", "document", "comment", "content"),
        *("文本", "内容", "评论", "评价", "句子"),
    ),
}
# "y" is also how people call a coordinate.
_SURE_TARGETS = _NAMES["target"][:-1]
Role = Literal["id", "time", "target", "text"]


@dataclass(frozen=True)
class Roles:
    """Columns of the four roles, and the feature columns in their order (none for texts)."""

    kind: Literal["series", "text"]
    columns: Columns
    features: tuple[str, ...]


def find_roles(
    table: Table,
    settings: DataSettings,
    *,
    want_target: bool,
    need_target: bool,
    expect: SequenceCodec | None,
) -> Roles:
    """The roles of a table's columns.

    Args:
        want_target: The target is in this table, if anywhere.
        need_target: It has to be there.
        expect: The codec of a trained model: its features and column names are looked for.

    Raises:
        DataError: a named column is missing or plays two roles, or a role stays open.
    """
    said: dict[str, str] = {}
    for role in _NAMES:
        if role == "target" and not want_target:
            continue
        name = named_column(table, getattr(settings, role), role)
        if name is None and expect is not None and expect.columns is not None:
            name = getattr(expect.columns, role)
            name = name if name in table.columns else None
        if name is not None:
            said[role] = name
    features = _said_features(table, settings, expect)
    _refuse_two_roles(table, said, features)
    text = _text_column(table, said, features, expect)
    if text is not None:
        return _text_roles(table, said | {"text": text}, want_target, need_target)
    return _long_roles(table, said, features, want_target, need_target)


def named_column(table: Table, name: str | None, flag: str) -> str | None:
    """The column that a setting names, which must be there."""
    if name is None or name in table.columns:
        return name
    near = get_close_matches(name, table.columns, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"correct {flag}"
    raise table.error(
        f"expected this column, as {flag} says, got {_listed(table.columns)}: {hint}", column=name
    )


def is_role_name(name: str) -> bool:
    """Whether a column of this name would be given a role for its name alone."""
    return any(name.lower() in words for words in _NAMES.values())


def find_target(table: Table, candidates: Sequence[str]) -> str | None:
    """The column that is called like a target, else None."""
    return _by_name(table, "target", candidates)


def _said_features(
    table: Table, settings: DataSettings, expect: SequenceCodec | None
) -> tuple[str, ...] | None:
    if expect is not None and isinstance(expect.input, SeriesCodec):
        missing = [name for name in expect.input.features if name not in table.columns]
        if missing:
            raise table.error(
                f"expected the column {missing[0]!r}, which the model was trained on, got "
                f"{_listed(table.columns)}: add it"
                + (f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""),
            )
        return expect.input.features
    if settings.features is None:
        return None
    if not settings.features:
        raise table.error("expected at least one column in features, got none")
    for k, name in enumerate(settings.features):
        named_column(table, name, "features")
        if name in settings.features[:k]:
            raise table.error("expected each feature once, got this one twice", column=name)
    return tuple(settings.features)


def _refuse_two_roles(table: Table, said: dict[str, str], features: tuple[str, ...] | None) -> None:
    owner: dict[str, str] = {}
    for role, name in said.items():
        if name in owner:
            raise table.error(
                f"expected one role for a column, got {owner[name]} and {role}: name another",
                column=name,
            )
        if features is not None and name in features:
            raise table.error(
                f"expected one role for a column, got feature and {role}: a {role} cannot also be "
                "a feature; leave it out of features, or name another",
                column=name,
            )
        owner[name] = role


def _text_column(
    table: Table,
    said: dict[str, str],
    features: tuple[str, ...] | None,
    expect: SequenceCodec | None,
) -> str | None:
    """The text column of a text table; None for a long table."""
    if "text" in said:
        return said["text"]
    if features is not None or (expect is not None and isinstance(expect.input, SeriesCodec)):
        return None
    free = [name for name in table.columns if name not in said.values()]
    words = [name for name in free if not table.is_numeric(name) or table.is_blank(name)]
    found = _by_name(table, "text", words)
    if found is None and expect is not None:
        if len(words) != 1:
            raise table.error(
                f"expected a column with texts as in training, got {_listed(table.columns)}: "
                "give --text"
            )
        found = words[0]
    return found


def _text_roles(table: Table, said: dict[str, str], want_target: bool, need_target: bool) -> Roles:
    found = dict(said)
    free = [name for name in table.columns if name not in found.values()]
    if "id" not in found and (id_column := _by_name(table, "id", free)) is not None:
        found["id"] = id_column
        free.remove(id_column)
    if want_target and "target" not in found:
        target = _by_name(table, "target", free)
        if target is None and len(free) == 1:
            target = free[0]
        if target is not None:
            found["target"] = target
        elif need_target:
            raise _no_target(table, found, ())
    ignored = tuple(name for name in table.columns if name not in found.values())
    return Roles("text", _columns(found, ignored), ())


def _long_roles(
    table: Table,
    said: dict[str, str],
    features: tuple[str, ...] | None,
    want_target: bool,
    need_target: bool,
) -> Roles:
    found = dict(said)

    def free() -> list[str]:
        used = {*found.values(), *(features or ())}
        return [name for name in table.columns if name not in used]

    if "id" not in found:
        id_column = _by_name(table, "id", free()) or _by_runs(table, free())
        if id_column is None:
            raise table.error(
                "expected a column that tells which sequence a row belongs to, got "
                f"{_listed(table.columns)} and none that looks like it: give --id, or --text where "
                "each row is a text"
            )
        found["id"] = id_column
    if "time" not in found and (time := _by_name(table, "time", free())) is not None:
        found["time"] = time
    if want_target and "target" not in found:
        target = _long_target(table, found["id"], free())
        if target is not None:
            found["target"] = target
        elif need_target:
            raise _no_target(table, found, features or ())
    chosen = features
    if chosen is None:
        # A column called like a target is never a feature by itself: it would give the answer.
        target_like = set(_SURE_TARGETS) if not want_target else set()
        chosen = tuple(
            name for name in free() if name.lower() not in target_like and table.is_numeric(name)
        )
        if not chosen:
            raise table.error(
                f"expected at least one numeric column to read, got {_listed(table.columns)}: "
                "give --features"
            )
    ignored = tuple(
        name for name in table.columns if name not in chosen and name not in found.values()
    )
    return Roles("series", _columns(found, ignored), chosen)


def _long_target(table: Table, id_column: str, free: list[str]) -> str | None:
    named = _by_name(table, "target", [name for name in free if name.lower() != "y"])
    if named is not None:
        return named
    # "y" may be a feature, and so may the last column: either is the target only where it stays
    # the same within each id.
    likely = [name for name in free if name.lower() == "y"] + free[-1:]
    return next((name for name in likely if varies_within(table, id_column, name) is None), None)


def varies_within(table: Table, id_column: str, column: str) -> int | None:
    """The first row whose value differs from the first of its id; None: constant within ids."""
    first: dict[str, str] = {}
    for row, (name, value) in enumerate(
        zip(table.texts(id_column), table.texts(column), strict=True)
    ):
        if first.setdefault(name, value) != value:
            return row
    return None


def _by_name(table: Table, role: Role, candidates: Sequence[str]) -> str | None:
    found = [name for name in candidates if name.lower() in _NAMES[role]]
    if len(found) > 1:
        raise table.error(
            f"expected one column for {role}, got {_listed(found)}, which are all called like it: "
            f"give --{role}"
        )
    return found[0] if found else None


def _by_runs(table: Table, candidates: Sequence[str]) -> str | None:
    """The first column of texts or whole numbers whose values come in runs, one run a value."""
    taken = {word for role in ("time", "target", "text") for word in _NAMES[role]}
    for name in candidates:
        if name.lower() in taken:
            continue
        values = table.texts(name)
        runs = 1 + sum(a != b for a, b in pairwise(values))
        distinct = len(set(values))
        if 2 <= distinct == runs < len(values) and not any("." in value for value in values):
            return name
    return None


def _columns(found: dict[str, str], ignored: tuple[str, ...]) -> Columns:
    return Columns(
        found.get("id"), found.get("time"), found.get("target"), found.get("text"), ignored
    )


def _no_target(table: Table, found: dict[str, str], features: tuple[str, ...]) -> Exception:
    taken = dict.fromkeys(features, "a feature")
    taken |= {name: f"{'an' if role == 'id' else 'the'} {role}" for role, name in found.items()}
    for name in table.columns:
        if name in taken and name.lower() in _SURE_TARGETS:
            return table.error(
                "expected a column to predict, but the one that is called like it is "
                f"{taken[name]} already: leave it free for the target, or give --target",
                column=name,
            )
    return table.error(
        f"expected a column to predict, got {_listed(table.columns)} and none that is called "
        "label, target or class: give --target, or --labels with a second table"
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:8]))
    return f"{shown}, ... ({len(names)} in all)" if len(names) > 8 else shown
