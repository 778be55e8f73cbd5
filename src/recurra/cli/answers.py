"""A bundle's answers as people and programs read them: objects, CSV, JSON lines, Parquet, CoNLL."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from recurra.errors import BundleError, OutputError

if TYPE_CHECKING:
    from recurra.codecs import Cases
    from recurra.runtime import AbstractModel

__all__ = ["WRITERS", "horizon_of", "objects_of", "writer_for"]


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


def horizon_of(model: AbstractModel, bundle: Path, horizon: int | None) -> int | None:
    """The rows ahead that --horizon asks of a bundle's model; None: it was not given.

    Raises:
        BundleError: the bundle forecasts nothing.
        SettingsError: none, or more than the model gives.
    """
    from recurra.runtime.models.forecast import ForecastModel
    from recurra.runtime.models.forecast_answer import checked_horizon

    if horizon is None:
        return None
    if not isinstance(model, ForecastModel):
        raise BundleError(
            f"bundle {bundle} was made for the task {model.task!r}: --horizon is of forecasts, "
            "leave it out"
        )
    return checked_horizon(horizon, model.codec)


def objects_of(model: AbstractModel, cases: Cases, answers: Any) -> list[dict[str, Any]]:
    """Each answer as plain JSON values, its `id` first."""
    return [
        {"id": name, **model.object_of(answer)}
        for name, answer in zip(cases.ids, answers, strict=True)
    ]


def _csv(model: AbstractModel, cases: Cases, answers: Any) -> bytes:
    return model.table_of(cases.ids, answers).write_csv().encode("utf-8")


def _jsonl(model: AbstractModel, cases: Cases, answers: Any) -> bytes:
    lines = [json.dumps(answer, ensure_ascii=False) for answer in objects_of(model, cases, answers)]
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
