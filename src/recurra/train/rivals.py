"""Networks of another kind that a comparison trains beside the cells: what a gated one must beat.

A rival takes the place of the recurrent layers in the very network that the task builds: what is
ahead of them and behind them, the loss, the loop, the parts and the budget are those of the cells.
It exists in training only. There is no step of it and no bundle.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch

from recurra.errors import SettingsError
from recurra.layers import GraphModule
from recurra.spec.graph import Graph, shared_parameters
from recurra.spec.nodes import GRUD
from recurra.spec.settings import Settings
from recurra.tasks import AbstractTask
from recurra.train.rival_layer import AbstractRival
from recurra.train.rival_tcn import TCN, levels_for
from recurra.train.rival_transformer import Transformer

__all__ = ["ABSENT", "RIVALS", "Rival", "read_rivals", "rival_for", "stood_in"]

RIVALS = ("tcn", "transformer")
# Why some figures of a rival are null.
ABSENT = {
    "step_us": "it reads a window of steps at once and has no step",
    "bundle_bytes": "it exists in training only, so there is no bundle",
}
# The step of a graph whose place is taken.
_PLACE = "encoder"
_TASKS = ("classify", "regress", "tag", "generate", "forecast")
_LEAST_LAYERS = 2
# Settings of the recurrent layers alone: the network around a rival is built without them.
_RECURRENT = (
    *("cell", "reset", "layers", "residual", "activation", "gate_activation", "bias"),
    *("learn_initial_state", "zoneout", "weight_dropout"),
    *("input_init", "recurrent_init", "bias_init", "chrono_length", "init_gain"),
)


def read_rivals(names: Any) -> tuple[str, ...]:
    """The names of rivals, each once.

    Raises:
        SettingsError: one is unknown; gives the nearest.
    """
    for name in names:
        if name not in RIVALS:
            near = difflib.get_close_matches(name, RIVALS, n=1, cutoff=0)[0]
            raise SettingsError(
                f"unknown rival {name!r}; did you mean {near!r}? There are {', '.join(RIVALS)}"
            )
    return tuple(dict.fromkeys(names))


@dataclass(frozen=True)
class Rival:
    """What stands in the place of the recurrent layers, but for its width.

    Args:
        name: "tcn" or "transformer".
        depth: Blocks.
        causal: No step reads a later one.
        context: Steps of the window before that are read again (0: windows stand alone).
        dropout: Inside it.
        variational: As the settings' own.
    """

    name: str
    depth: int
    causal: bool
    context: int
    dropout: float
    variational: bool

    def settings(self, settings: Settings) -> Settings:
        """Those of the network around it: as they are, without what only recurrent layers have."""
        plain = Settings().flat()
        return Settings.from_flat({name: plain[name] for name in _RECURRENT}, settings)

    def parameters(self, graphs: Mapping[str, Graph]) -> int:
        """The numbers that a network learns when this has taken its place."""
        count: int = sum(prod(shape) for shape in shared_parameters(graphs).values())
        count -= sum(prod(shape) for shape in _place(graphs).parameters().values())
        with torch.device("meta"):
            layer = self._layer(graphs)
        return count + sum(p.numel() for p in layer.parameters())

    def install(self, network: torch.nn.Module, graphs: Mapping[str, Graph]) -> None:
        """Take the place of the recurrent layers of a network, freshly drawn.

        Args:
            network: As the task made it; changed.
            graphs: As it was made of.
        """
        like = next(network.parameters())
        layer = self._layer(graphs).to(device=like.device, dtype=like.dtype)
        network.add_module(_PLACE, layer)
        if not isinstance(network, GraphModule):
            # Each graph knows its layers under their names too.
            some: Any = network
            some["main"].add_module(_PLACE, layer)

    def _layer(self, graphs: Mapping[str, Graph]) -> AbstractRival:
        graph = graphs["main"]
        step = next(step for step in graph.steps if step.name == _PLACE)
        signals = graph.signals()
        size, width = signals[step.inputs[0]].size, signals[_PLACE].size
        common: dict[str, Any] = {
            "causal": self.causal,
            "dropout": self.dropout,
            "variational": self.variational,
        }
        if self.name == "tcn":
            return TCN(
                step.node, size, width, levels=self.depth, carried=self.context > 0, **common
            )
        return Transformer(
            step.node, size, width, layers=self.depth, context=self.context, **common
        )


def rival_for(name: str, task: AbstractTask, settings: Settings, longest: int) -> Rival:
    """A rival as a task and its settings ask for it.

    A temporal convolution has as many blocks as see the longest sequence (or window), a Transformer
    as many as there are recurrent layers, at least two. It reads later steps too where one answer
    is given for a whole sequence, which a temporal convolution, made to be causal, does not; where
    the cells read both ways, both do.

    Args:
        name: "tcn" or "transformer".
        task: What is learnt.
        settings: Of the comparison.
        longest: Steps of the longest sequence to learn from.

    Raises:
        SettingsError: the task or a setting leaves no place for it.
    """
    if task.name not in _TASKS:
        raise SettingsError(
            f"{name} takes the place of one stack of recurrent layers, and {task.name} has two "
            f"that share a state: leave against out; it is for {', '.join(_TASKS)}"
        )
    if settings.data.missing == "decay":
        raise SettingsError(
            f"missing='decay' is a form of the GRU, which {name} has none of: take missing='mask' "
            "to compare with it"
        )
    if settings.training.truncated:
        raise SettingsError(
            f"truncated carries a state from window to window, and {name} has none: leave it out, "
            "or leave against out"
        )
    model, each_step = settings.model, task.name in ("generate", "tag")
    context = longest if task.name == "generate" else 0
    causal = not model.bidirectional and (name == "tcn" or each_step)
    depth = levels_for(longest) if name == "tcn" else max(_LEAST_LAYERS, model.layers)
    return Rival(name, depth, causal, context, model.dropout, model.variational)


def stood_in(
    network: torch.nn.Module, weights: Mapping[str, Any], graphs: Mapping[str, Graph]
) -> dict[str, Any]:
    """A network's weights by the graphs' paths: zeros for those whose place a rival has taken.

    They let a model measure the network, whose torch side computes every answer.
    """
    if not isinstance(getattr(network, _PLACE, None), AbstractRival):
        return dict(weights)
    like = next(iter(weights.values()))
    return {
        path: weights[path] if path in weights else np.zeros(shape, like.dtype)
        for path, shape in shared_parameters(graphs).items()
    }


def _place(graphs: Mapping[str, Graph]) -> Any:
    node = next(step.node for step in graphs["main"].steps if step.name == _PLACE)
    assert not isinstance(node, GRUD)  # `rival_for` refused it
    return node
