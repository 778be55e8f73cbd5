"""A built graph has the graph's own parameter paths and state, whole, chunked and stepped."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from recurra.errors import ShapeError, SpecError, StateError
from recurra.layers import GRU, Bidirectional, GraphModule, Stack, build, from_node
from recurra.layers.build import LAYERS
from recurra.spec import cells, nodes
from recurra.spec.attention import Attention, Mixture, Spread
from recurra.spec.characters import Characters
from recurra.spec.concat import Concat
from recurra.spec.convolution import Convolution
from recurra.spec.crf import Crf
from recurra.spec.dense import Dense
from recurra.spec.graph import NODE_KINDS, Graph, Step, node_to_json
from recurra.spec.node import AbstractNode, Signal
from recurra.spec.state import flatten

SIZES = {"input_size": 4, "hidden_size": 3}
# One of each kind, every choice of it other than the default.
NODES: list[AbstractNode] = [
    nodes.Embedding(tokens=7, size=4),
    nodes.Linear(input_size=4, output_size=3, bias=False),
    cells.GRUCell(**SIZES, reset="before", activation="relu", bias=False, zoneout=0.1),
    cells.LSTMCell(**SIZES, gate_activation="hard_sigmoid", zoneout_cell=0.2),
    cells.RNNCell(**SIZES, learn_initial_state=True, weight_dropout=0.3),
    cells.MinGRUCell(**SIZES, learn_initial_state=True, activation="tanh"),
    nodes.Stack(
        layers=(
            cells.GRUCell(**SIZES),
            nodes.Bidirectional(
                forward=cells.RNNCell(input_size=3, hidden_size=2),
                backward=cells.LSTMCell(input_size=3, hidden_size=1),
            ),
        ),
        dropout=0.1,
        variational=True,
        residual=True,
    ),
    nodes.Bidirectional(forward=cells.GRUCell(**SIZES), backward=cells.GRUCell(**SIZES)),
    nodes.GRUD(cell=cells.GRUCell(input_size=4, hidden_size=3, reset="before")),
    nodes.Pool(size=4, modes=("mean", "max")),
    nodes.Dropout(rate=0.5, variational=True),
    Concat(left=2, right=3),
    Characters(
        tokens=5,
        encoder=nodes.Bidirectional(
            forward=cells.GRUCell(**SIZES), backward=cells.GRUCell(**SIZES)
        ),
    ),
    Crf(tags=3),
    Attention(query_size=3, key_size=4, score="additive"),
    Mixture(size=3),
    Spread(size=3),
    Dense(input_size=4, output_size=3, activation="relu", bias=False),
    Convolution(input_size=4, output_size=3, width=2, activation="tanh", bias=False),
]
STACK = NODES[6]


def text_graph(encoder: AbstractNode) -> Graph:
    """Tokens -> embedding -> dropout -> encoder -> pool -> head, with a second output of steps."""
    width = encoder.output((Signal("steps", 4),)).size
    return Graph(
        {"x": Signal("steps", 7, "token")},
        (
            Step("embedding", nodes.Embedding(tokens=7, size=4), ("x",)),
            Step("drop", nodes.Dropout(rate=0.5), ("embedding",)),
            Step("encoder", encoder, ("drop",)),
            Step("pool", nodes.Pool(size=width, modes=("last", "mean")), ("encoder",)),
            Step("drop_row", nodes.Dropout(rate=0.5), ("pool",)),
            Step("head", nodes.Linear(input_size=2 * width, output_size=2), ("drop_row",)),
            Step("tags", nodes.Linear(input_size=width, output_size=5), ("encoder",)),
        ),
        ("head", "tags"),
    )


def test_every_kind_of_node_has_its_layer() -> None:
    """The table of layers covers the closed set, and the examples here do too."""
    assert {node.kind for node in LAYERS} == set(NODE_KINDS)
    assert [node.kind for node in NODES] == list(NODE_KINDS)


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.kind)
def test_a_layer_is_its_node(node: AbstractNode) -> None:
    """The layer made of a node has the same node, parameters and state by the same paths."""
    layer = from_node(node, dtype=torch.float64)
    assert node_to_json(layer.node) == node_to_json(node)
    shapes = {name: tuple(p.shape) for name, p in layer.state_dict().items()}
    assert list(shapes.items()) == list(node.parameters().items())
    slots = {name: tuple(s.shape) for name, s in flatten(layer.initial_state(2))}
    assert slots == {name: (2, *shape) for name, shape in node.state_slots().items()}
    assert all(p.dtype == torch.float64 for p in layer.parameters())
    assert hasattr(layer, "step") == (node.why_not_streaming() is None)


def test_options_reach_every_cell() -> None:
    """Initialisers and the backend go to each cell of a stack and of a bidirectional."""
    stack = from_node(STACK, recurrent_init="identity", backend="reference")
    assert isinstance(stack, Stack)
    found = [m for m in stack.modules() if hasattr(m, "recurrent_weight")]
    assert len(found) == 3
    for cell in found:
        assert cell.backend == "reference"
        for block in cell.recurrent_weight.chunk(len(cell.node.gates)):
            assert torch.equal(block, torch.eye(len(block)))


@pytest.mark.parametrize("encoder", [*NODES[2:6], STACK])
def test_paths_are_the_graph_s(encoder: AbstractNode) -> None:
    """state_dict has the keys, order and shapes of graph.parameters(), and loads back."""
    graph = text_graph(encoder)
    module = build(graph)
    shapes = {name: tuple(p.shape) for name, p in module.state_dict().items()}
    assert list(shapes.items()) == list(graph.parameters().items())
    state = module.initial_state(3)
    slots = {f"{step}.{name}": s for step, own in state.items() for name, s in flatten(own)}
    assert list(slots) == list(graph.state_slots())
    twin = copy.deepcopy(module).eval()
    for parameter in twin.parameters():
        torch.nn.init.zeros_(parameter)
    twin.load_state_dict(module.state_dict())
    tokens = torch.randint(0, 7, (3, 5))
    torch.testing.assert_close(module.eval()({"x": tokens}), twin({"x": tokens}))


def call_apart(module: GraphModule, tokens: torch.Tensor, steps: dict[str, Any]) -> Any:
    """The layers called by hand, one after another."""
    part = dict(module.named_children())
    y, _ = part["embedding"](tokens, **steps)
    y, _ = part["encoder"](y, **steps)
    tags, _ = part["tags"](y, **steps)
    row, _ = part["pool"](y, **steps)
    return {"head": part["head"](row)[0], "tags": tags}


@pytest.mark.parametrize("encoder", [NODES[2], STACK])
def test_it_is_its_layers_in_turn(encoder: AbstractNode) -> None:
    """Outputs by name are those of the layers, each given what its step names."""
    module = build(text_graph(encoder)).eval()
    steps = {
        "lengths": torch.tensor([5, 0, 2]),
        "valid": torch.rand(3, 5) < 0.8,
        "starts": torch.rand(3, 5) < 0.3,
    }
    tokens = torch.randint(0, 7, (3, 5))
    outputs, state = module({"x": tokens}, **steps)
    torch.testing.assert_close(outputs, call_apart(module, tokens, steps), rtol=0, atol=0)
    assert list(state) == ["encoder", "pool"]


def test_steps_and_chunks_are_the_whole() -> None:
    """Rows after step t and steps at t are the same from one call, from chunks and from steps."""
    module = build(text_graph(NODES[3]), dtype=torch.float64).eval()
    tokens, valid, starts = (
        torch.randint(0, 7, (3, 5)),
        torch.rand(3, 5) < 0.7,
        torch.rand(3, 5) < 0.3,
    )
    whole, end = module({"x": tokens}, valid=valid, starts=starts)
    _, state = module({"x": tokens[:, :2]}, valid=valid[:, :2], starts=starts[:, :2])
    rest, state = module({"x": tokens[:, 2:]}, state, valid=valid[:, 2:], starts=starts[:, 2:])
    close: dict[str, Any] = {"rtol": 0, "atol": 1e-12}
    torch.testing.assert_close((rest["head"], state), (whole["head"], end), **close)
    state = module.initial_state(3)
    for t in range(5):
        outputs, state = module.step(
            {"x": tokens[:, t]}, state, valid=valid[:, t], starts=starts[:, t]
        )
        torch.testing.assert_close(outputs["tags"], whole["tags"][:, t], **close)
    torch.testing.assert_close((outputs["head"], state), (whole["head"], end), **close)


def test_a_row_input_needs_no_steps() -> None:
    """A graph of rows alone runs, steps beside it or not."""
    graph = Graph(
        {"x": Signal("steps", 4), "about": Signal("row", 3)},
        (
            Step("encoder", cells.GRUCell(input_size=4, hidden_size=3), ("x",)),
            Step("head", nodes.Linear(input_size=3, output_size=2), ("about",)),
        ),
        ("head", "encoder"),
    )
    module = build(graph)
    inputs = {"x": torch.randn(2, 4, 4), "about": torch.randn(2, 3)}
    outputs, state = module(inputs, lengths=torch.tensor([4, 1]))
    torch.testing.assert_close(outputs["head"], module.head(inputs["about"])[0])
    outputs, _ = module.step({"x": inputs["x"][:, 0], "about": inputs["about"]}, state)
    assert outputs["head"].shape == outputs["encoder"][:, :2].shape


def test_a_graph_that_does_not_stream_has_no_step() -> None:
    """Asking for it names the step of the graph and the reason."""
    module = build(text_graph(NODES[7]))
    assert isinstance(module.encoder, Bidirectional)
    assert not hasattr(module, "step")
    with pytest.raises(AttributeError, match=r"GraphModule has no step: step 'encoder' \(bidir"):
        _ = module.step


def test_it_compiles_into_one_graph() -> None:
    """torch.compile(fullgraph=True) gives the same outputs and state."""
    module = build(text_graph(NODES[2])).eval()
    inputs, lengths = {"x": torch.randint(0, 7, (2, 3))}, torch.tensor([3, 1])
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(inputs, lengths=lengths), module(inputs, lengths=lengths))


def test_what_does_not_fit_is_refused() -> None:
    """Inputs, states, taken names, and a node that is none."""
    module = build(text_graph(NODES[2]))
    tokens = torch.zeros(2, 3, dtype=torch.int64)
    with pytest.raises(ShapeError, match=r"the inputs \['x'\], got \['tokens'\]"):
        module({"tokens": tokens})
    with pytest.raises(StateError, match=r"state of \['encoder', 'pool'\], got \['encoder'\]"):
        module({"x": tokens}, {"encoder": module.initial_state(2)["encoder"]})
    taken = Graph(
        {"x": Signal("steps", 4)}, (Step("train", cells.GRUCell(**SIZES), ("x",)),), ("train",)
    )
    with pytest.raises(SpecError, match="step name 'train' is taken by torch"):
        build(taken)
    with pytest.raises(SpecError, match="no layer for a node Signal"):
        from_node(Signal("steps", 4))  # type: ignore[arg-type] # the wrong type is what is tested
    with pytest.raises(SpecError, match="rnn has no gate"):
        build(text_graph(NODES[4]), bias_init="chrono")


def test_the_name_is_the_class() -> None:
    """A GRU from a node is a GRU from its arguments."""
    torch.manual_seed(0)
    made = from_node(cells.GRUCell(input_size=3, hidden_size=4), bias_init="gate")
    torch.manual_seed(0)
    direct = GRU(3, 4, bias_init="gate")
    for name, parameter in direct.state_dict().items():
        assert torch.equal(made.state_dict()[name], parameter)
