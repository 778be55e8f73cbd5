"""A graph survives its JSON whatever it holds, and damaged JSON gives SpecError alone."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.errors import SpecError
from recurra.spec.cells import (
    ACTIVATIONS,
    CELLS,
    RESETS,
    AbstractCell,
    AbstractRecurrentCell,
    GRUCell,
    LSTMCell,
    RNNCell,
)
from recurra.spec.graph import NODE_KINDS, Graph, Step, node_from_json, node_to_json
from recurra.spec.node import AbstractNode, Signal
from recurra.spec.nodes import Bidirectional, Dropout, Embedding, Linear, Pool, Stack

sizes = st.integers(1, 9)
rates = st.floats(0, 0.99)


@st.composite
def cells(draw: Any, input_size: int) -> AbstractCell:
    cell_type = draw(st.sampled_from(list(CELLS.values())))
    more = {"reset": draw(st.sampled_from(RESETS))} if cell_type is GRUCell else {}
    if cell_type is LSTMCell:
        more = {"zoneout_cell": draw(rates)}
    if issubclass(cell_type, AbstractRecurrentCell):
        more["weight_dropout"] = draw(rates)
    return cell_type(
        input_size=input_size,
        hidden_size=draw(sizes),
        activation=draw(st.sampled_from(ACTIVATIONS)),
        gate_activation=draw(st.sampled_from(ACTIVATIONS)),
        bias=draw(st.booleans()),
        learn_initial_state=draw(st.booleans()),
        zoneout=draw(rates),
        **more,
    )


@st.composite
def graphs(draw: Any) -> Graph:
    """Tokens or floats, a stack of one to three layers, pool, dropout, head."""
    width, steps, last = draw(sizes), [], "x"
    source = Signal("steps", width)
    if draw(st.booleans()):
        source = Signal("steps", width, "token")
        steps.append(Step("embedding", Embedding(tokens=width, size=4), ("x",)))
        width, last = 4, "embedding"
    layers: list[AbstractNode] = []
    for _ in range(draw(st.integers(1, 3))):
        layer: AbstractNode = draw(cells(width))
        if draw(st.booleans()):
            layer = Bidirectional(forward=draw(cells(width)), backward=draw(cells(width)))
        layers.append(layer)
        width = layer.output((Signal("steps", width),)).size
    stack = Stack(layers=tuple(layers), dropout=draw(rates), residual=draw(st.booleans()))
    steps.append(Step("encoder", stack, (last,)))
    steps.append(Step("pool", Pool(size=width, modes=("last", "max")), ("encoder",)))
    steps.append(Step("dropout", Dropout(rate=draw(rates)), ("pool",)))
    steps.append(Step("head", Linear(input_size=2 * width, output_size=3), ("dropout",)))
    return Graph({"x": source}, tuple(steps), ("head", "encoder"))


@given(graphs())
def test_json_gives_the_same_graph_back(graph: Graph) -> None:
    back = Graph.from_json(json.loads(json.dumps(graph.to_json())))
    assert back == graph
    assert list(back.parameters().items()) == list(graph.parameters().items())
    assert list(back.state_slots().items()) == list(graph.state_slots().items())
    assert back.why_not_streaming() == graph.why_not_streaming()


@given(graphs())
def test_signals_parameters_and_slots_carry_the_steps_name(graph: Graph) -> None:
    signals = graph.signals()
    assert signals["head"] == Signal("row", 3)
    for paths in (graph.parameters(), graph.state_slots()):
        assert {path.split(".")[0] for path in paths} <= {step.name for step in graph.steps}
    backwards = any(".backward." in path for path in graph.parameters())
    assert (graph.why_not_streaming() is not None) == backwards


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a JSON tree."""
    entries = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in entries:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


WRONG = [None, True, -1, 0, 1.5, float("nan"), 10**400, "", "gru", [], {}, [[]], {"kind": "gru"}]


@given(graphs(), st.data())
def test_a_damaged_tree_gives_a_graph_or_the_typed_error(graph: Graph, data: Any) -> None:
    tree = copy.deepcopy(graph.to_json())
    for _ in range(data.draw(st.integers(1, 3))):
        *path, key = data.draw(st.sampled_from(list(places(tree))))
        inner = tree
        for part in path:
            inner = inner[part]
        if data.draw(st.booleans()):
            del inner[key]
        else:
            inner[key] = data.draw(st.sampled_from(WRONG))
        if not tree:
            break
    try:
        read = Graph.from_json(tree)
    except SpecError:
        return
    assert Graph.from_json(read.to_json()) == read


def small() -> dict[str, Any]:
    graph = Graph(
        {"x": Signal("steps", 3)},
        (Step("rnn", RNNCell(input_size=3, hidden_size=2), ("x",)),),
        ("rnn",),
    )
    return graph.to_json()


def test_every_key_is_needed_and_none_is_unknown() -> None:
    for path in [(), ("inputs", "x"), ("steps", 0), ("steps", 0, "node")]:

        def inside(tree: Any, path: tuple[Any, ...] = path) -> Any:
            for part in path:
                tree = tree[part]
            return tree

        for key in list(inside(small())):
            tree = small()
            del inside(tree)[key]
            with pytest.raises(SpecError):
                Graph.from_json(tree)
        tree = small()
        inside(tree)["more"] = 1
        with pytest.raises(SpecError, match="exactly the keys"):
            Graph.from_json(tree)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("steps", 0, "node", "kind"), "grux", "node kind must be one of"),
        (("steps", 0, "node", "kind"), ["gru"], "node kind must be one of"),
        (("steps", 0, "node", "hidden_size"), 2.0, "must be a whole number, got 2.0"),
        (("steps", 0, "node", "hidden_size"), True, "must be a whole number, got True"),
        (("steps", 0, "node", "hidden_size"), 0, "must be a whole number >= 1"),
        (("steps", 0, "node", "bias"), 1, "must be true or false, got 1"),
        (("steps", 0, "node", "zoneout"), "0", "must be a number, got '0'"),
        (
            ("steps", 0, "node", "zoneout"),
            10**400,
            "zoneout must be a number that float64 can hold",
        ),
        (("steps", 0, "node", "activation"), None, "must be a text, got None"),
        (("steps", 0, "node", "activation"), "gelu", "activation must be one of"),
        (("steps", 0, "node", "input_size"), 4, r"step 'rnn': rnn expected \[B, T, 4\]"),
        (("steps", 0, "name"), "x", "step name 'x' must be a new identifier"),
        (("steps", 0, "name"), "a.b", "step name 'a.b' must be a new identifier"),
        (("steps", 0, "inputs"), ["y"], "reads 'y', which is not before it"),
        (("steps", 0, "inputs"), [], "takes 1 inputs, got 0"),
        (("steps", 0, "inputs"), "x", "inputs must be a list, got str"),
        (("steps", 0, "inputs"), [1], "input name must be a text"),
        (("steps",), {}, "steps must be a list, got dict"),
        (("outputs",), [], "must name steps"),
        (("outputs",), ["y"], "must name steps"),
        (("inputs", "x", "axes"), "column", "no signal that exists"),
        (("inputs", "x", "dtype"), "int", "no signal that exists"),
        (("inputs", "x", "size"), 0, "no signal that exists"),
        (("inputs",), [], "graph inputs must be an object, got list"),
    ],
)
def test_a_wrong_value_is_named(path: tuple[Any, ...], value: Any, words: str) -> None:
    tree = small()
    *inner, key = path
    place: Any = tree
    for part in inner:
        place = place[part]
    place[key] = value
    with pytest.raises(SpecError, match=words):
        Graph.from_json(tree)


def test_nesting_without_end_is_refused() -> None:
    tree = node_to_json(Stack(layers=(RNNCell(input_size=1, hidden_size=1),)))
    for _ in range(2000):
        tree = {**tree, "layers": [tree]}
    with pytest.raises(SpecError, match="nested deeper than"):
        node_from_json(tree)


def test_a_direction_must_be_a_cell() -> None:
    cell = RNNCell(input_size=1, hidden_size=1)
    tree = node_to_json(Bidirectional(forward=cell, backward=cell))
    tree["forward"] = node_to_json(Dropout(rate=0.1))
    with pytest.raises(SpecError, match="forward must be a cell, got 'dropout'"):
        node_from_json(tree)


def test_kinds_are_the_nodes_own_names() -> None:
    assert all(node.kind == kind for kind, node in NODE_KINDS.items())
    assert len(set(NODE_KINDS.values())) == len(NODE_KINDS)
    assert set(CELLS) < set(NODE_KINDS)
