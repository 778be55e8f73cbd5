"""Torch behind the runtime's verbs gives torch's own numbers, within rounding the runtime's."""

from typing import Any

import numpy as np
import pytest
import torch

from recurra.layers import Networks, build
from recurra.runtime import Network
from recurra.spec.cells import GRUCell
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal
from recurra.spec.nodes import Linear
from recurra.spec.state import flatten
from recurra.train.torch_network import TorchNetwork, networks_of


def graph(head: str = "head") -> Graph:
    steps = (
        Step("encoder", GRUCell(input_size=3, hidden_size=4), ("x",)),
        Step(head, Linear(input_size=4, output_size=2), ("encoder",)),
    )
    return Graph({"x": Signal("steps", 3)}, steps, (head,))


def both() -> tuple[Any, Any]:
    torch.manual_seed(0)
    module = build(graph()).eval()
    weights = {name: value.numpy() for name, value in module.state_dict().items()}
    return TorchNetwork(module), Network(graph(), weights)


def test_whole_chunks_and_steps_agree_with_the_runtime() -> None:
    ours, runtime = both()
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    lengths = np.array([5, 3])
    for network in (ours, runtime):
        whole, _ = network({"x": x})
        first, state = network({"x": x[:, :2]})
        rest, _ = network({"x": x[:, 2:]}, state)
        joined = np.concatenate([first["head"], rest["head"]], axis=1)
        np.testing.assert_allclose(joined, whole["head"], atol=1e-6)
        state = network.initial_state(2)
        for t in range(5):
            step, state = network.step({"x": x[:, t]}, state)
        np.testing.assert_allclose(step["head"], whole["head"][:, -1], atol=1e-6)
    got, ended = ours({"x": x}, lengths=lengths)
    wanted, expected = runtime({"x": x}, lengths=lengths)
    np.testing.assert_allclose(got["head"], wanted["head"], atol=1e-6)
    for (path, mine), (other, theirs) in zip(
        flatten(ended["encoder"]), flatten(expected["encoder"]), strict=True
    ):
        assert path == other
        assert isinstance(mine, np.ndarray)
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


@pytest.mark.parametrize("graphs", [{"main": graph()}, {"a": graph("one"), "b": graph("two")}])
def test_every_graph_has_its_network(graphs: dict[str, Graph]) -> None:
    module = build(graphs["main"]) if "main" in graphs else Networks(graphs, {})
    networks = networks_of(module.eval(), graphs)
    assert {name: network.graph for name, network in networks.items()} == graphs
    assert all(network.dtype == np.float32 for network in networks.values())
