"""A bundle's answers as people and programs read them: objects, CSV, JSON lines, Parquet."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from recurra.errors import OutputError

if TYPE_CHECKING:
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


def _csv(model: AbstractModel, ids: Sequence[str], answers: Any) -> bytes:
    return model.table_of(ids, answers).write_csv().encode("utf-8")


def _jsonl(model: AbstractModel, ids: Sequence[str], answers: Any) -> bytes:
    lines = [
        json.dumps({"id": name, **model.object_of(answer)}, ensure_ascii=False)
        for name, answer in zip(ids, answers, strict=True)
    ]
    return "".join(f"{line}\n" for line in lines).encode("utf-8")


def _parquet(model: AbstractModel, ids: Sequence[str], answers: Any) -> bytes:
    buffer = io.BytesIO()
    model.table_of(ids, answers).write_parquet(buffer)
    return buffer.getvalue()


Writer = Callable[["AbstractModel", Sequence[str], Any], bytes]
WRITERS: Mapping[str, Writer] = MappingProxyType(
    {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}
)
