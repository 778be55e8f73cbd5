"""What computes each kind of node in ONNX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from recurra.convert.onnx_attention import attention, mixture, spread
from recurra.convert.onnx_characters import characters
from recurra.convert.onnx_convolution import convolution
from recurra.convert.onnx_grud import grud
from recurra.convert.onnx_pool import pool
from recurra.convert.onnx_recurrent import bidirectional, recurrent, stack
from recurra.convert.onnx_writer import LENGTHS, Writer
from recurra.errors import ConversionError
from recurra.spec.attention import Attention, Mixture, Spread
from recurra.spec.cells import CELLS
from recurra.spec.characters import Characters
from recurra.spec.concat import Concat
from recurra.spec.convolution import Convolution
from recurra.spec.crf import Crf
from recurra.spec.dense import Dense
from recurra.spec.node import AbstractNode
from recurra.spec.nodes import GRUD, Bidirectional, Dropout, Embedding, Linear, Pool, Stack

__all__ = ["write_node"]


def write_node(
    writer: Writer, node: AbstractNode, sources: list[str], path: str, on_rows: bool
) -> str:
    """Add what computes one node; gives the name of its output.

    Raises:
        ConversionError: ONNX has no form of it here.
    """
    write = _WRITERS.get(type(node))
    if write is None:
        raise ConversionError(
            f"step {path!r} is a {node.kind}, which has no form in ONNX here; there are "
            f"{', '.join(sorted(kind.kind for kind in _WRITERS))}"
        )
    return write(writer, node, sources, path, on_rows)


def _embedding(writer: Writer, node: Embedding, sources: list[str], path: str, _: bool) -> str:
    del node
    # Whatever stands at padding, the table has a row 0.
    tokens = writer.add("Where", [writer.steps.counts, sources[0], writer.constant(0)])
    rows = writer.add("Gather", [writer.weight(f"{path}.weight"), tokens], axis=0)
    return writer.only_counted(rows)


def _linear(
    writer: Writer, node: Linear | Dense, sources: list[str], path: str, on_rows: bool
) -> str:
    bias = writer.weights[f"{path}.bias"] if node.bias else None
    y = writer.linear(sources[0], path, writer.weights[f"{path}.weight"], bias)
    if isinstance(node, Dense):
        y = writer.activation(node.activation, y)
    return y if on_rows else writer.only_counted(y)


def _dropout(writer: Writer, node: Dropout, sources: list[str], path: str, on_rows: bool) -> str:
    del writer, node, path, on_rows
    return sources[0]


def _concat(writer: Writer, node: Concat, sources: list[str], path: str, _: bool) -> str:
    del node, path
    return writer.only_counted(writer.add("Concat", sources, axis=2))


def _crf(writer: Writer, node: Crf, sources: list[str], path: str, _: bool) -> str:
    del sources
    parts = [writer.weights[f"{path}.{name}"].ravel() for name in node.parameters()]
    return writer.rows(LENGTHS, f"{path}.row", np.concatenate(parts))


_Write = Callable[[Writer, Any, list[str], str, bool], str]
_WRITERS: Mapping[type[AbstractNode], _Write] = MappingProxyType(
    {
        Embedding: _embedding,
        Linear: _linear,
        Dense: _linear,
        Dropout: _dropout,
        Concat: _concat,
        Crf: _crf,
        Stack: stack,
        Bidirectional: bidirectional,
        Pool: pool,
        GRUD: grud,
        Characters: characters,
        Convolution: convolution,
        Attention: attention,
        Mixture: mixture,
        Spread: spread,
        **dict.fromkeys(CELLS.values(), recurrent),
    }
)
