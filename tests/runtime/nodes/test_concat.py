"""Two inputs stand side by side, step by step too and in a native program."""

import numpy as np
import pytest

from recurra import kernels
from recurra.runtime import Network
from recurra.runtime.nodes.concat import NumpyConcat
from recurra.spec.cells import GRUCell
from recurra.spec.concat import Concat
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal
from recurra.spec.nodes import Embedding, Linear


def test_two_inputs_stand_side_by_side() -> None:
    node = NumpyConcat(Concat(left=1, right=2), {}, np.dtype("f4"))
    x, right = np.array([[[1.0], [np.nan]]]), np.array([[[2.0, 3.0], [4.0, 5.0]]])
    y, _ = node(x, right, None, lengths=np.array([1]), valid=None, starts=None)
    assert y.tolist() == [[[1, 2, 3], [0, 0, 0]]]
    step, _ = node.step(x[:, 0], right[:, 0], None, valid=None, starts=None)
    assert step.tolist() == [[1, 2, 3]]
    held, _ = node.step(x[:, 0], right[:, 0], None, valid=np.array([False]), starts=None)
    assert held.tolist() == [[0, 0, 0]]


@pytest.mark.skipif(kernels.backend() != "native", reason="programs run on the native kernels")
def test_a_stream_of_tokens_and_numbers_has_the_bits_of_the_whole() -> None:
    """Tokens and a row of numbers enter by their names and are read by one cell."""
    graph = Graph(
        {"x": Signal("steps", 2), "word": Signal("steps", 5, "token")},
        (
            Step("table", Embedding(tokens=5, size=3), ("word",)),
            Step("both", Concat(left=2, right=3), ("x", "table")),
            Step("gru", GRUCell(input_size=5, hidden_size=4), ("both",)),
        ),
        ("gru",),
    )
    rng = np.random.default_rng(0)
    weights = {n: rng.normal(size=s).astype("f4") for n, s in graph.parameters().items()}
    network = Network(graph, weights)
    assert network.why_interpreted() is None
    inputs = {"x": rng.normal(size=(3, 6, 2)).astype("f4"), "word": rng.integers(0, 5, (3, 6))}
    whole, _ = network(inputs)
    stream = network.stream(3)
    for t in range(6):
        y = stream.feed({name: array[:, t].copy() for name, array in inputs.items()})
        assert y.tobytes() == whole["gru"][:, t].tobytes()


def test_what_no_native_program_reads() -> None:
    """More inputs than its steps can look at, and a row beside the steps."""
    signals = {f"x{k}": Signal("steps", 1) for k in range(9)}
    steps, source = [], "x0"
    for k in range(1, 9):
        steps.append(Step(f"both{k}", Concat(left=k, right=1), (source, f"x{k}")))
        source = f"both{k}"
    network = Network(Graph(signals, tuple(steps), (source,)), {})
    assert "9 inputs" in str(network.why_interpreted())
    x = {name: np.full((2, 1), k, "f4") for k, name in enumerate(signals)}
    assert network.stream(2).feed(x).tolist() == [list(range(9))] * 2
    graph = Graph(
        {"x": Signal("steps", 2), "row": Signal("row", 2)},
        (
            Step("head", Linear(input_size=2, output_size=1), ("row",)),
            Step("gru", GRUCell(input_size=2, hidden_size=1), ("x",)),
        ),
        ("gru", "head"),
    )
    weights = {n: np.zeros(s, "f4") for n, s in graph.parameters().items()}
    assert "'row' is of row" in str(Network(graph, weights).why_interpreted())
