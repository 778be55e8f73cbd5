"""OpenVINO: one sequence or cell operation in its own opset, batch first, in float32."""

from __future__ import annotations

import sys
from typing import Any, cast

import numpy as np

from benchmarks.harness import Contender
from benchmarks.layer import Layer

__all__ = ["inference", "step"]

# Our blocks (reset, update, candidate; input, forget, cell, output) in OpenVINO's order.
_ORDERS = {"gru": (1, 0, 2), "lstm": (1, 0, 2, 3)}


def inference(layer: Layer, threads: int) -> Contender | None:
    """A whole sequence."""
    openvino = _library()
    if openvino is None:
        return None
    ops = openvino.opset14
    batch, time, _, units = layer.shape
    x = ops.parameter(layer.x.shape, np.float32)
    zeros = [np.zeros((batch, 1, units), np.float32) for _ in layer.states()]
    weights = [array[None] for array in _weights(layer)]
    lengths = np.full(batch, time, np.int32)
    if layer.family == "gru":
        node = ops.gru_sequence(
            x, *zeros, lengths, *weights, units, "forward", linear_before_reset=True
        )
    else:
        node = ops.lstm_sequence(x, *zeros, lengths, *weights, units, "forward")
    request = _request(openvino, [node.output(0)], [x], threads)

    def call() -> Any:
        return request.infer([layer.x], share_inputs=True, share_outputs=True)

    return Contender(call, lambda: {"y": call()[0][:, 0].copy()})


def step(layer: Layer, threads: int) -> Contender | None:
    """One step, the state passed by hand as a numpy array."""
    openvino = _library()
    if openvino is None:
        return None
    ops = openvino.opset14
    inputs, zero = np.ascontiguousarray(layer.x[:, 0]), layer.states()["h0"]
    x, h = ops.parameter(inputs.shape, np.float32), ops.parameter(zero.shape, np.float32)
    node = ops.gru_cell(x, h, *_weights(layer), layer.shape[3], linear_before_reset=True)
    request = _request(openvino, [node.output(0)], [x, h], threads)
    state = [zero]

    def call() -> None:
        state[0] = request.infer([inputs, state[0]], share_inputs=True)[0]

    return Contender(
        call, lambda: {"y": request.infer([inputs, zero], share_inputs=True)[0][:, None]}
    )


def _library() -> Any:
    # On import it would report its use over the network, from a process forked while others are
    # measured; without this package, which is no part of it, it does not.
    cast("dict[str, Any]", sys.modules).setdefault("openvino_telemetry", None)
    try:
        import openvino
    except ImportError:
        return None
    return openvino


def _weights(layer: Layer) -> list[Any]:
    """Input weight, recurrent weight and bias; only the GRU's candidate keeps two biases apart."""
    input_weight, recurrent_weight, *biases = layer.theirs(_ORDERS[layer.family])
    units = layer.shape[3]
    bias = np.add(*biases)
    if layer.family == "gru":
        bias = np.concatenate([bias[: 2 * units], *(b[2 * units :] for b in biases)])
    return [input_weight, recurrent_weight, bias]


def _request(openvino: Any, outputs: list[Any], inputs: list[Any], threads: int) -> Any:
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        # On a processor with bfloat16 it would else compute in that.
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    model = openvino.Model(outputs, inputs, "layer")
    return openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
