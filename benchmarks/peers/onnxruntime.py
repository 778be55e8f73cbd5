"""ONNX Runtime: one GRU or LSTM node, its input with time first, as it takes it."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness import Contender
from benchmarks.layer import Layer

__all__ = ["bound_step", "inference", "step"]

# Our blocks (reset, update, candidate; input, forget, cell, output) in ONNX's order.
_ORDERS = {"gru": (1, 0, 2), "lstm": (0, 3, 1, 2)}


def inference(layer: Layer, threads: int) -> Contender | None:
    """A whole sequence."""
    session = _session(layer, threads, time=layer.shape[1], outputs=("y",))
    if session is None:
        return None
    feed = {"x": np.ascontiguousarray(layer.x.swapaxes(0, 1))}

    def call() -> Any:
        return session.run(["y"], feed)[0]

    return Contender(call, lambda: {"y": call()[:, 0].swapaxes(0, 1)})


def step(layer: Layer, threads: int) -> Contender | None:
    """One step, the state passed by hand as a numpy array."""
    session = _session(layer, threads, time=1, outputs=("state",))
    if session is None:
        return None
    zero = layer.states()["h0"][None]
    feed = {"x": np.ascontiguousarray(layer.x[:, :1].swapaxes(0, 1)), "h": zero}

    def call() -> None:
        feed["h"] = session.run(["state"], feed)[0]

    return Contender(
        call, lambda: {"y": session.run(["state"], feed | {"h": zero})[0].swapaxes(0, 1)}
    )


def bound_step(layer: Layer, threads: int) -> Contender | None:
    """One step on bound memory: two buffers take turns as the state that enters and leaves."""
    session = _session(layer, threads, time=1, outputs=("state",))
    if session is None:
        return None
    import onnxruntime

    value = onnxruntime.OrtValue.ortvalue_from_numpy
    zero = layer.states()["h0"][None]
    x = value(np.ascontiguousarray(layer.x[:, :1].swapaxes(0, 1)))
    states = [value(zero.copy()), value(zero.copy())]
    bindings = []
    for entering, leaving in (states, states[::-1]):
        binding = session.io_binding()
        binding.bind_ortvalue_input("x", x)
        binding.bind_ortvalue_input("h", entering)
        binding.bind_ortvalue_output("state", leaving)
        bindings.append(binding)
    turn = 0

    def call() -> None:
        nonlocal turn
        session.run_with_iobinding(bindings[turn])
        turn = 1 - turn

    def results() -> dict[str, Any]:
        states[0].update_inplace(zero)
        session.run_with_iobinding(bindings[0])
        return {"y": states[1].numpy().swapaxes(0, 1)}

    return Contender(call, results)


def _session(layer: Layer, threads: int, *, time: int, outputs: tuple[str, ...]) -> Any:
    """A session that runs the layer; None where the packages are missing."""
    try:
        import onnxruntime
        from onnx import TensorProto, helper, numpy_helper
    except ImportError:
        return None
    batch, _, inputs, units = layer.shape
    input_weight, recurrent_weight, *biases = layer.theirs(_ORDERS[layer.family])
    tensors = {"W": input_weight, "R": recurrent_weight, "B": np.concatenate(biases)}
    entering = {"x": (time, batch, inputs)}
    if "state" in outputs:
        entering["h"] = (1, batch, units)
    leaving = {"y": (time, 1, batch, units), "state": (1, batch, units)}
    variant: dict[str, Any] = {"linear_before_reset": 1} if layer.family == "gru" else {}
    node = helper.make_node(
        layer.family.upper(),
        ["x", "W", "R", "B", *(["", "h"] if "h" in entering else [])],
        [name if name in outputs else "" for name in leaving],
        hidden_size=units,
        **variant,
    )

    def described(name: str, sizes: tuple[int, ...]) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes)

    graph = helper.make_graph(
        [node],
        layer.family,
        [described(*pair) for pair in entering.items()],
        [described(name, leaving[name]) for name in outputs],
        [numpy_helper.from_array(array[None], name) for name, array in tensors.items()],
    )
    # The opset in which GRU and LSTM took their present form; any runtime of today reads it.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
