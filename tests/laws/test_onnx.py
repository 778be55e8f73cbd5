"""ONNX Runtime's side and numpy's side of every kind of node compute the same, whole and in steps.

So a new kind of node cannot be forgotten: it fails here until it can be exported.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_parity import STRATEGIES, graph_of, networks

from recurra.convert.onnx_check import PROMISED, check_model
from recurra.convert.onnx_graph import model_of
from recurra.runtime import Network
from recurra.spec.graph import NODE_KINDS, Graph

seeds = st.integers(0, 2**31)


def hold_export(graph: Graph, seed: int) -> None:
    """The model is valid, states are explicit, and both sides agree on inputs of every length."""
    random = np.random.default_rng(seed)
    # A gate without bounds must not reach 2: h would swing ever wider, and rounding with it.
    large = 0.1 if re.search("gate_activation='(relu|identity)'", repr(graph)) else 0.4
    weights = {
        name: random.uniform(-large, large, shape).astype(np.float32)
        for name, shape in graph.parameters().items()
    }
    model = model_of(graph, weights)
    onnx.checker.check_model(model, full_check=True)
    check = check_model(model, Network(graph, weights), seed=seed)
    assert check.max_abs_diff <= PROMISED
    timed = any(signal.axes in ("steps", "pieces") for signal in graph.inputs.values())
    assert check.stepwise == (timed and graph.why_not_streaming() is None)
    slots = graph.state_slots() if check.stepwise else ()
    assert {one.name for one in model.graph.input} == {
        *graph.inputs,
        *(["lengths"] if timed else []),
        *(f"state.{path}" for path in slots),
    }
    outputs = {*graph.outputs, *(f"next_state.{path}" for path in slots)}
    assert {one.name for one in model.graph.output} == outputs


def test_every_kind_is_drawn() -> None:
    """The closed set of nodes is the set of those below."""
    assert set(STRATEGIES) == set(NODE_KINDS)


@pytest.mark.parametrize("kind", NODE_KINDS)
@given(data=st.data(), seed=seeds)
def test_every_kind_is_exported(kind: str, data: st.DataObject, seed: int) -> None:
    """Whatever its choices: activations, zoneout, resets, directions, learnt states."""
    node: Any = data.draw(STRATEGIES[kind])
    assert node.kind == kind
    hold_export(graph_of(node), seed)


@pytest.mark.parametrize("kind", ["linear", "dropout", "dense"])
@given(data=st.data(), seed=seeds)
def test_rows_are_exported(kind: str, data: st.DataObject, seed: int) -> None:
    """Nodes that take rows as well; a graph without steps has no lengths."""
    hold_export(graph_of(data.draw(STRATEGIES[kind]), "row"), seed)


@given(graph=networks(), seed=seeds)
def test_whole_networks_are_exported(graph: Graph, seed: int) -> None:
    """So are graphs of many nodes with two outputs."""
    hold_export(graph, seed)
