"""One step of every cell out of plain operations is the step of the runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from convert.onnx_graphs import weights
from recurra.convert.onnx_steps import cell_step, projected
from recurra.convert.onnx_writer import Writer
from recurra.runtime import Network
from recurra.spec.cells import CELLS, RESETS
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal

CASES: list[tuple[str, dict[str, Any]]] = [
    *(("gru", {"reset": reset}) for reset in RESETS),
    ("gru", {"zoneout": 0.3, "gate_activation": "softsign", "bias": False}),
    ("lstm", {}),
    ("lstm", {"zoneout": 0.3, "zoneout_cell": 0.6, "activation": "hard_tanh"}),
    ("rnn", {"zoneout": 0.3, "activation": "relu"}),
    ("mingru", {"zoneout": 0.3, "gate_activation": "hard_sigmoid"}),
]


@pytest.mark.parametrize(("kind", "choices"), CASES)
def test_a_step_is_the_runtime_s(kind: str, choices: dict[str, Any]) -> None:
    """Computed by ONNX's own reference, which shares no code with ONNX Runtime."""
    cell = CELLS[kind](input_size=3, hidden_size=2, **choices)
    graph = Graph({"x": Signal("steps", 3)}, (Step("cell", cell, ("x",)),), ("cell",))
    own = weights(graph)
    writer = Writer(graph, own)
    writer.nodes.clear()
    states = [f"state_{field}" for field in cell.state_fields]
    new = cell_step(writer, cell, "cell", projected(writer, cell, "cell", "x_t"), states)
    random = np.random.default_rng(1)
    given = {name: random.normal(size=(4, 2)).astype(np.float32) for name in states}
    x = random.normal(size=(4, 3)).astype(np.float32)
    model = helper.make_graph(
        writer.nodes,
        "step",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("x_t", *states)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in new],
        [numpy_helper.from_array(array, name) for name, array in writer.constants.items()],
    )
    opset = helper.make_opsetid("", 17)
    came = ReferenceEvaluator(helper.make_model(model, opset_imports=[opset])).run(
        None, {"x_t": x, **given}
    )
    network = Network(graph, own)
    start = type(network.initial_state(4)["cell"])(*given.values())
    _, after = network.step({"x": x}, {"cell": start})
    for found, wanted in zip(came, after["cell"], strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)
