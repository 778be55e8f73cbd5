"""What a model consists of, checked against one another, and the hash that names it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.codecs import LabelCodec, SequenceCodec
from recurra.decode import AbstractDecoder, ClassDecoder
from recurra.errors import BundleError, DTypeError, ShapeError
from recurra.runtime.network import check_weights
from recurra.spec.canonical import json_to_bytes
from recurra.spec.graph import Graph
from recurra.spec.node import Signal
from recurra.spec.tensors import tensors_to_bytes

__all__ = ["MAIN", "Parts", "fingerprint"]

Array = npt.NDArray[Any]
# The one graph of the tasks that there are.
MAIN = "main"


def fingerprint(
    graphs: Mapping[str, Graph],
    codec: SequenceCodec,
    decoder: AbstractDecoder,
    weights: Mapping[str, Array],
) -> str:
    """The sha256 of everything that decides an answer, in hex; a session's state carries it."""
    tree = {
        "graphs": {name: graph.to_json() for name, graph in graphs.items()},
        "codec": codec.to_json(),
        "decoder": decoder.to_json(),
    }
    digest = hashlib.sha256(json_to_bytes(tree, indent=None, sort_keys=True))
    digest.update(tensors_to_bytes(weights))
    return digest.hexdigest()


@dataclass(frozen=True)
class Parts:
    """Everything that decides an answer.

    Args:
        task: "classify" or "regress".
        graphs: {"main": the network}.
        weights: Every parameter by its path.
        codec: Raw cases -> the graph's inputs, and the target back.
        decoder: The graph's output -> answers.

    Raises:
        BundleError: the parts do not fit one another, or a weight is not finite.
    """

    task: str
    graphs: Mapping[str, Graph]
    weights: Mapping[str, Array]
    codec: SequenceCodec
    decoder: AbstractDecoder

    def __post_init__(self) -> None:
        if set(self.graphs) != {MAIN}:
            raise BundleError(f"expected one graph, {MAIN!r}, got {sorted(self.graphs)}")
        graph, codec, decoder = self.graph, self.codec, self.decoder
        try:
            check_weights(graph, self.weights)
        except (ShapeError, DTypeError) as error:
            raise BundleError(str(error)) from None
        for name, weight in self.weights.items():
            if not np.isfinite(weight).all():
                raise BundleError(f"weight {name!r} holds NaN or an infinity: train again")
        if codec.task != self.task:
            raise BundleError(f"a model of task {self.task!r} has a codec for {codec.task!r}")
        if dict(graph.inputs) != codec.signals():
            raise BundleError("the codec gives other inputs than the graph takes")
        classes = decoder.classes if isinstance(decoder, ClassDecoder) else None
        labels = len(codec.target.labels) if isinstance(codec.target, LabelCodec) else None
        if classes != labels:
            raise BundleError("the decoder and the codec's target are of different tasks or sizes")
        if decoder.output not in graph.outputs:
            raise BundleError(f"the decoder reads {decoder.output!r}, which is no output")
        if graph.signals()[decoder.output] != Signal("row", classes or 1):
            raise BundleError(f"the decoder does not fit the graph's output {decoder.output!r}")

    @property
    def graph(self) -> Graph:
        """The network."""
        return self.graphs[MAIN]

    def fingerprint(self) -> str:
        """As the function of this name."""
        return fingerprint(self.graphs, self.codec, self.decoder, self.weights)
