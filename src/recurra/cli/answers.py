"""A bundle's answers as people and programs read them: objects, CSV, JSON lines, Parquet, CoNLL."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from recurra.errors import OutputError

if TYPE_CHECKING:
    from recurra.codecs import Cases
    from recurra.runtime import AbstractModel

__all__ = ["WRITERS", "writer_for"]


def writer_for(path: Path) -> Writer:
    """What turns answers into the bytes of a file of this name.

    Raises:
        OutputError: the name's ending says no format.
    """
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise OutputError(
            f"{path}: expected a name that ends in {', '.join(WRITERS)}, got "
            f"{path.suffix or 'no ending'!r}"
        )
    return writer


def _csv(model: AbstractModel, cases: Cases, answers: Any) -> bytes:
    return model.table_of(cases.ids, answers).write_csv().encode("utf-8")


def _jsonl(model: AbstractModel, cases: Cases, answers: Any) -> bytes:
    lines = [
        json.dumps({"id": name, **model.object_of(answer)}, ensure_ascii=False)
        for name, answer in zip(cases.ids, answers, strict=True)
    ]
    return "".join(f"{line}\n" for line in lines).encode("utf-8")


def _parquet(model: AbstractModel, cases: Cases, answers: Any) -> bytes:
    buffer = io.BytesIO()
    model.table_of(cases.ids, answers).write_parquet(buffer)
    return buffer.getvalue()


def _conll(model: AbstractModel, cases: Cases, answers: Any) -> bytes:
    """A token and its tag a line, apart by a tab, and a blank line behind each case."""
    from recurra.codecs.tags import TagCodec
    from recurra.codecs.tokens import TokenCodec, tokens_of

    codec = model.codec
    if not isinstance(codec, TagCodec) or not isinstance(codec.input, TokenCodec):
        raise OutputError(
            "a .conll holds tokens with their tags, which this bundle does not give: take .csv, "
            ".jsonl or .parquet"
        )
    lines = []
    for x, answer in zip(cases.inputs, answers, strict=True):
        for token, tag in zip(tokens_of(x, codec.input.symbol), codec.decode(answer), strict=True):
            if not _ENDS.isdisjoint(token):
                raise OutputError(f"a .conll cannot hold the token {token!r}: take .jsonl")
            lines.append(f"{token}\t{tag}\n")
        lines.append("\n")
    return "".join(lines).encode("utf-8")


# What would end a field or a line.
_ENDS = frozenset("\t\n\r")
Writer = Callable[["AbstractModel", "Cases", Any], bytes]
WRITERS: Mapping[str, Writer] = MappingProxyType(
    {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet, ".conll": _conll}
)
