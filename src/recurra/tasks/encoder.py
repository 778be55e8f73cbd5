"""The recurrent part of a graph as the settings describe it: a cell, a bidirectional or a stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recurra.errors import SettingsError
from recurra.spec.cells import CELLS, AbstractCell, AbstractRecurrentCell
from recurra.spec.characters import Characters
from recurra.spec.concat import Concat
from recurra.spec.convolution import Convolution
from recurra.spec.dense import Dense
from recurra.spec.graph import Graph, Step
from recurra.spec.node import AbstractNode, Signal
from recurra.spec.nodes import GRUD, Bidirectional, Dropout, Embedding, Stack
from recurra.spec.settings import ModelSettings

__all__ = [
    "ahead_nodes",
    "cell_node",
    "dense_node",
    "dense_steps",
    "encoder_node",
    "encoder_steps",
    "grud_node",
    "symbol_steps",
]


def cell_node(settings: ModelSettings, input_size: int) -> AbstractCell:
    """One cell of the chosen kind, I = `input_size`, H = `settings.hidden`.

    Raises:
        SettingsError: a weight dropout for a cell without recurrent weights.
    """
    kind = CELLS[settings.cell]
    choices: dict[str, Any] = {
        "input_size": input_size,
        "hidden_size": settings.hidden,
        "gate_activation": settings.gate_activation,
        "bias": settings.bias,
        "learn_initial_state": settings.learn_initial_state,
        "zoneout": settings.zoneout,
    }
    if settings.activation is not None:
        choices["activation"] = settings.activation
    if issubclass(kind, AbstractRecurrentCell):
        choices["weight_dropout"] = settings.weight_dropout
    elif settings.weight_dropout:
        raise SettingsError(
            f"weight_dropout={settings.weight_dropout}: {settings.cell} has no recurrent weights "
            "to drop; set it to 0, or take another cell"
        )
    if settings.cell == "gru":
        choices["reset"] = settings.reset
    elif settings.cell == "lstm":
        choices["zoneout_cell"] = settings.zoneout
    return kind(**choices)


def encoder_node(settings: ModelSettings, input_size: int) -> AbstractNode:
    """Steps of `input_size` floats -> steps of H (bidirectional: 2H) floats.

    One layer without a residual connection is the layer itself, not a stack of one.
    """
    layers: list[AbstractNode] = []
    size = input_size
    for _ in range(settings.layers):
        cell = cell_node(settings, size)
        layers.append(
            Bidirectional(forward=cell, backward=cell) if settings.bidirectional else cell
        )
        size = settings.hidden * (2 if settings.bidirectional else 1)
    if len(layers) == 1 and not settings.residual:
        return layers[0]
    return Stack(
        layers=tuple(layers),
        dropout=settings.dropout,
        variational=settings.variational,
        residual=settings.residual,
    )


def grud_node(settings: ModelSettings, features: int) -> GRUD:
    """Steps of values, flags and elapsed time -> steps of H floats.

    Raises:
        SettingsError: another cell than a GRU, or both directions.
    """
    if settings.cell != "gru":
        raise SettingsError(
            f"missing='decay' is a form of the GRU: set cell='gru', or take another strategy for "
            f"{settings.cell}"
        )
    if settings.bidirectional:
        raise SettingsError(
            "missing='decay' forgets as time passes and reads one way only: leave bidirectional "
            "out, or take missing='mask'"
        )
    return GRUD(cell=cell_node(settings, 2 * features))


def encoder_steps(settings: ModelSettings, signals: Mapping[str, Signal]) -> list[Step]:
    """[symbols] -> [dropout] -> encoder, from what a codec feeds; the last step is the result.

    Unless `input_dropout` says so, numbers are not dropped: what is hidden of one reading stands
    nowhere else, while a symbol's vector says the same many times. Values with flags and elapsed
    time go to a GRU-D, with further layers above it. What it reads is never dropped: a dropped
    value would look like one that was observed.

    Raises:
        SettingsError: the settings contradict one another or the signals.
    """
    steps: list[Step] = []

    def add(step: str, node: AbstractNode) -> None:
        steps.append(Step(step, node, (steps[-1].name if steps else "x",)))

    size = signals["x"].size
    drop = Dropout(rate=settings.dropout, variational=settings.variational)
    symbols = signals["x"].dtype == "token"
    rate = settings.input_dropout
    if rate is None:
        rate = settings.dropout if symbols else 0.0
    if "elapsed" in signals:
        if settings.dense_before or settings.convolution:
            raise SettingsError(
                "missing='decay' reads values as they were observed: leave dense_before and "
                "convolution out, or take missing='mask'"
            )
        steps.append(Step("encoder", grud_node(settings, size), ("x", "observed", "elapsed")))
        if settings.layers > 1:
            if settings.dropout > 0:
                add("between_dropout", drop)
            above = settings.model_copy(update={"layers": settings.layers - 1})
            add("upper", encoder_node(above, settings.hidden))
        return steps
    if symbols:
        steps = symbol_steps(settings, signals)
        size = Graph(signals, tuple(steps), (steps[-1].name,)).signals()[steps[-1].name].size
    if rate > 0:
        add("input_dropout", Dropout(rate=rate, variational=settings.variational))
    for name, node in ahead_nodes(settings, size):
        add(name, node)
        size = node.output((Signal("steps", size),)).size
    add("encoder", encoder_node(settings, size))
    return steps


def ahead_nodes(settings: ModelSettings, size: int) -> list[tuple[str, AbstractNode]]:
    """The dense layers and convolutions ahead of the recurrent layers, with their names."""
    nodes: list[tuple[str, AbstractNode]] = []
    for k, width in enumerate(settings.dense_before):
        nodes.append((f"before_{k}", dense_node(settings, size, width)))
        size = width
    for k, channels in enumerate(settings.convolution):
        node = Convolution(
            input_size=size,
            output_size=channels,
            width=settings.convolution_width,
            activation=settings.dense_activation,
        )
        nodes.append((f"convolution_{k}", node))
        size = channels
    return nodes


def dense_node(settings: ModelSettings, size: int, width: int) -> Dense:
    """A dense layer with the activation that the settings name."""
    return Dense(input_size=size, output_size=width, activation=settings.dense_activation)


def dense_steps(settings: ModelSettings, source: str, size: int) -> list[Step]:
    """The dense layers between the recurrent ones and the head; none by default."""
    steps: list[Step] = []
    for k, width in enumerate(settings.dense_after):
        steps.append(Step(f"after_{k}", dense_node(settings, size, width), (source,)))
        source, size = f"after_{k}", width
    return steps


def symbol_steps(settings: ModelSettings, signals: Mapping[str, Signal]) -> list[Step]:
    """Vectors of tokens, beside those of their characters and pairs where a codec feeds them."""
    size = settings.embedding
    steps = [Step("embedding", Embedding(tokens=signals["x"].size, size=size), ("x",))]

    def beside(name: str, node: AbstractNode, source: str, left: int) -> int:
        width = node.output((signals[source],)).size
        both = Concat(left=left, right=width)
        before = steps[-1].name
        steps.append(Step(name, node, (source,)))
        steps.append(Step(f"with_{name}", both, (before, name)))
        return left + width

    if "characters" in signals:
        inner = settings.model_copy(update={"hidden": settings.character_hidden})
        cell = cell_node(inner, settings.character_embedding)
        both_ways = Bidirectional(forward=cell, backward=cell)
        spelling = Characters(tokens=signals["characters"].size, encoder=both_ways)
        size = beside("spelling", spelling, "characters", size)
    if "pairs" in signals:
        pairs = Embedding(tokens=signals["pairs"].size, size=settings.pair_embedding)
        beside("pair_embedding", pairs, "pairs", size)
    return steps
