"""How a decoder reads a memory, in ONNX."""

from __future__ import annotations

import numpy as np

from recurra.convert.onnx_writer import Writer
from recurra.spec.attention import Attention, Mixture, Spread

__all__ = ["attention", "mixture", "spread"]


def attention(
    writer: Writer, node: Attention, sources: list[str], path: str, _: bool = False
) -> str:
    """Queries [batch, time, Q], keys [batch, places, K] -> weights [batch, time, places]."""
    queries, keys, places = sources
    if node.score != "dot":
        bias = writer.weights[f"{path}.bias"] if node.score == "additive" else None
        queries = writer.linear(queries, path, writer.weights[f"{path}.weight"], bias)
    if node.score == "additive":
        asked = writer.add("Unsqueeze", [queries, writer.constant([2])])
        held = writer.add("Unsqueeze", [keys, writer.constant([1])])
        bent = writer.add("Tanh", [writer.add("Add", [asked, held])])
        column = writer.weight(f"{path}.energy", writer.weights[f"{path}.energy"][:, None])
        energies = writer.add("MatMul", [bent, column])
        energies = writer.add("Squeeze", [energies, writer.constant([3])])
    else:
        turned = writer.add("Transpose", [keys], perm=[0, 2, 1])
        energies = writer.add("MatMul", [queries, turned])
    within = writer.add("Unsqueeze", [writer.sequences(keys, places).counts, writer.constant([1])])
    energies = writer.add("Where", [within, energies, writer.constant(-np.inf, np.float32)])
    # A memory without any place gives NaN, which the next line takes away.
    shares = writer.add("Softmax", [energies], axis=2)
    return writer.only_counted(
        writer.add("Where", [within, shares, writer.constant(0.0, np.float32)])
    )


def mixture(writer: Writer, node: Mixture, sources: list[str], path: str, _: bool = False) -> str:
    """Weights [batch, time, places], a memory [batch, places, size] -> [batch, time, size]."""
    del node, path
    weights, memory, places = sources
    within = writer.add(
        "Unsqueeze", [writer.sequences(memory, places).counts, writer.constant([2])]
    )
    # 0 * NaN is NaN: what must not be read is replaced.
    read = writer.add("Where", [within, memory, writer.constant(0.0, np.float32)])
    return writer.only_counted(writer.add("MatMul", [weights, read]))


def spread(writer: Writer, node: Spread, sources: list[str], path: str, _: bool = False) -> str:
    """A row [batch, size] at every step of another input."""
    del node, path
    return writer.only_counted(writer.add("Unsqueeze", [sources[1], writer.constant([1])]))
