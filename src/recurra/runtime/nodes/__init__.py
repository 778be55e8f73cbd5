"""One numpy implementation for every kind of node that a graph may hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from recurra.runtime.nodes.attention import NumpyAttention, NumpyMixture, NumpySpread
from recurra.runtime.nodes.bidirectional import NumpyBidirectional
from recurra.runtime.nodes.characters import NumpyCharacters
from recurra.runtime.nodes.concat import NumpyConcat
from recurra.runtime.nodes.convolution import NumpyConvolution
from recurra.runtime.nodes.crf import NumpyCrf
from recurra.runtime.nodes.dense import NumpyDense
from recurra.runtime.nodes.dropout import NumpyDropout
from recurra.runtime.nodes.embedding import NumpyEmbedding
from recurra.runtime.nodes.grud import NumpyGRUD
from recurra.runtime.nodes.linear import NumpyLinear
from recurra.runtime.nodes.node import AbstractNumpyNode, Array
from recurra.runtime.nodes.pool import NumpyPool
from recurra.runtime.nodes.recurrent import NumpyRecurrent
from recurra.runtime.nodes.stack import NumpyStack
from recurra.spec.cells import CELLS
from recurra.spec.node import AbstractNode

__all__ = ["NODES", "AbstractNumpyNode", "build_node"]

NODES: Mapping[str, Callable[..., AbstractNumpyNode]] = MappingProxyType(
    {
        "embedding": NumpyEmbedding,
        "linear": NumpyLinear,
        **dict.fromkeys(CELLS, NumpyRecurrent),
        "stack": NumpyStack,
        "bidirectional": NumpyBidirectional,
        "grud": NumpyGRUD,
        "pool": NumpyPool,
        "dropout": NumpyDropout,
        "concat": NumpyConcat,
        "characters": NumpyCharacters,
        "crf": NumpyCrf,
        "attention": NumpyAttention,
        "mixture": NumpyMixture,
        "spread": NumpySpread,
        "dense": NumpyDense,
        "convolution": NumpyConvolution,
    }
)


def build_node(
    node: AbstractNode, weights: Mapping[str, Array], dtype: np.dtype[Any]
) -> AbstractNumpyNode:
    """The numpy side of `node`, with its parameters by the names of `node.parameters()`."""
    return NODES[node.kind](node, weights, dtype)
