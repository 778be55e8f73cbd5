"""What the tests of the runtime share: a zoo of small graphs, and random weights for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.codecs import (
    InputCodec,
    LabelCodec,
    SequenceCodec,
    SeriesCodec,
    TextCodec,
    ValueCodec,
)
from recurra.decode import ClassDecoder, ValueDecoder
from recurra.spec.cells import GRUCell, LSTMCell, MinGRUCell, RNNCell
from recurra.spec.convolution import Convolution
from recurra.spec.dense import Dense
from recurra.spec.graph import Graph, Step
from recurra.spec.node import AbstractNode, Signal
from recurra.spec.nodes import Bidirectional, Dropout, Embedding, Linear, Pool, Stack

WIDTH = 3
TOKENS = 7


def chain(*nodes: AbstractNode, tokens: bool = False) -> Graph:
    """Each node takes what the one before puts out; every result is an output, but of dropout."""
    signal = Signal("steps", TOKENS, "token") if tokens else Signal("steps", WIDTH)
    steps = []
    source = "x"
    for k, node in enumerate(nodes):
        steps.append(Step(f"s{k}_{node.kind}", node, (source,)))
        source = steps[-1].name
    # Not of dropout: at inference it gives back what it gets, padding included.
    outputs = tuple(step.name for step in steps if step.node.kind != "dropout")
    return Graph({"x": signal}, tuple(steps), outputs)


def gru(width: int, units: int, **more: object) -> GRUCell:
    return GRUCell(input_size=width, hidden_size=units, **more)  # type: ignore[arg-type]  # shorthand


ALL_POOLS = ("last", "mean", "max")
STREAMING = {
    "gru_after": chain(
        gru(3, 5), Pool(size=5, modes=ALL_POOLS), Linear(input_size=15, output_size=2)
    ),
    "gru_before": chain(
        gru(3, 4, reset="before", learn_initial_state=True, zoneout=0.3),
        Linear(input_size=4, output_size=3),
        Pool(size=3, modes=("max", "last")),
    ),
    "gru_none": chain(gru(3, 4, reset="none", bias=False, activation="softsign")),
    "lstm": chain(
        LSTMCell(
            input_size=3, hidden_size=4, zoneout=0.2, zoneout_cell=0.4, learn_initial_state=True
        ),
        Pool(size=4, modes=("mean",)),
    ),
    "rnn": chain(
        Dropout(rate=0.5),
        RNNCell(input_size=3, hidden_size=6, activation="relu"),
        Pool(size=6, modes=("max",)),
        Dropout(rate=0.5),
        Linear(input_size=6, output_size=1, bias=False),
    ),
    "mingru": chain(
        MinGRUCell(input_size=3, hidden_size=5, learn_initial_state=True, zoneout=0.1),
        MinGRUCell(input_size=5, hidden_size=4, bias=False, activation="tanh"),
        Pool(size=4, modes=("last", "mean")),
    ),
    "stack": chain(
        Stack(
            layers=(gru(3, 3), LSTMCell(input_size=3, hidden_size=3), gru(3, 4)),
            residual=True,
            dropout=0.1,
        ),
        Pool(size=4, modes=("last",)),
    ),
    "tokens": chain(
        Embedding(tokens=TOKENS, size=4), gru(4, 4), Pool(size=4, modes=ALL_POOLS), tokens=True
    ),
    "convolution": chain(
        Convolution(input_size=3, output_size=5, width=3, activation="tanh"),
        Convolution(input_size=5, output_size=4, width=1, bias=False),
        gru(4, 4),
        Pool(size=4, modes=("last",)),
        Dense(input_size=4, output_size=17, activation="sigmoid"),
    ),
    "dense": chain(
        Dense(input_size=3, output_size=6, activation="softsign"),
        Dense(input_size=6, output_size=2, activation="hard_sigmoid", bias=False),
    ),
    "no_steps_state": chain(Linear(input_size=3, output_size=2)),
}
WHOLE_ONLY = {
    "bidirectional": chain(
        Bidirectional(
            forward=gru(3, 4, learn_initial_state=True),
            backward=LSTMCell(input_size=3, hidden_size=2, learn_initial_state=True),
        ),
        Pool(size=6, modes=ALL_POOLS),
    ),
    "deep_bidirectional": chain(
        Stack(
            layers=(
                Bidirectional(forward=gru(3, 2), backward=gru(3, 2)),
                Bidirectional(forward=gru(4, 2), backward=gru(4, 2, zoneout=0.1)),
            ),
            residual=True,
        ),
        Linear(input_size=4, output_size=2),
    ),
}


def random_weights(graph: Graph, dtype: str, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        name: random.normal(0, 0.6, shape).astype(dtype)
        for name, shape in graph.parameters().items()
    }


def random_inputs(graph: Graph, dtype: str, batch: int, time: int, seed: int = 1) -> np.ndarray:
    random = np.random.default_rng(seed)
    if graph.inputs["x"].dtype == "token":
        return random.integers(0, TOKENS, (batch, time))
    return random.normal(0, 1, (batch, time, WIDTH)).astype(dtype)


@pytest.fixture(params=STREAMING, scope="session")
def streaming(request: pytest.FixtureRequest) -> Graph:
    return STREAMING[request.param]


@pytest.fixture(params=[*STREAMING, *WHOLE_ONLY], scope="session")
def graph(request: pytest.FixtureRequest) -> Graph:
    return (STREAMING | WHOLE_ONLY)[request.param]


@pytest.fixture(params=[n for n in STREAMING | WHOLE_ONLY if n != "tokens"], scope="session")
def float_graph(request: pytest.FixtureRequest) -> Graph:
    return (STREAMING | WHOLE_ONLY)[request.param]


@pytest.fixture(params=["float32", "float64"], scope="session")
def dtype(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def zoo() -> dict[str, Graph]:
    return STREAMING | WHOLE_ONLY


@pytest.fixture(scope="session")
def weights_of():
    return random_weights


@pytest.fixture(scope="session")
def inputs_of():
    return random_inputs


def certificate() -> dict[str, object]:
    claim = {"max_abs_diff": 0.0, "promised": 1e-5, "note": ""}
    return {"isa": "baseline", "dtype": "float32", "claims": {"step_vs_whole": claim}}


def bundle_arguments(kind: str = "series", seed: int = 0, units: int = 4) -> dict[str, Any]:
    """All that `write_bundle` takes beside the folder: a small model of series, text or numbers."""
    random = np.random.default_rng(seed)
    source: InputCodec = SeriesCodec(("a", "b|<", "c"), (0.5, -1.0, 100.0), (2.0, 0.1, 30.0))
    golden: list[Any] = [random.normal(0, 1, (t, 3)) for t in (1, 6)]
    nodes: list[AbstractNode] = []
    width = 3
    if kind == "text":
        source = TextCodec("character", tuple("abcdé"))
        golden = ["abé", "zz"]
        nodes, width = [Embedding(tokens=6, size=3)], 3
    outputs = 1 if kind == "numbers" else 3
    cell = gru(width, units)
    encoder: AbstractNode = Bidirectional(forward=cell, backward=cell) if kind == "both" else cell
    nodes += [
        encoder,
        Pool(size=2 * units if kind == "both" else units, modes=("last", "mean")),
        Linear(input_size=(4 if kind == "both" else 2) * units, output_size=outputs),
    ]
    steps = []
    for node in nodes:
        name = "head" if node.kind == "linear" else f"s_{node.kind}"
        steps.append(Step(name, node, (steps[-1].name if steps else "x",)))
    graph = Graph({"x": source.signal()}, tuple(steps), ("head",))
    if kind == "numbers":
        target: Any = ValueCodec(20.0, 3.0)
        decoder: Any = ValueDecoder()
    else:
        target, decoder = LabelCodec(("blue", "green", "red")), ClassDecoder(classes=3)
    return {
        "task": "regress" if kind == "numbers" else "classify",
        "graphs": {"main": graph},
        "weights": random_weights(graph, "float32", seed),
        "codec": SequenceCodec(source, target),
        "decoder": decoder,
        "golden": golden,
        "certificate": certificate(),
        "metrics": {"accuracy": 0.75},
    }


@pytest.fixture(scope="session")
def arguments_of():
    return bundle_arguments


@pytest.fixture(params=["series", "text", "numbers", "both"], scope="session")
def arguments(request: pytest.FixtureRequest) -> dict[str, Any]:
    return bundle_arguments(request.param)
