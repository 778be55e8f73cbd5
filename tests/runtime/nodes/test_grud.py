"""One step, chunks, the whole, alone, in a batch: a GRU-D gives the same bits, holes included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.errors import DTypeError, ShapeError, SpecError, StateError
from recurra.kernels.stream import Program
from recurra.runtime import Network
from recurra.runtime.nodes.grud import NumpyGRUD
from recurra.runtime.slots import by_path
from recurra.spec.cells import GRUCell
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal
from recurra.spec.nodes import GRUD, Pool

Arrays = dict[str, np.ndarray]
T = 8


def network_of(features: int, hidden: int, dtype: str, seed: int = 0, **choices: Any) -> Network:
    cell = GRUCell(input_size=2 * features, hidden_size=hidden, **choices)
    values = Signal("steps", features)
    graph = Graph(
        {"x": values, "observed": values, "elapsed": Signal("steps", 1)},
        (
            Step("encoder", GRUD(cell=cell), ("x", "observed", "elapsed")),
            Step("pool", Pool(size=hidden, modes=("last",)), ("encoder",)),
        ),
        ("encoder", "pool"),
    )
    rng = np.random.default_rng(seed)
    weights = {n: rng.normal(0, 0.6, s).astype(dtype) for n, s in graph.parameters().items()}
    return Network(graph, weights)


def holes(features: int, batch: int, dtype: str, seed: int = 0) -> Arrays:
    """Values with NaN where nothing was observed, and uneven times."""
    rng = np.random.default_rng(seed)
    observed = rng.random((batch, T, features)) < 0.4
    x = np.where(observed, rng.normal(size=observed.shape), np.nan)
    elapsed = rng.exponential(2.0, (batch, T, 1))
    return {
        n: a.astype(dtype) for n, a in {"x": x, "observed": observed, "elapsed": elapsed}.items()
    }


def at(inputs: Arrays, t: Any) -> Arrays:
    return {name: np.ascontiguousarray(array[:, t]) for name, array in inputs.items()}


def bits(tree: Any) -> list[bytes]:
    return [array.tobytes() for array in by_path(tree).values()]


@given(
    st.sampled_from([1, 3, 37]),
    st.sampled_from([1, 5, 17]),
    st.sampled_from([1, 2, 9]),
    st.sampled_from(["float32", "float64"]),
    st.integers(1, T - 1),
    st.integers(0, 2**31),
)
def test_however_time_and_rows_are_cut(
    features: int, hidden: int, batch: int, dtype: str, cut: int, seed: int
) -> None:
    network = network_of(features, hidden, dtype, seed)
    inputs = holes(features, batch, dtype, seed)
    whole, end = network(inputs)
    state = network.initial_state(batch)
    steps = []
    for t in range(T):
        outputs, state = network.step(at(inputs, t), state)
        steps.append(outputs["encoder"])
    assert np.stack(steps, 1).tobytes() == whole["encoder"].tobytes()
    assert bits(state) == bits(end)
    first, middle = network(at(inputs, slice(0, cut)))
    second, after = network(at(inputs, slice(cut, T)), middle)
    parts = np.concatenate([first["encoder"], second["encoder"]], 1)
    assert parts.tobytes() == whole["encoder"].tobytes()
    assert bits(after) == bits(end)
    alone, _ = network({name: array[-1:] for name, array in inputs.items()})
    assert alone["encoder"][0].tobytes() == whole["encoder"][-1].tobytes()


def test_skipped_steps_and_padding_are_not_read() -> None:
    network = network_of(3, 4, "float64", learn_initial_state=True, zoneout=0.2)
    inputs = holes(3, 2, "float64")
    valid = np.ones((2, T), bool)
    valid[0, 3] = False
    starts = np.zeros((2, T), bool)
    starts[1, [2, 6]] = True
    steps = {"lengths": np.array([T, 5]), "valid": valid, "starts": starts}
    clean, end = network(inputs, **steps)
    for array in inputs.values():
        array[0, 3] = np.nan
        array[1, 5:] = np.nan
    spoilt, same_end = network(inputs, **steps)
    assert spoilt["encoder"].tobytes() == clean["encoder"].tobytes()
    assert bits(same_end) == bits(end)
    assert not clean["encoder"][1, 5:].any()
    # Skipped: the state is held, the output repeated.
    assert np.array_equal(clean["encoder"][0, 3], clean["encoder"][0, 2])


def test_a_start_forgets_what_was_seen() -> None:
    network = network_of(3, 4, "float64", learn_initial_state=True)
    inputs = holes(3, 1, "float64")
    starts = np.zeros((1, T), bool)
    starts[0, 4] = True
    together, end = network(inputs, starts=starts)
    apart, own_end = network(at(inputs, slice(4, T)))
    assert together["encoder"][:, 4:].tobytes() == apart["encoder"].tobytes()
    assert bits(end) == bits(own_end)
    state = network.initial_state(1)
    for t in range(T):
        _, state = network.step(at(inputs, t), state, starts=starts[:, t])
    assert bits(state) == bits(end)


def test_streams_run_node_by_node_and_say_so() -> None:
    network = network_of(3, 4, "float32")
    assert "3 inputs" in str(network.why_interpreted())
    inputs = holes(3, 2, "float32")
    many, one = network.stream(2, output="pool"), network.stream(output="pool")
    for t in range(T):
        y = many.feed(at(inputs, t))
        # A single stream's inputs may come without the axis of the streams.
        row = one.feed({name: array[0, t] for name, array in inputs.items()})
        assert row.tobytes() == y[0].tobytes()
    whole, end = network(inputs)
    assert y.tobytes() == whole["pool"].tobytes()
    assert list(many.state()) == list(by_path(end))
    fork = one.fork()
    assert fork.feed({n: a[0, 0] for n, a in inputs.items()}).shape == (4,)


def test_what_a_stream_refuses() -> None:
    stream = network_of(3, 4, "float32").stream(2, output="pool")
    before = {path: slot.tobytes() for path, slot in stream.state().items()}
    good = at(holes(3, 2, "float32"), 0)
    with pytest.raises(ShapeError, match=r"expected arrays by name.*got ndarray"):
        stream.feed(good["x"])
    with pytest.raises(ShapeError, match=r"expected arrays by name.*got \['x'\]"):
        stream.feed({"x": good["x"]})
    with pytest.raises(ShapeError, match="observed"):
        stream.feed(good | {"observed": good["observed"][:, :2]})
    with pytest.raises(DTypeError, match="elapsed as an array, got float"):
        stream.feed(good | {"elapsed": 1.0})
    assert {path: slot.tobytes() for path, slot in stream.state().items()} == before
    with pytest.raises(StateError, match=r"encoder\.since"):
        stream.restore({p: s for p, s in stream.state().items() if p != "encoder.since"})


def test_no_native_program_takes_it() -> None:
    node = GRUD(cell=GRUCell(input_size=2, hidden_size=1))
    weights = {name: np.zeros(shape) for name, shape in node.parameters().items()}
    with pytest.raises(SpecError, match="no GRU-D"):
        NumpyGRUD(node, weights, np.dtype("f8")).place(Program(1, np.dtype("f8")), 0)
