"""Any source of labelled sequences -> cases; the form is told by the file's suffix.

.csv .tsv .parquet   a long table (id, time, features, target), a tidy one with a measurement a row
                     (id, time, variable, value), or a text table (text, target)
.ts                  aeon's and sktime's text format
.jsonl .ndjson       one object with x and y a line
.npz                 arrays x, y and lengths
a data frame         as .parquet
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recurra.codecs.cases import Cases
from recurra.codecs.codec import SequenceCodec
from recurra.codecs.corpus_files import read_corpus
from recurra.codecs.forecast_table import read_series
from recurra.codecs.from_table import join_labels, long_cases, text_cases
from recurra.codecs.pairs_read import read_pairs
from recurra.codecs.read_bytes import UTF_8
from recurra.codecs.read_jsonl import read_jsonl
from recurra.codecs.read_npz import read_npz
from recurra.codecs.read_table import TABLES, read_table
from recurra.codecs.read_tags import is_tagged, read_tag_cases
from recurra.codecs.read_ts import read_ts
from recurra.codecs.read_typed import is_frame, read_frame
from recurra.codecs.roles import find_roles
from recurra.codecs.settled import Task
from recurra.codecs.table import Table
from recurra.codecs.tidy import is_tidy, tidy_cases
from recurra.errors import DataError

if TYPE_CHECKING:
    from recurra.codecs.abstract import AbstractCodec
    from recurra.spec.settings import DataSettings

__all__ = ["READERS", "SUFFIXES", "read_cases"]

SUFFIXES = (*TABLES, ".ts", ".jsonl", ".ndjson", ".npz")
_NOT_TEXT = (".parquet", ".npz")
# Tasks with readers of their own, called as `read_cases` is.
READERS: dict[str, Callable[..., Cases]] = {
    "tag": read_tag_cases,
    "forecast": read_series,
    "generate": read_corpus,
    "transduce": read_pairs,
}


def read_cases(
    source: str | Path | Any,
    settings: DataSettings,
    *,
    need_target: bool = True,
    expect: AbstractCodec | None = None,
) -> Cases:
    """The cases of a file or a data frame.

    Args:
        source: A path, or a data frame with the Arrow C stream interface.
        settings: Roles of columns, task, layout, labels file; what they leave open is inferred.
        need_target: Refuse a source without targets.
        expect: The codec of a trained model: its features, columns and task are expected. With
            `need_target=False` targets are then not read at all.

    Raises:
        DataError: one sentence: what was expected, what came, where, what to do.
    """
    _refuse_idle_encoding(source, settings)
    named = settings.task if expect is None else expect.task
    if named == "auto" and is_tagged(source):
        named = "tag"
    if named in READERS:
        return READERS[named](source, settings, need_target=need_target, expect=expect)
    task: Task = "classify" if named == "classify" else "regress" if named == "regress" else "auto"
    want_target = need_target or expect is None
    labels = settings.labels if want_target else None
    if is_frame(source):
        table = read_frame(source)
        suffix = ""
    elif isinstance(source, str | Path):
        suffix = Path(source).suffix.lower()
        if suffix not in SUFFIXES:
            raise _unknown_suffix(Path(source))
    else:
        raise DataError(f"expected a path or a data frame, got {type(source).__name__}")

    if suffix in ("", *TABLES):
        if suffix:
            table = read_table(Path(source), settings.encoding)
        inside = want_target and labels is None
        known = expect if isinstance(expect, SequenceCodec) else None
        wanted: dict[str, Any] = {
            "want_target": inside,
            "need_target": need_target and inside,
            "expect": known,
        }
        if is_tidy(table, settings, known):
            cases = tidy_cases(table, settings, task, **wanted)
        else:
            roles = find_roles(table, settings, **wanted)
            if roles.kind == "series":
                cases = long_cases(table, roles, task, known)
            else:
                cases = text_cases(table, roles, task)
    else:
        cases = _array_cases(Path(source), suffix, settings, task, want_target and labels is None)
    if labels is not None:
        if cases.columns is None and suffix not in (".jsonl", ".ndjson"):
            raise DataError(
                f"expected a source with ids to join {labels} by, got {suffix}: put the labels "
                "into the file",
                path=cases.source,
            )
        cases = join_labels(cases, _labels_table(labels, settings.encoding), settings, task)
    if need_target and cases.targets is None:
        raise DataError("expected targets, got none: add them to the file", path=cases.source)
    return cases if expect is None else expect.arrange(cases)


def _refuse_idle_encoding(source: Any, settings: DataSettings) -> None:
    """An encoding is of text; Parquet, arrays and data frames hold theirs themselves."""
    named = [s for s in (source, settings.labels) if isinstance(s, str | Path)]
    texts = [path for path in named if Path(path).suffix.lower() not in _NOT_TEXT]
    if settings.encoding.lower() != UTF_8 and not texts:
        raise DataError(
            f"encoding={settings.encoding!r} is of text files, and this is none: leave it out",
            path=named[0] if named else None,
        )


def _array_cases(
    path: Path, suffix: str, settings: DataSettings, task: Task, want_target: bool
) -> Cases:
    if suffix == ".ts":
        cases = read_ts(path, task=task, encoding=settings.encoding)
    elif suffix == ".npz":
        cases = read_npz(path, layout=settings.layout, task=task)
    else:
        cases = read_jsonl(path, task=task, want_target=want_target, encoding=settings.encoding)
    if settings.features is not None:
        raise DataError(
            f"features names columns of a table, but {suffix} has no named columns: leave features "
            "out",
            path=path,
        )
    return cases if want_target else replace(cases, targets=None, target_kind=None)


def _labels_table(path: Path, encoding: str) -> Table:
    suffix = path.suffix.lower()
    if suffix not in TABLES:
        raise DataError(
            f"expected labels in a table ({', '.join(TABLES)}), got {suffix or 'no suffix'}",
            path=path,
        )
    return read_table(path, encoding)


def _unknown_suffix(path: Path) -> DataError:
    if path.is_dir():
        return DataError("expected a file, got a folder: name a file in it", path=path)
    if not path.exists():
        return DataError("expected a readable file, but there is none: check the path", path=path)
    if path.suffix.lower() == ".txt":
        return DataError(
            "a plain text has no targets: to continue it, take --task generate; to classify texts, "
            "put them into a table with their labels",
            path=path,
        )
    return DataError(
        f"expected a file that ends in {', '.join(SUFFIXES)}, got {path.suffix or 'no suffix'!r}: "
        "rename or convert it",
        path=path,
    )
