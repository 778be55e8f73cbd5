"""An ONNX model run in ONNX Runtime on drawn inputs, and compared with the network it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from onnx import ModelProto

from recurra.convert.layouts import Array
from recurra.errors import ConversionError, DependencyError
from recurra.spec.graph import Graph
from recurra.spec.node import Signal
from recurra.spec.state import flatten

__all__ = ["PROMISED", "Check", "RunsGraph", "check_model"]

# Largest deviation, as a share of the largest value (at least 1). ONNX Runtime sums and rounds in
# another order: some 2e-7 was measured, and the margin is for wide layers; a swapped gate or
# a wrong sign gives more than 1e-2.
PROMISED = 2e-5
# [B, T] of the drawn inputs: one step, one row, several rows of unequal length.
_SHAPES = ((1, 1), (1, 9), (4, 17))


class RunsGraph(Protocol):
    """What `recurra.runtime.Network` offers."""

    graph: Graph

    def __call__(
        self, inputs: Mapping[str, Any], state: Any = None, *, lengths: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Outputs and the state after, over whole sequences or chunks."""

    def initial_state(self, batch: int) -> dict[str, Any]:
        """The state ahead of the first step."""


@dataclass(frozen=True)
class Check:
    """What was compared.

    Args:
        max_abs_diff: The largest deviation found, as a share of the largest value (at least 1).
        runs: How often ONNX Runtime ran.
        stepwise: Also one step at a time.
    """

    max_abs_diff: float
    runs: int
    stepwise: bool


def check_model(model: ModelProto, network: RunsGraph, *, seed: int = 0) -> Check:
    """Run both on drawn inputs, whole and, where the graph streams, one step at a time.

    Args:
        model: What `model_of` made of the network's graph.
        network: What it must agree with.
        seed: Of the inputs.

    Raises:
        ConversionError: they differ by more than `PROMISED`; says where and by how much.
        DependencyError: ONNX Runtime is not installed.
    """
    session = _session(model)
    graph, random = network.graph, np.random.default_rng(seed)
    streams = graph.why_not_streaming() is None
    worst, runs = 0.0, 0
    for batch, time in _SHAPES:
        inputs = {n: _draw(s, batch, time, random) for n, s in graph.inputs.items()}
        lengths = random.integers(0, time + 1, batch)
        lengths[0] = time
        start = _flat(network.initial_state(batch)) if streams else {}
        wanted, after = network(inputs, lengths=lengths)
        expected = wanted | {f"next_{n}": v for n, v in _flat(after).items() if streams}
        found = session({**inputs, "lengths": lengths, **start})
        worst = max(worst, _difference(found, expected, f"[B={batch}, T={time}]"))
        runs += 1
        if not streams:
            continue
        state = start
        for t in range(time):
            step = {
                n: array[:, t : t + 1] if graph.inputs[n].axes == "steps" else array
                for n, array in inputs.items()
            }
            counts = (t < lengths).astype(np.int64)
            found = session({**step, "lengths": counts, **state})
            state = {n.removeprefix("next_"): found[n] for n in found if n.startswith("next_")}
            runs += 1
        ends = {n: v for n, v in expected.items() if n.startswith("next_")}
        last = {f"next_{n}": v for n, v in state.items()}
        worst = max(worst, _difference(last, ends, f"step by step [B={batch}, T={time}]"))
    return Check(worst, runs, streams)


def _session(model: ModelProto) -> Any:
    """What runs the model: inputs by name -> outputs by name."""
    try:
        import onnxruntime
    except ImportError as error:
        raise DependencyError(
            'an export is run before it is written: pip install "recurra[onnx]"'
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise ConversionError(f"ONNX Runtime refuses the model: {error}") from error
    names = [output.name for output in session.get_outputs()]

    def run(feed: Mapping[str, Any]) -> dict[str, Array]:
        return dict(zip(names, session.run(names, dict(feed)), strict=True))

    return run


def _draw(signal: Signal, batch: int, time: int, random: np.random.Generator) -> Any:
    axes = (batch,) if signal.axes == "row" else (batch, time)
    if signal.dtype == "token":
        return random.integers(0, signal.size, axes)
    return random.normal(size=(*axes, signal.size)).astype(np.float32)


def _flat(state: Mapping[str, Any]) -> dict[str, Array]:
    """The state's slots in float32 by the names of the model's inputs."""
    return {
        f"state.{step}.{path}": np.asarray(array, np.float32)
        for step, slots in state.items()
        for path, array in flatten(slots)
    }


def _difference(found: Mapping[str, Array], wanted: Mapping[str, Array], where: str) -> float:
    worst = 0.0
    for name, exact in wanted.items():
        if name not in found or found[name].shape != exact.shape:
            came = list(found[name].shape) if name in found else "nothing"
            raise ConversionError(
                f"the export is refused: {name} {where} should be {list(exact.shape)}, got {came}"
            )
        scale = max(1.0, float(np.abs(exact).max(initial=0.0)))
        off = float(np.abs(found[name] - exact).max(initial=0.0)) / scale
        # NaN compares as false, and must not pass.
        if not off <= PROMISED:
            raise ConversionError(
                f"the export is refused: {name} {where} differs by {off:.3g} of the largest value "
                f"in ONNX Runtime, more than the {PROMISED:g} promised; take another opset or "
                "version, and report it"
            )
        worst = max(worst, off)
    return worst
