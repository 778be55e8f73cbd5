"""One step, chunks, whole, alone, in a batch: the same bits; and the torch side agrees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch

from recurra.errors import DTypeError, ShapeError, SpecError, StateError
from recurra.layers import build
from recurra.runtime.network import Network
from recurra.runtime.nodes import NODES
from recurra.spec.graph import NODE_KINDS, Graph
from recurra.spec.state import flatten, map_arrays

B, T = 5, 9
Arrays = Callable[..., Any]


def same(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """To the bit; outputs or states by name."""
    if left.keys() != right.keys():
        return False
    for name in left:
        a = (
            [left[name]]
            if isinstance(left[name], np.ndarray)
            else [v for _, v in flatten(left[name])]
        )
        b = (
            [right[name]]
            if isinstance(right[name], np.ndarray)
            else [v for _, v in flatten(right[name])]
        )
        if [(x.dtype, x.shape, x.tobytes()) for x in a] != [
            (x.dtype, x.shape, x.tobytes()) for x in b
        ]:
            return False
    return True


def rows(tree: Mapping[str, Any], chosen: slice | np.ndarray) -> dict[str, Any]:
    return {
        name: value[chosen]
        if isinstance(value, np.ndarray)
        else map_arrays(lambda a: a[chosen], value)
        for name, value in tree.items()
    }


def draw_steps(seed: int = 3) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        "lengths": np.array([T, 4, 0, 1, T - 1]),
        "valid": random.random((B, T)) < 0.7,
        "starts": random.random((B, T)) < 0.2,
    }


@pytest.fixture
def network(streaming: Graph, dtype: str, weights_of: Arrays) -> Network:
    return Network(streaming, weights_of(streaming, dtype))


@pytest.fixture
def x(streaming: Graph, dtype: str, inputs_of: Arrays) -> np.ndarray:
    return inputs_of(streaming, dtype, B, T)


def spread(outputs: list[dict[str, np.ndarray]], graph: Graph) -> dict[str, np.ndarray]:
    """Steps put side by side; of rows the last."""
    signals = graph.signals()
    return {
        name: np.ascontiguousarray(np.stack([o[name] for o in outputs], 1))
        if signals[name].axes == "steps"
        else outputs[-1][name]
        for name in outputs[0]
    }


def test_step_by_step_is_the_whole(network: Network, x: np.ndarray) -> None:
    for steps in ({}, {n: draw_steps()[n] for n in ("valid", "starts")}):
        whole, end = network({"x": x}, **steps)
        state = network.initial_state(B)
        outputs = []
        for t in range(T):
            at = {name: array[:, t] for name, array in steps.items()}
            out, state = network.step({"x": x[:, t]}, state, **at)
            outputs.append(out)
        assert same(spread(outputs, network.graph), whole)
        assert same(state, end)


def test_every_prefix_is_the_stream_so_far(network: Network, x: np.ndarray) -> None:
    state = network.initial_state(B)
    for t in range(T):
        out, state = network.step({"x": x[:, t]}, state)
        whole, end = network({"x": x[:, : t + 1]})
        last = {
            n: v[:, -1] if network.graph.signals()[n].axes == "steps" else v
            for n, v in whole.items()
        }
        assert same(out, {n: np.ascontiguousarray(v) for n, v in last.items()})
        assert same(state, end)


@pytest.mark.parametrize("cut", [1, 4, T - 1])
def test_two_chunks_are_the_whole(network: Network, x: np.ndarray, cut: int) -> None:
    steps = {n: draw_steps()[n] for n in ("valid", "starts")}
    whole, end = network({"x": x}, **steps)
    first, state = network({"x": x[:, :cut]}, **{n: a[:, :cut] for n, a in steps.items()})
    second, state = network({"x": x[:, cut:]}, state, **{n: a[:, cut:] for n, a in steps.items()})
    signals = network.graph.signals()
    both = {
        n: np.concatenate([first[n], second[n]], 1) if signals[n].axes == "steps" else second[n]
        for n in whole
    }
    assert same(both, whole)
    assert same(state, end)


def test_alone_is_as_in_a_batch(
    graph: Graph, dtype: str, weights_of: Arrays, inputs_of: Arrays
) -> None:
    network, x = Network(graph, weights_of(graph, dtype)), inputs_of(graph, dtype, B, T)
    steps = draw_steps()
    whole, end = network({"x": x}, **steps)
    for b in range(B):
        one = slice(b, b + 1)
        alone, state = network({"x": x[one]}, **{n: a[one] for n, a in steps.items()})
        assert same(alone, rows(whole, one))
        assert same(state, rows(end, one))


def test_padding_and_skipped_steps_reach_nothing(
    graph: Graph, dtype: str, weights_of: Arrays, inputs_of: Arrays
) -> None:
    network, x = Network(graph, weights_of(graph, dtype)), inputs_of(graph, dtype, B, T)
    steps = draw_steps()
    clean, end = network({"x": x}, **steps)
    counts = steps["valid"] & (np.arange(T) < steps["lengths"][:, None])
    dirty = x.copy()
    dirty[~counts] = 10**9 if x.dtype.kind == "i" else np.nan
    spoiled, state = network({"x": dirty}, **steps)
    assert same(spoiled, clean)
    assert same(state, end)
    assert all(np.isfinite(v).all() for v in clean.values())


def test_nan_at_a_step_that_counts_reaches_its_own_row_only(
    float_graph: Graph, weights_of: Arrays, inputs_of: Arrays
) -> None:
    x = inputs_of(float_graph, "float32", B, T)
    network = Network(float_graph, weights_of(float_graph, "float32"))
    clean, _ = network({"x": x})
    x[2, 3, 1] = np.nan
    spoiled, _ = network({"x": x})
    others = np.array([0, 1, 3, 4])
    assert same(rows(spoiled, others), rows(clean, others))
    assert all(np.isnan(v[2]).any() for v in spoiled.values())


def test_padded_is_as_cut_to_length(
    graph: Graph, dtype: str, weights_of: Arrays, inputs_of: Arrays
) -> None:
    network, x = Network(graph, weights_of(graph, dtype)), inputs_of(graph, dtype, B, T)
    lengths = draw_steps()["lengths"]
    padded, end = network({"x": x}, lengths=lengths)
    signals = graph.signals()
    for b, length in enumerate(lengths):
        one = slice(b, b + 1)
        cut, state = network({"x": x[one, :length]})
        for name, value in rows(padded, one).items():
            if signals[name].axes == "steps":
                assert np.array_equal(value[:, :length], cut[name])
                assert not value[:, length:].any()
            else:
                assert np.array_equal(value, cut[name])
        assert same(state, rows(end, one))


def test_a_start_forgets_what_was_before(network: Network, x: np.ndarray) -> None:
    starts = np.zeros((B, T), bool)
    starts[:, 6] = True
    whole, end = network({"x": x}, starts=starts)
    late, state = network({"x": x[:, 6:]})
    assert same(state, end)
    for name, value in late.items():
        assert np.array_equal(value, whole[name][:, 6:] if value.ndim == 3 else whole[name])


@pytest.mark.parametrize("with_steps", [False, True])
def test_torch_agrees(
    graph: Graph, dtype: str, weights_of: Arrays, inputs_of: Arrays, with_steps: bool
) -> None:
    weights, x = weights_of(graph, dtype), inputs_of(graph, dtype, B, T)
    steps = draw_steps() if with_steps else {}
    ours, end = Network(graph, weights)({"x": x}, **steps)
    module = build(graph, dtype=getattr(torch, dtype), backend="reference").eval()
    module.load_state_dict({name: torch.from_numpy(w) for name, w in weights.items()})
    with torch.no_grad():
        theirs, state = module(
            {"x": torch.from_numpy(x)}, **{n: torch.from_numpy(a) for n, a in steps.items()}
        )
    # Both sides sum in different orders; values are of order 1 and T is 9.
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    assert theirs.keys() == ours.keys()
    for name, value in ours.items():
        np.testing.assert_allclose(value, theirs[name].numpy(), rtol=tolerance, atol=tolerance)
    ends = [dict(flatten(tuple(s[name] for name in end))) for s in (end, state)]
    assert ends[0].keys() == ends[1].keys()
    for path, value in ends[0].items():
        np.testing.assert_allclose(value, ends[1][path].numpy(), rtol=tolerance, atol=tolerance)


def test_slots_have_the_paths_and_shapes_of_the_graph(graph: Graph, weights_of: Arrays) -> None:
    state = Network(graph, weights_of(graph, "float32")).initial_state(2)
    found = {f"{n}.{p}": slot.shape for n, own in state.items() for p, slot in flatten(own)}
    assert found == {path: (2, *shape) for path, shape in graph.state_slots().items()}


def test_a_call_changes_nothing_that_it_was_given(network: Network, x: np.ndarray) -> None:
    before, state = x.copy(), network.initial_state(B)
    kept = map_arrays(np.copy, tuple(state.values()))
    network({"x": x}, state)
    network.step({"x": x[:, 0]}, state)
    assert np.array_equal(x, before)
    assert same({"s": tuple(state.values())}, {"s": kept})


def test_no_steps_at_all_leave_the_state(network: Network, x: np.ndarray) -> None:
    outputs, state = network({"x": x[:, :0]})
    assert same(state, network.initial_state(B))
    assert all(v.shape[0] == B for v in outputs.values())


def test_every_kind_of_node_is_tried(zoo: dict[str, Graph]) -> None:
    """Those of several inputs, and a CRF's row, have laws of their own beside them."""
    tried = {s.node.kind for g in zoo.values() for s in g.steps}
    assert tried == {
        kind
        for kind, node in NODE_KINDS.items()
        if node.arity == 1 and NODES[kind].placed and kind != "crf"
    }


def test_a_graph_that_does_not_stream_says_why(zoo: dict[str, Graph], weights_of: Arrays) -> None:
    graph = zoo["deep_bidirectional"]
    network = Network(graph, weights_of(graph, "float32"))
    with pytest.raises(SpecError, match="backward direction begins at a sequence's last step"):
        network.step({"x": np.zeros((1, 3), np.float32)}, network.initial_state(1))


def test_what_does_not_fit_is_refused(zoo: dict[str, Graph], weights_of: Arrays) -> None:
    graph = zoo["gru_after"]
    weights = weights_of(graph, "float32")
    network = Network(graph, weights)
    x = np.zeros((2, 4, 3), np.float32)
    with pytest.raises(ShapeError, match=r"expected x \[B, T, 3\], got \[2, 4, 2\]"):
        network({"x": x[..., :2]})
    with pytest.raises(ShapeError, match="takes the inputs x; got z"):
        network({"z": x})
    with pytest.raises(DTypeError, match="x as floats, got int64"):
        network({"x": x.astype(int)})
    with pytest.raises(ShapeError, match=r"valid expected \[2, 4\]"):
        network({"x": x}, valid=np.ones((2, 3), bool))
    with pytest.raises(DTypeError, match="lengths expected int64, got int32"):
        network({"x": x}, lengths=np.ones(2, np.int32))
    with pytest.raises(ShapeError, match="0 <= length <= T=4"):
        network({"x": x}, lengths=np.array([5, 1]))
    with pytest.raises(StateError, match="expected B=2 rows, got 3"):
        network({"x": x}, network.initial_state(3))
    with pytest.raises(StateError, match="expected a state of"):
        network({"x": x}, {})
    first, *_ = weights
    with pytest.raises(ShapeError, match="one lacks"):
        Network(graph, {n: w for n, w in weights.items() if n != first})
    with pytest.raises(ShapeError, match="one does not know 'more'"):
        Network(graph, weights | {"more": weights[first]})
    with pytest.raises(ShapeError, match="the graph expected"):
        Network(graph, weights | {first: weights[first][:-1]})
    with pytest.raises(DTypeError, match="all be float32 or all float64"):
        Network(graph, weights | {first: weights[first].astype(float)})


def test_a_token_that_does_not_exist_is_refused(zoo: dict[str, Graph], weights_of: Arrays) -> None:
    graph = zoo["tokens"]
    network = Network(graph, weights_of(graph, "float32"))
    for token in (-1, 7):
        with pytest.raises(ShapeError, match=f"tokens from 0 below 7, got {token}"):
            network({"x": np.array([[0, token]])})
