"""One step, chunks, the whole, alone, in a batch: a GRU-D gives the same bits, holes included."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra import kernels
from recurra.errors import DTypeError, ShapeError, StateError
from recurra.runtime import Network
from recurra.runtime.slots import by_path
from recurra.spec.cells import GRUCell
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal
from recurra.spec.nodes import GRUD, Pool

Arrays = dict[str, np.ndarray]
T = 8


@pytest.fixture(params=["extension", "numpy"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What moves a stream: the extension, or the network's own step."""
    if request.param == "numpy":
        monkeypatch.setattr("recurra.runtime.network.backend", lambda: "portable")
    elif kernels.backend() != "native":
        pytest.skip("programs run on the native kernels")
    return str(request.param)


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


CELLS: dict[str, dict[str, Any]] = {
    "after": {},
    "before": {"reset": "before", "learn_initial_state": True},
    "none": {"reset": "none", "bias": False, "zoneout": 0.3, "activation": "softsign"},
}


@pytest.mark.skipif(kernels.backend() != "native", reason="programs run on the native kernels")
@given(
    st.sampled_from([1, 3, 37]),
    st.sampled_from([1, 5, 17]),
    st.sampled_from([1, 2, 9]),
    st.sampled_from(["float32", "float64"]),
    st.sampled_from(sorted(CELLS)),
    st.integers(0, 2**31),
)
def test_a_native_stream_has_the_bits_of_the_whole(
    features: int, hidden: int, streams: int, dtype: str, cell: str, seed: int
) -> None:
    network = network_of(features, hidden, dtype, seed, **CELLS[cell])
    assert network.why_interpreted() is None
    inputs = holes(features, streams, dtype, seed)
    many, alone = network.stream(streams, output="pool"), network.stream(output="pool")
    for t in range(T):
        y = many.feed(at(inputs, t))
        whole, end = network(at(inputs, slice(0, t + 1)))
        assert y.tobytes() == whole["pool"].tobytes()
        one = alone.feed({name: array[-1, t] for name, array in inputs.items()})
        assert one.tobytes() == y[-1].tobytes()
    assert {p: s.tobytes() for p, s in many.state().items()} == {
        p: s.tobytes() for p, s in by_path(end).items()
    }


@pytest.mark.skipif(kernels.backend() != "native", reason="programs run on the native kernels")
@pytest.mark.parametrize("isa", kernels.isas())
def test_so_it_is_with_every_instruction_set(isa: str, request: pytest.FixtureRequest) -> None:
    before = kernels.isa()
    request.addfinalizer(lambda: kernels.set_isa(before))
    kernels.set_isa(isa)
    network, inputs = network_of(19, 18, "float32"), holes(19, 3, "float32")
    stream, (whole, _) = network.stream(3, output="encoder"), network(inputs)
    for t in range(T):
        assert stream.feed(at(inputs, t)).tobytes() == whole["encoder"][:, t].tobytes()


def test_values_without_a_bound_and_without_a_number(engine: str) -> None:
    """Rates far beyond the exponential, and a NaN, which stays in its row."""
    network = network_of(3, 4, "float32")
    inputs = holes(3, 3, "float32")
    inputs["elapsed"][0] = 1e30
    inputs["elapsed"][1, 4] = np.inf
    inputs["x"][2, 2, 0], inputs["observed"][2, 2, 0] = np.nan, 1.0
    whole, end = network(inputs)
    stream = network.stream(3, output="encoder")
    for t in range(T):
        y = stream.feed(at(inputs, t))
        np.testing.assert_array_equal(y, whole["encoder"][:, t])
    assert np.isfinite(y[0]).all()
    assert np.isnan(y[2]).all()
    for path, slot in by_path(end).items():
        np.testing.assert_array_equal(stream.state()[path], slot)


def test_a_step_that_is_not_accepted_leaves_every_byte(engine: str) -> None:
    network, inputs = network_of(3, 4, "float32"), holes(3, 2, "float32")
    stream = network.stream(2, output="pool")
    stream.feed(at(inputs, 0))
    before = {path: slot.tobytes() for path, slot in stream.state().items()}
    first = stream.advance(at(inputs, 1)).tobytes()
    assert {path: slot.tobytes() for path, slot in stream.state().items()} == before
    fork = stream.fork()
    assert fork.feed(at(inputs, 1)).tobytes() == first
    stream.accept()
    assert bits_of(stream.state()) == bits_of(fork.state())
    stream.restart()
    assert list(stream.state()) == list(by_path(network.initial_state(2)))
    # A mapping of any kind will do, and arrays that must be put in order.
    wide = {name: np.asfortranarray(array, dtype="f8") for name, array in at(inputs, 0).items()}
    given_otherwise = stream.feed(MappingProxyType(wide)).tobytes()
    assert given_otherwise == network.stream(2, output="pool").feed(at(inputs, 0)).tobytes()


def bits_of(slots: Arrays) -> dict[str, bytes]:
    return {path: slot.tobytes() for path, slot in slots.items()}


def test_what_a_stream_refuses(engine: str) -> None:
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
