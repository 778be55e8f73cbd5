"""A graph as a torch module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, TypedDict, Unpack

import torch
from torch import Tensor

from recurra.errors import ShapeError, SpecError, StateError
from recurra.layers.abstract import AbstractLayer, AbstractModule, AbstractRecurrent
from recurra.layers.attention import Attention, Mixture, Spread
from recurra.layers.bidirectional import Bidirectional
from recurra.layers.characters import Characters
from recurra.layers.concat import Concat
from recurra.layers.convolution import Convolution
from recurra.layers.crf import Crf
from recurra.layers.dense import Dense
from recurra.layers.dropout import Dropout
from recurra.layers.embedding import Embedding
from recurra.layers.gru import GRU
from recurra.layers.grud import GRUD
from recurra.layers.initialise import BiasInit, InitGain, InputInit, RecurrentInit
from recurra.layers.linear import Linear
from recurra.layers.lstm import LSTM
from recurra.layers.mingru import MinGRU
from recurra.layers.pool import Pool
from recurra.layers.rnn import RNN
from recurra.layers.stack import Stack
from recurra.ops import Backend
from recurra.spec import attention, cells, nodes
from recurra.spec.characters import Characters as CharactersNode
from recurra.spec.concat import Concat as ConcatNode
from recurra.spec.convolution import Convolution as ConvolutionNode
from recurra.spec.crf import Crf as CrfNode
from recurra.spec.dense import Dense as DenseNode
from recurra.spec.graph import Graph, shared_parameters
from recurra.spec.node import AbstractNode

__all__ = ["LAYERS", "BuildOptions", "GraphModule", "Networks", "build", "from_node"]


class BuildOptions(TypedDict, total=False):
    """What a node does not say: how parameters begin, where they are, what computes."""

    input_init: InputInit
    recurrent_init: RecurrentInit
    bias_init: BiasInit
    chrono_length: int
    init_gain: InitGain
    backend: Backend
    device: torch.device | str | None
    dtype: torch.dtype | None


def _placed(options: BuildOptions) -> dict[str, Any]:
    return {name: options[name] for name in ("device", "dtype") if name in options}


_CELLS: Mapping[str, Callable[..., AbstractRecurrent]] = {
    "gru": GRU,
    "lstm": LSTM,
    "rnn": RNN,
    "mingru": MinGRU,
}


def _cell(node: cells.AbstractCell, options: BuildOptions) -> AbstractRecurrent:
    values = {field.name: getattr(node, field.name) for field in fields(node)}
    if isinstance(node, cells.RNNCell):
        # The layer does not offer what an RNN has no gate for.
        del values["gate_activation"]
    return _CELLS[node.kind](**values, **options)


def _bidirectional(node: nodes.Bidirectional, options: BuildOptions) -> Bidirectional:
    return Bidirectional(_cell(node.forward, options), _cell(node.backward, options))


def _grud(node: nodes.GRUD, options: BuildOptions) -> GRUD:
    cell = _cell(node.cell, options)
    assert isinstance(cell, GRU)
    return GRUD(cell)


def _stack(node: nodes.Stack, options: BuildOptions) -> Stack:
    layers = [
        _bidirectional(layer, options)
        if isinstance(layer, nodes.Bidirectional)
        else _cell(layer, options)
        for layer in node.layers
        if isinstance(layer, nodes.Bidirectional | cells.AbstractCell)
    ]
    return Stack(layers, dropout=node.dropout, variational=node.variational, residual=node.residual)


def _embedding(node: nodes.Embedding, options: BuildOptions) -> Embedding:
    return Embedding(node.tokens, node.size, **_placed(options))


def _linear(node: nodes.Linear, options: BuildOptions) -> Linear:
    return Linear(node.input_size, node.output_size, bias=node.bias, **_placed(options))


def _pool(node: nodes.Pool, options: BuildOptions) -> Pool:
    return Pool(node.size, node.modes, **_placed(options))


def _concat(node: ConcatNode, options: BuildOptions) -> Concat:
    del options
    return Concat(node.left, node.right)


def _characters(node: CharactersNode, options: BuildOptions) -> Characters:
    return Characters(node.tokens, _bidirectional(node.cells, options), **_placed(options))


def _crf(node: CrfNode, options: BuildOptions) -> Crf:
    return Crf(node.tags, **_placed(options))


def _dropout(node: nodes.Dropout, options: BuildOptions) -> Dropout:
    del options
    return Dropout(node.rate, variational=node.variational)


def _attention(node: attention.Attention, options: BuildOptions) -> Attention:
    return Attention(node.query_size, node.key_size, score=node.score, **_placed(options))


def _mixture(node: attention.Mixture, options: BuildOptions) -> Mixture:
    del options
    return Mixture(node.size)


def _spread(node: attention.Spread, options: BuildOptions) -> Spread:
    del options
    return Spread(node.size)


def _convolution(node: ConvolutionNode, options: BuildOptions) -> Convolution:
    return Convolution(
        node.input_size,
        node.output_size,
        width=node.width,
        activation=node.activation,
        bias=node.bias,
        **_placed(options),
    )


def _dense(node: DenseNode, options: BuildOptions) -> Dense:
    return Dense(
        node.input_size,
        node.output_size,
        activation=node.activation,
        bias=node.bias,
        **_placed(options),
    )


LAYERS: Mapping[type[AbstractNode], Callable[[Any, BuildOptions], AbstractLayer]] = {
    **dict.fromkeys(cells.CELLS.values(), _cell),
    nodes.Stack: _stack,
    nodes.Bidirectional: _bidirectional,
    nodes.GRUD: _grud,
    nodes.Embedding: _embedding,
    nodes.Linear: _linear,
    nodes.Pool: _pool,
    nodes.Dropout: _dropout,
    ConcatNode: _concat,
    CharactersNode: _characters,
    CrfNode: _crf,
    attention.Attention: _attention,
    attention.Mixture: _mixture,
    attention.Spread: _spread,
    DenseNode: _dense,
    ConvolutionNode: _convolution,
}


def from_node(node: AbstractNode, **options: Unpack[BuildOptions]) -> AbstractLayer:
    """The layer that runs a node.

    Args:
        node: Any node of the closed set.
        options: input_init, recurrent_init, bias_init, chrono_length, init_gain, backend, device
            and dtype as `GRU` takes them.

    Raises:
        SpecError: the node is none of the set, or an option contradicts it.
    """
    make = LAYERS.get(type(node))
    if make is None:
        raise SpecError(f"there is no layer for a node {type(node).__name__}")
    return make(node, options)


def build(graph: Graph, **options: Unpack[BuildOptions]) -> GraphModule:
    """The torch module that runs a graph, its parameters freshly drawn.

    Args:
        graph: The network.
        options: As `from_node`'s, for every node.

    Raises:
        SpecError: an option contradicts a node, or torch has taken the name of a step.
    """
    return GraphModule(graph, options)


class GraphModule(AbstractModule):
    """A graph's torch side; the keys of its `state_dict` are `graph.parameters()`.

    It has no `step` where the graph cannot run one step at a time; asking for it says why.

    Args:
        graph: The network.
        options: As `build`'s.
        shared: Layers that another graph has made, by step name; they are taken as they are.
    """

    def __init__(
        self,
        graph: Graph,
        options: BuildOptions,
        shared: Mapping[str, AbstractLayer] = MappingProxyType({}),
    ) -> None:
        super().__init__()
        self.graph = graph
        for step in graph.steps:
            if hasattr(self, step.name):
                raise SpecError(f"step name {step.name!r} is taken by torch: choose another")
            layer = shared.get(step.name) or from_node(step.node, **options)
            self.add_module(step.name, layer)
        signals = graph.signals()
        self._rows = {name for name, signal in signals.items() if signal.axes == "row"}
        self._keeping = tuple(step.name for step in graph.steps if step.node.state_slots())

    def why_not_streaming(self) -> str | None:
        """None when one step at a time equals the whole; else the first node's reason."""
        return self.graph.why_not_streaming()

    def initial_state(self, batch: int) -> dict[str, Any]:
        """The state ahead of the first step, by step name, of those that keep any."""
        return {name: getattr(self, name).initial_state(batch) for name in self._keeping}

    def forward(
        self,
        inputs: Mapping[str, Tensor],
        state: Mapping[str, Any] | None = None,
        *,
        lengths: Tensor | None = None,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Run over whole sequences or a chunk of them.

        Args:
            inputs: By name; "steps" are [B, T, size] (tokens [B, T]), rows [B, size].
            state: By step name, as a call returned it; None: `initial_state`.
            lengths: Steps of each row that count, [B], int64. None: all T.
            valid: False skips a step, [B, T], bool.
            starts: True begins from the initial state at that step, [B, T], bool.

        Returns:
            The outputs by name; the state by the name of each step that keeps any.

        Raises:
            ShapeError: an input is missing or unknown, or an axis differs.
            StateError: the state is not one of this graph.
        """
        return self._run(False, inputs, state, lengths=lengths, valid=valid, starts=starts)

    @property
    def step(self) -> Callable[..., tuple[dict[str, Tensor], dict[str, Any]]]:
        """Run one step: inputs [B, size] (tokens [B]), state, valid [B], starts [B].

        Raises:
            AttributeError: the graph cannot run one step at a time.
        """
        if self.why_not_streaming() is not None:
            raise AttributeError
        return self._step

    def _step(
        self,
        inputs: Mapping[str, Tensor],
        state: Mapping[str, Any] | None,
        *,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[dict[str, Tensor], dict[str, Any]]:
        return self._run(True, inputs, state, valid=valid, starts=starts)

    def _run(
        self,
        stepwise: bool,
        inputs: Mapping[str, Tensor],
        state: Mapping[str, Any] | None,
        **steps: Tensor | None,
    ) -> tuple[dict[str, Tensor], dict[str, Any]]:
        if set(inputs) != set(self.graph.inputs):
            raise ShapeError(
                f"the graph expected the inputs {sorted(self.graph.inputs)}, got {sorted(inputs)}"
            )
        if state is not None and set(state) != set(self._keeping):
            raise StateError(
                f"the graph expected the state of {sorted(self._keeping)}, got {sorted(state)}"
            )
        known = dict(inputs)
        ends = {}
        for line in self.graph.steps:
            layer = getattr(self, line.name)
            arrays = [known[name] for name in line.inputs]
            if line.name in self._rows and line.inputs[0] in self._rows:
                known[line.name], _ = layer(*arrays)
                continue
            begin = None if state is None else state.get(line.name)
            run = layer.step if stepwise else layer
            known[line.name], end = run(*arrays, begin, **steps)
            if line.name in self._keeping:
                ends[line.name] = end
        return {name: known[name] for name in self.graph.outputs}, ends


class Networks(AbstractModule):
    """Several graphs over one set of layers: a step of the same name is the same layer in all.

    The keys of its `state_dict` are the graphs' parameters, each once, and no graph's name is in
    them; `networks["decoder"](inputs, ...)` runs one graph.

    Args:
        graphs: Name -> network.
        options: As `build`'s.

    Raises:
        SpecError: two graphs use one step name for different nodes.
    """

    def __init__(self, graphs: Mapping[str, Graph], options: BuildOptions) -> None:
        super().__init__()
        shared_parameters(graphs)
        self.graphs = dict(graphs)
        made: dict[str, AbstractLayer] = {}
        # A plain dict, so that torch counts each layer once, under its step's name.
        self._networks: dict[str, GraphModule] = {}
        for name, graph in graphs.items():
            network = GraphModule(graph, options, made)
            self._networks[name] = network
            made |= {step.name: getattr(network, step.name) for step in graph.steps}
        for name, layer in made.items():
            if hasattr(self, name):
                raise SpecError(f"step name {name!r} is taken by torch: choose another")
            self.add_module(name, layer)

    def __getitem__(self, name: str) -> GraphModule:
        return self._networks[name]

    def why_not_streaming(self) -> str | None:
        """The first graph's reason, if one has any."""
        reasons = (network.why_not_streaming() for network in self._networks.values())
        return next((reason for reason in reasons if reason is not None), None)

    def train(self, mode: bool = True) -> Networks:
        """As every module's; the graphs follow."""
        super().train(mode)
        for network in self._networks.values():
            network.train(mode)
        return self
