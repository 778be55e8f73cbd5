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
    import numpy.typing as npt
    import polars as pl

    from recurra.runtime import Model

__all__ = ["WRITERS", "as_object", "as_table", "writer_for"]


def as_object(model: Model, answer: npt.NDArray[Any]) -> dict[str, Any]:
    """One answer: the prediction and, for classes, the probability of each."""
    from recurra.codecs import label_text
    from recurra.decode import ClassDecoder

    if not isinstance(model.decoder, ClassDecoder):
        return {"prediction": float(answer)}
    best = int(model.decoder.choose(answer[None])[0])
    names = map(label_text, model.labels)
    return {
        "prediction": model.labels[best],
        "probability": dict(zip(names, map(float, answer), strict=True)),
    }


def as_table(model: Model, ids: Sequence[str], answers: npt.NDArray[Any]) -> pl.DataFrame:
    """One row a case: id, prediction and, for classes, `probability_<class>` of each."""
    import polars as pl

    from recurra.codecs import label_text
    from recurra.decode import ClassDecoder

    if not isinstance(model.decoder, ClassDecoder):
        return pl.DataFrame({"id": ids, "prediction": answers})
    chosen = model.codec.target.decode(model.decoder.choose(answers))
    columns = {"id": list(ids), "prediction": chosen.tolist()}
    columns |= {
        f"probability_{label_text(label)}": answers[:, k] for k, label in enumerate(model.labels)
    }
    return pl.DataFrame(columns)


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


def _csv(model: Model, ids: Sequence[str], answers: npt.NDArray[Any]) -> bytes:
    return as_table(model, ids, answers).write_csv().encode("utf-8")


def _jsonl(model: Model, ids: Sequence[str], answers: npt.NDArray[Any]) -> bytes:
    lines = [
        json.dumps({"id": name, **as_object(model, answer)}, ensure_ascii=False)
        for name, answer in zip(ids, answers, strict=True)
    ]
    return "".join(f"{line}\n" for line in lines).encode("utf-8")


def _parquet(model: Model, ids: Sequence[str], answers: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    as_table(model, ids, answers).write_parquet(buffer)
    return buffer.getvalue()


Writer = Callable[["Model", Sequence[str], "npt.NDArray[Any]"], bytes]
WRITERS: Mapping[str, Writer] = MappingProxyType(
    {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}
)
