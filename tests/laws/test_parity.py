"""Torch's side and numpy's side of every kind of node compute the same, however time is cut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recurra.layers import GraphModule, build
from recurra.runtime import Network
from recurra.spec import cells, nodes
from recurra.spec.attention import LENGTHS, SCORES, Attention, Mixture, Spread
from recurra.spec.characters import Characters
from recurra.spec.concat import Concat
from recurra.spec.convolution import Convolution
from recurra.spec.crf import Crf
from recurra.spec.dense import Dense
from recurra.spec.graph import NODE_KINDS, Graph, Step
from recurra.spec.node import AbstractNode, Signal
from recurra.spec.state import flatten

# Values stay below 30 in magnitude; float32 sums of up to 30 products differ in their last bits.
TOLERANCE = {torch.float64: 1e-12, torch.float32: 3e-5}
Arrays = dict[str, npt.NDArray[Any]]

sizes = st.integers(1, 5)
rates = st.sampled_from([0.0, 0.3])
activations = st.sampled_from(cells.ACTIVATIONS)


def cell_of(kind: str, size: int | None = None) -> st.SearchStrategy[AbstractNode]:
    shared: dict[str, st.SearchStrategy[Any]] = {
        "input_size": sizes if size is None else st.just(size),
        "hidden_size": sizes,
        "activation": activations,
        "gate_activation": activations,
        "bias": st.booleans(),
        "learn_initial_state": st.booleans(),
        "zoneout": rates,
    }
    if issubclass(cells.CELLS[kind], cells.AbstractRecurrentCell):
        shared["weight_dropout"] = rates
    own: dict[str, dict[str, st.SearchStrategy[Any]]] = {
        "gru": {"reset": st.sampled_from(cells.RESETS)},
        "lstm": {"zoneout_cell": rates},
    }
    return st.builds(NODE_KINDS[kind], **shared, **own.get(kind, {}))


def any_cell(size: int) -> st.SearchStrategy[Any]:
    return st.sampled_from(list(cells.CELLS)).flatmap(lambda kind: cell_of(kind, size))


def bidirectional(size: int) -> st.SearchStrategy[Any]:
    return st.builds(nodes.Bidirectional, forward=any_cell(size), backward=any_cell(size))


@st.composite
def stacks(draw: st.DrawFn) -> nodes.Stack:
    both = draw(st.booleans())
    layers: list[Any] = []
    width = draw(sizes)
    for _ in range(draw(st.integers(1, 3))):
        kinds = [any_cell(width), bidirectional(width)] if both else [any_cell(width)]
        layers.append(draw(st.one_of(kinds)))
        width = layers[-1].output((Signal("steps", width),)).size
    return nodes.Stack(
        layers=tuple(layers),
        dropout=draw(rates),
        variational=draw(st.booleans()),
        residual=draw(st.booleans()),
    )


STRATEGIES: Mapping[str, st.SearchStrategy[Any]] = {
    "embedding": st.builds(nodes.Embedding, tokens=sizes, size=sizes),
    "linear": st.builds(nodes.Linear, input_size=sizes, output_size=sizes, bias=st.booleans()),
    **{kind: cell_of(kind) for kind in cells.CELLS},
    "stack": stacks(),
    "bidirectional": sizes.flatmap(bidirectional),
    "grud": sizes.flatmap(lambda size: cell_of("gru", 2 * size)).map(lambda c: nodes.GRUD(cell=c)),
    "pool": st.builds(
        nodes.Pool,
        size=sizes,
        modes=st.lists(st.sampled_from(nodes.POOLS), min_size=1, unique=True).map(tuple),
    ),
    "dropout": st.builds(nodes.Dropout, rate=rates, variational=st.booleans()),
    "concat": st.builds(Concat, left=sizes, right=sizes),
    "characters": st.builds(Characters, tokens=sizes, encoder=sizes.flatmap(bidirectional)),
    "crf": st.builds(Crf, tags=sizes),
    "attention": st.tuples(sizes, sizes, st.sampled_from(SCORES)).map(
        lambda drawn: Attention(
            query_size=drawn[0],
            key_size=drawn[0] if drawn[2] == "dot" else drawn[1],
            score=drawn[2],
        )
    ),
    "mixture": st.builds(Mixture, size=sizes),
    "spread": st.builds(Spread, size=sizes),
    "dense": st.builds(
        Dense,
        input_size=sizes,
        output_size=sizes,
        activation=activations,
        bias=st.booleans(),
    ),
    "convolution": st.builds(
        Convolution,
        input_size=sizes,
        output_size=sizes,
        width=st.integers(1, 4),
        activation=activations,
        bias=st.booleans(),
    ),
}
each_kind = pytest.mark.parametrize("kind", STRATEGIES)


def signal_of(node: Any, axes: Any) -> Signal:
    """What the node takes."""
    if isinstance(node, nodes.Embedding):
        return Signal("steps", node.tokens, "token")
    if isinstance(node, Characters):
        return Signal("pieces", node.tokens, "token")
    if isinstance(node, Crf):
        return Signal("steps", node.tags)
    if isinstance(node, nodes.Stack):
        return signal_of(node.layers[0], axes)
    if isinstance(node, nodes.Bidirectional):
        return signal_of(node.forward, axes)
    if isinstance(node, nodes.Dropout):
        return Signal(axes, 3)
    return Signal(axes, node.size if isinstance(node, nodes.Pool) else node.input_size)


def graph_of(node: AbstractNode, axes: Any = "steps") -> Graph:
    if isinstance(node, nodes.GRUD):
        values = Signal("steps", node.features)
        inputs = {"x": values, "observed": values, "elapsed": Signal("steps", 1)}
        return Graph(inputs, (Step("node", node, tuple(inputs)),), ("node",))
    if isinstance(node, Concat):
        both = {"x": Signal("steps", node.left), "right": Signal("steps", node.right)}
        return Graph(both, (Step("node", node, tuple(both)),), ("node",))
    if isinstance(node, Attention | Mixture):
        return reader_of(node)
    if isinstance(node, Spread):
        both = {"x": Signal("steps", 2), "row": Signal("row", node.size)}
        return Graph(both, (Step("node", node, tuple(both)),), ("node",))
    return Graph({"x": signal_of(node, axes)}, (Step("node", node, ("x",)),), ("node",))


def reader_of(node: Attention | Mixture) -> Graph:
    """Attention over a memory, and its mixture, whose weights come out too."""
    if isinstance(node, Attention):
        attention, mixture = node, Mixture(size=node.key_size)
    else:
        attention, mixture = Attention(query_size=3, key_size=node.size), node
    inputs = {
        "x": Signal("steps", attention.query_size),
        "memory": Signal("memory", mixture.size),
        "places": LENGTHS,
    }
    steps = (
        Step("weights", attention, tuple(inputs)),
        Step("node", mixture, ("weights", "memory", "places")),
    )
    return Graph(inputs, steps, ("weights", "node"))


class Sides:
    """One graph with the same weights on both sides, and a call that compares them."""

    def __init__(self, graph: Graph, seed: int, dtype: torch.dtype) -> None:
        torch.manual_seed(seed)
        # The runtime takes its dtype from the weights; without any it computes in float32.
        dtype = dtype if graph.parameters() else torch.float32
        self.module: GraphModule = build(graph, dtype=dtype).eval()
        with torch.no_grad():
            # What is saved, learnt or not.
            for parameter in self.module.state_dict().values():
                parameter.copy_(torch.randn_like(parameter) / 2)
        weights = {name: p.numpy() for name, p in self.module.state_dict().items()}
        self.network = Network(graph, weights)
        self.graph, self.tolerance = graph, TOLERANCE[dtype]
        self.dtype = np.dtype(str(dtype).removeprefix("torch."))
        self.states: tuple[Any, Any] = (None, None)

    def restart(self, batch: int) -> None:
        self.states = (self.module.initial_state(batch), self.network.initial_state(batch))
        self.same_states()

    def call(self, inputs: Arrays, *, stepwise: bool = False, **steps: Any) -> Arrays:
        """Run both from their own states, compare outputs and states, give numpy's outputs."""
        tensors = {name: torch.from_numpy(array) for name, array in inputs.items()}
        given = {name: torch.from_numpy(array) for name, array in steps.items()}
        theirs = self.module.step if stepwise else self.module
        ours: Any = self.network.step if stepwise else self.network
        with torch.no_grad():
            outputs, state = theirs(tensors, self.states[0], **given)
        arrays, own_state = ours(inputs, self.states[1], **steps)
        self.states = (state, own_state)
        assert list(outputs) == list(arrays)
        for name, output in outputs.items():
            self.close(arrays[name], output.numpy(), name)
            assert arrays[name].dtype == self.dtype
        self.same_states()
        return arrays

    def same_states(self) -> None:
        assert list(self.states[0]) == list(self.states[1])
        for name, state in self.states[0].items():
            theirs, ours = dict(flatten(state)), dict(flatten(self.states[1][name]))
            assert list(theirs) == list(ours)
            for path, slot in theirs.items():
                self.close(ours[path], slot.detach().numpy(), f"{name}.{path}")

    def close(self, came: Any, wanted: Any, name: str) -> None:
        np.testing.assert_allclose(
            came, wanted, rtol=self.tolerance, atol=self.tolerance, err_msg=name
        )


def drawn_inputs(graph: Graph, rng: np.random.Generator, dtype: Any, counts: Any) -> Arrays:
    """Inputs with NaN, or tokens out of range, at the steps that do not count."""
    inputs: Arrays = {}
    places = rng.integers(0, 6, len(counts))
    for name, signal in graph.inputs.items():
        if signal.dtype == "length":
            inputs[name] = places
        elif signal.axes == "memory":
            memory = rng.normal(size=(len(counts), 5, signal.size)).astype(dtype)
            memory[np.arange(5) >= places[:, None]] = np.nan
            inputs[name] = memory
        elif signal.axes == "pieces":
            pieces = rng.integers(0, signal.size, (*counts.shape, 4))
            pieces *= np.cumprod(pieces != 0, axis=2)
            inputs[name] = np.where(counts[:, :, None], pieces, -5)
        elif signal.dtype == "token":
            tokens = rng.integers(0, signal.size, counts.shape)
            inputs[name] = np.where(counts, tokens, -5)
        elif signal.axes == "row":
            inputs[name] = rng.normal(size=(len(counts), signal.size)).astype(dtype)
        else:
            x = rng.normal(size=(*counts.shape, signal.size)).astype(dtype)
            if name == "observed":
                x = (x > 0).astype(dtype)
            elif name == "elapsed":
                x = np.abs(x)
            inputs[name] = np.where(counts[:, :, None], x, dtype.type(np.nan))
    return inputs


def hold_parity(sides: Sides, seed: int, cut: int) -> None:
    """Whole, in two chunks and, where the graph streams, in steps."""
    rng = np.random.default_rng(seed)
    batch, time = int(rng.integers(1, 4)), 6
    lengths = rng.integers(0, time + 1, batch)
    within = np.arange(time) < lengths[:, None]
    valid, starts = rng.random((batch, time)) < 0.7, rng.random((batch, time)) < 0.25
    inputs = drawn_inputs(sides.graph, rng, sides.dtype, within & valid)
    rows = {n for n, s in sides.graph.inputs.items() if s.axes in ("row", "memory")}

    def part(which: Any) -> Arrays:
        return {n: a if n in rows else np.ascontiguousarray(a[:, which]) for n, a in inputs.items()}

    sides.call(inputs, lengths=lengths, valid=valid, starts=starts)
    sides.restart(batch)
    for first, last in ((0, cut), (cut, time)):
        which = slice(first, last)
        own = (lengths - first).clip(0, last - first)
        sides.call(part(which), lengths=own, valid=valid[:, which], starts=starts[:, which])
    sides.restart(batch)
    if sides.graph.why_not_streaming() is not None:
        return
    for t in range(time):
        steps = {"valid": valid[:, t] & within[:, t], "starts": starts[:, t]}
        sides.call(part(t), stepwise=True, **steps)


seeds = st.integers(0, 2**31)
dtypes = st.sampled_from(list(TOLERANCE))


def test_every_kind_has_a_strategy() -> None:
    """A new kind of node without a law fails here."""
    assert list(STRATEGIES) == list(NODE_KINDS)


@each_kind
@given(data=st.data(), seed=seeds, cut=st.integers(1, 5), dtype=dtypes)
def test_both_sides_agree(kind: str, data: st.DataObject, seed: int, cut: int, dtype: Any) -> None:
    """Outputs and states agree within the tolerance: whole, chunked and stepped."""
    node = data.draw(STRATEGIES[kind])
    assert node.kind == kind
    hold_parity(Sides(graph_of(node), seed, dtype), seed, cut)


@pytest.mark.parametrize("kind", ["linear", "dropout", "dense"])
@given(data=st.data(), seed=seeds, dtype=dtypes)
def test_both_sides_agree_on_rows(kind: str, data: st.DataObject, seed: int, dtype: Any) -> None:
    """Nodes that take rows as well agree on these."""
    graph = graph_of(data.draw(STRATEGIES[kind]), "row")
    sides = Sides(graph, seed, dtype)
    sides.call(drawn_inputs(graph, np.random.default_rng(seed), sides.dtype, np.ones((3, 1))))


@st.composite
def networks(draw: st.DrawFn) -> Graph:
    """Tokens or floats -> dropout -> encoder -> pool -> head, with tags at every step beside it."""
    encoder = draw(st.one_of([STRATEGIES[k] for k in (*cells.CELLS, "stack", "bidirectional")]))
    source = signal_of(encoder, "steps")
    steps = []
    if draw(st.booleans()):
        steps.append(Step("embed", nodes.Embedding(tokens=7, size=source.size), ("x",)))
        source = Signal("steps", 7, "token")
    width = encoder.output((signal_of(encoder, "steps"),)).size
    modes = draw(st.lists(st.sampled_from(nodes.POOLS), min_size=1, unique=True))
    return Graph(
        {"x": source},
        (
            *steps,
            Step("drop", nodes.Dropout(rate=0.5), ("embed" if steps else "x",)),
            Step("encoder", encoder, ("drop",)),
            Step("tags", nodes.Linear(input_size=width, output_size=2), ("encoder",)),
            Step("pool", nodes.Pool(size=width, modes=tuple(modes)), ("encoder",)),
            Step("head", nodes.Linear(input_size=width * len(modes), output_size=3), ("pool",)),
        ),
        ("head", "tags"),
    )


@given(graph=networks(), seed=seeds, cut=st.integers(1, 5), dtype=dtypes)
def test_whole_networks_agree(graph: Graph, seed: int, cut: int, dtype: Any) -> None:
    """So do graphs of many nodes with two outputs."""
    hold_parity(Sides(graph, seed, dtype), seed, cut)


@pytest.mark.parametrize("kind", ["gru", "lstm", "mingru"])
def test_swapped_gates_would_be_seen(kind: str) -> None:
    """The law has teeth: numpy's side with two gates exchanged differs from torch's."""
    node = NODE_KINDS[kind](input_size=3, hidden_size=4)
    sides = Sides(graph_of(node), 0, torch.float64)
    weights = {name: p.numpy().copy() for name, p in sides.module.state_dict().items()}
    for name in weights:
        blocks = np.split(weights[name], len(node.gates))
        weights[name] = np.concatenate([blocks[1], blocks[0], *blocks[2:]])
    sides.network = Network(sides.graph, weights)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        sides.call({"x": np.random.default_rng(0).normal(size=(2, 5, 3))})
