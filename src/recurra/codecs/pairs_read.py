"""Files, frames and lists of pairs -> cases.

source<TAB>target               a line each, without a header or with the header "source  target"
source<TAB>features<TAB>target  features apart by commas, semicolons or spaces
.csv .parquet, a data frame     columns source, target and maybe features
.jsonl .ndjson                  {"source": "...", "target": "...", "features": "..."} a line

To predict, targets may be absent. Any suffix that is no other table's is read as lines with tabs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from recurra.codecs.cases import Cases
from recurra.codecs.pairs import PairCodec
from recurra.codecs.read_bytes import read_text
from recurra.codecs.read_jsonl import objects_of
from recurra.codecs.read_table import read_table
from recurra.codecs.read_typed import is_frame, read_frame
from recurra.codecs.table import Table, shorten
from recurra.errors import DataError

if TYPE_CHECKING:
    from recurra.codecs.abstract import AbstractCodec
    from recurra.spec.settings import DataSettings

__all__ = ["pair_cases", "read_pairs"]

_HEADERS = (
    ["source", "target"],
    ["source", "features", "target"],
    ["source"],
    ["source", "features"],
)
_TABLES = (".csv", ".parquet")
_LINES = (".jsonl", ".ndjson")
_OTHERS = (".ts", ".npz")


def read_pairs(
    source: str | Path | Any,
    settings: DataSettings,
    *,
    need_target: bool = True,
    expect: AbstractCodec | None = None,
) -> Cases:
    """The pairs of a file or a data frame.

    Args:
        source: A path, or a data frame.
        settings: `target` may name the target's column of a table.
        need_target: Refuse a source without targets.
        expect: The codec of a trained model: it tells whether there are features.

    Raises:
        DataError: one sentence: what was expected, what came, where, what to do.
    """
    featured = expect.marks is not None if isinstance(expect, PairCodec) else None
    if is_frame(source):
        return _table_cases(read_frame(source), settings, need_target)
    if not isinstance(source, str | Path):
        raise DataError(f"expected a path or a data frame, got {type(source).__name__}")
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix in _TABLES:
        return _table_cases(read_table(path, settings.encoding), settings, need_target)
    if suffix in _LINES:
        return _json_cases(path, settings.encoding, need_target)
    if suffix in _OTHERS:
        raise DataError(
            f"expected lines source<TAB>target, a .csv, .parquet or .jsonl, got {suffix}: convert "
            "it",
            path=path,
        )
    return _line_cases(path, settings.encoding, need_target, featured)


def pair_cases(X: Any, y: Any = None) -> Cases:
    """Pairs that are already in memory.

    Args:
        X: Sources: texts, or (text, features) where features is a text or a list of texts.
        y: Targets: texts; None: no targets.

    Raises:
        DataError: something is no text, or empty, or X and y differ in length.
    """
    if isinstance(X, str | bytes) or not hasattr(X, "__iter__"):
        raise DataError(f"X expected a list of texts, got {type(X).__name__}")
    inputs = tuple(_joined(x, k) for k, x in enumerate(X))
    if not inputs:
        raise DataError("X expected at least one source, got none")
    targets = None
    if y is not None:
        if isinstance(y, str | bytes) or not hasattr(y, "__iter__"):
            raise DataError(f"y expected a list of texts, got {type(y).__name__}")
        targets = tuple(_checked(text, f"y[{k}]", "target") for k, text in enumerate(y))
        if len(targets) != len(inputs):
            raise DataError(f"y expected a target for each of {len(inputs)}, got {len(targets)}")
    ids = tuple(str(k) for k in range(len(inputs)))
    return Cases("text", inputs, (), ids, "X", targets, None if targets is None else "class")


def _line_cases(path: Path, encoding: str, need_target: bool, featured: bool | None) -> Cases:
    rows = list(_rows(read_text(path, encoding)))
    if rows and rows[0][1] in _HEADERS:
        names = rows[0][1]
        rows = rows[1:]
        has_target, width = "target" in names, len(names)
        has_features = "features" in names
    else:
        width = len(rows[0][1]) if rows else 0
        # Two fields are a source and its features where the model wants features and no target.
        has_features = width == 3 or (width == 2 and featured is True and not need_target)
        has_target = width == 2 + has_features
    if not rows:
        raise DataError("expected lines source<TAB>target, got none: add some", path=path)
    if width > 3 or (need_target and not has_target):
        raise DataError(
            f"expected source<TAB>target or source<TAB>features<TAB>target, got {width} fields: "
            "correct the line",
            path=path,
            line=rows[0][0],
        )
    inputs, targets = [], []
    for line, fields in rows:
        if len(fields) != width:
            raise DataError(
                f"expected {width} fields as in the first line, got {len(fields)}: correct the "
                "line",
                path=path,
                line=line,
            )
        fields = [_checked_field(f, path, line, k, width) for k, f in enumerate(fields)]
        inputs.append(f"{fields[0]}\t{fields[1]}" if has_features else fields[0])
        targets.append(fields[-1])
    ids = tuple(str(k) for k in range(len(rows)))
    found = tuple(targets) if has_target else None
    return Cases("text", tuple(inputs), (), ids, str(path), found, "class" if has_target else None)


def _json_cases(path: Path, encoding: str, need_target: bool) -> Cases:
    """An object a line; `features` and, to predict, `target` may be absent, in all of them."""
    records = list(objects_of(path, encoding))
    if not records:
        raise DataError("expected one JSON object a line, got only blank lines", path=path)
    first = records[0][1]
    roles = ["source", *(role for role in ("features", "target") if role in first)]
    if need_target and "target" not in roles:
        raise DataError("expected source and target, got no target: add it", path=path, line=1)
    rows = []
    for line, record in records:
        absent = [role for role in roles if role not in record]
        if absent:
            raise DataError(
                f"expected {' and '.join(roles)} in every line, got no {absent[0]}: add it",
                path=path,
                line=line,
            )
        try:
            rows.append({role: _checked(record[role], role, role) for role in roles})
        except DataError as error:
            raise DataError(str(error), path=path, line=line) from None
    inputs = (
        f"{row['source']}\t{row['features']}" if "features" in row else row["source"]
        for row in rows
    )
    targets = tuple(row["target"] for row in rows) if "target" in roles else None
    ids = tuple(str(record.get("id", k)) for k, (_, record) in enumerate(records))
    kind: Literal["class"] | None = None if targets is None else "class"
    return Cases("text", tuple(inputs), (), ids, str(path), targets, kind)


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip("\r\n \t"):
            yield number, line.rstrip("\r").split("\t")


def _checked_field(field: str, path: Path, line: int, k: int, width: int) -> str:
    if field.strip():
        return field
    role = "a source" if k == 0 else "a target" if k == width - 1 else "a list of features"
    raise DataError(
        f"expected {role}, got an empty one: fill it in, or leave the line out",
        path=path,
        line=line,
    )


def _table_cases(table: Table, settings: DataSettings, need_target: bool) -> Cases:
    name = settings.target or "target"
    columns = list(table.columns)
    if "source" not in columns or (name not in columns and (need_target or settings.target)):
        wanted = f"source and {name}" if need_target else "source"
        raise table.error(
            f"expected columns {wanted} (and maybe features), got {', '.join(columns[:8])}: "
            "rename them, or give --target"
        )
    roles = ["source", *(["features"] if "features" in columns else [])]
    roles += [name] if name in columns else []
    texts = {role: table.texts(role) for role in roles}
    for role, values in texts.items():
        for row, value in enumerate(values):
            if not value.strip():
                raise table.error(
                    "expected a text, got an empty one: fill it in, or leave the row out",
                    row=row,
                    column=role,
                )
    inputs: Sequence[str] = texts["source"]
    if "features" in texts:
        inputs = [f"{s}\t{f}" for s, f in zip(inputs, texts["features"], strict=True)]
    targets = tuple(texts[name]) if name in texts else None
    ids = tuple(str(k) for k in range(len(inputs)))
    return Cases(
        "text",
        tuple(inputs),
        (),
        ids,
        table.source,
        targets,
        None if targets is None else "class",
    )


def _joined(x: Any, k: int) -> str:
    if isinstance(x, tuple) and len(x) == 2:
        source, features = x
        if not isinstance(features, str):
            features = ",".join(_checked(f, f"X[{k}]", "feature") for f in features)
        return f"{_checked(source, f'X[{k}]', 'source')}\t{features}"
    return _checked(x, f"X[{k}]", "source")


def _checked(text: Any, where: str, role: str) -> str:
    if not isinstance(text, str):
        raise DataError(f"{where} expected a {role} as text, got {shorten(text)}")
    if not text.strip():
        raise DataError(f"{where} expected a {role}, got an empty one: leave the pair out")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(
            f"{where} expected valid Unicode, got a lone surrogate at character {error.start}"
        ) from None
    return text
