"""What a model consists of, and the hash that names it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.codecs import AbstractCodec
from recurra.decode import AbstractDecoder
from recurra.errors import BundleError, DTypeError, ShapeError, SpecError
from recurra.runtime.network import check_weights
from recurra.spec.canonical import json_to_bytes
from recurra.spec.graph import Graph, shared_parameters
from recurra.spec.tensors import tensors_to_bytes

__all__ = ["MAIN", "Parts", "fingerprint"]

Array = npt.NDArray[Any]
# The graph of the tasks that have but one.
MAIN = "main"


def fingerprint(
    graphs: Mapping[str, Graph],
    codec: AbstractCodec,
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
    """Everything that decides an answer. Whether the parts fit one another, their model checks.

    Args:
        task: "classify", "regress", ...
        graphs: Networks by name, which share the weights of the steps of the same name.
        weights: Every parameter by its path.
        codec: Raw cases -> the graphs' inputs, and the target back.
        decoder: The graphs' outputs -> answers.

    Raises:
        BundleError: the weights are not those of the graphs, or one is not finite.
    """

    task: str
    graphs: Mapping[str, Graph]
    weights: Mapping[str, Array]
    codec: AbstractCodec
    decoder: AbstractDecoder

    def __post_init__(self) -> None:
        try:
            check_weights(shared_parameters(self.graphs), self.weights)
        except (ShapeError, DTypeError, SpecError) as error:
            raise BundleError(str(error)) from None
        for name, weight in self.weights.items():
            if not np.isfinite(weight).all():
                raise BundleError(f"weight {name!r} holds NaN or an infinity: train again")

    @cached_property
    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Path and shape of every parameter."""
        return shared_parameters(self.graphs)

    def weights_of(self, graph: str) -> dict[str, Array]:
        """The parameters that one graph reads."""
        return {path: self.weights[path] for path in self.graphs[graph].parameters()}

    def fingerprint(self) -> str:
        """As the function of this name."""
        return fingerprint(self.graphs, self.codec, self.decoder, self.weights)
