"""An ONNX model run in ONNX Runtime on drawn inputs, and compared with the network it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from onnx import ModelProto

from recurra.errors import ConversionError, DependencyError
from recurra.spec.graph import Graph
from recurra.spec.node import Signal
from recurra.spec.nodes import GRUD
from recurra.spec.state import flatten

__all__ = ["PROMISED", "Check", "RunsGraph", "check_model", "session_of"]

Array = npt.NDArray[Any]
# Largest deviation, as a share of the largest value (at least 1). ONNX Runtime sums and rounds in
# another order: some 2e-7 was measured, and the margin is for wide layers; a swapped gate or
# a wrong sign gives more than 1e-2.
PROMISED = 2e-5
# [B, T] of the drawn inputs: one step, one row, several rows of unequal length.
_SHAPES = ((1, 1), (1, 9), (2, 3), (4, 17))
# Places of a drawn memory, and characters of a drawn word.
_PLACES, _WIDTH = 6, 5


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


def check_model(
    model: ModelProto, network: RunsGraph, *, seed: int = 0, whole_only: bool = False
) -> Check:
    """Run both on drawn inputs, whole and, where the graph streams, one step at a time.

    What stands at padding is NaN, or a token that there is not: it must reach nothing.

    Args:
        model: What `model_of` made of the network's graph.
        network: What it must agree with.
        seed: Of the inputs.
        whole_only: The model has no state, though the graph streams.

    Raises:
        ConversionError: they differ by more than `PROMISED`; says where and by how much.
        DependencyError: ONNX Runtime is not installed.
    """
    run = session_of(model)
    graph, random = network.graph, np.random.default_rng(seed)
    timed = any(signal.axes in ("steps", "pieces") for signal in graph.inputs.values())
    stepwise = timed and graph.why_not_streaming() is None and not whole_only
    worst, runs = 0.0, 0
    for batch, time in _SHAPES:
        lengths = random.integers(0, time + 1, batch)
        lengths[0] = time
        inputs = _draw(graph, lengths, time, random)
        start = _flat(network.initial_state(batch)) if stepwise else {}
        wanted, after = network(inputs, lengths=lengths if timed else None)
        expected = wanted | {f"next_{n}": v for n, v in _flat(after).items() if stepwise}
        counted = {"lengths": lengths} if timed else {}
        found = run({**inputs, **counted, **start})
        # What a graph hands through as it came is NaN at padding on both sides.
        beyond = np.arange(time) >= lengths[:, None] if timed else np.zeros((batch, time), bool)
        worst = max(worst, _difference(found, expected, beyond, f"[B={batch}, T={time}]"))
        runs += 1
        if not stepwise:
            continue
        found = _step_by_step(run, graph, inputs, lengths, start)
        runs += time
        where = f"step by step [B={batch}, T={time}]"
        worst = max(worst, _difference(found, expected, beyond, where))
    return Check(worst, runs, stepwise)


def _step_by_step(
    run: Any, graph: Graph, inputs: Mapping[str, Any], lengths: Array, state: Mapping[str, Any]
) -> dict[str, Array]:
    """Outputs as one run over all steps would give them, and the state after the last."""
    signals, parts = graph.signals(), list[dict[str, Array]]()
    for t in range(lengths[0]):
        step = {
            n: array[:, t : t + 1] if graph.inputs[n].axes in ("steps", "pieces") else array
            for n, array in inputs.items()
        }
        found = run({**step, "lengths": (t < lengths).astype(np.int64), **state})
        state = {n.removeprefix("next_"): found[n] for n in found if n.startswith("next_")}
        parts.append(found)
    outputs = {
        n: parts[-1][n]
        if signals[n].axes == "row"
        else np.concatenate([part[n] for part in parts], axis=1)
        for n in graph.outputs
    }
    return outputs | {f"next_{n}": v for n, v in state.items()}


def session_of(model: ModelProto) -> Any:
    """What runs a model in ONNX Runtime: inputs by name -> outputs by name.

    Raises:
        ConversionError: it refuses the model, or later cannot run it.
        DependencyError: it is not installed.
    """
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
        try:
            return dict(zip(names, session.run(names, dict(feed)), strict=True))
        except Exception as error:
            raise ConversionError(f"ONNX Runtime cannot run the model: {error}") from error

    return run


def _draw(graph: Graph, lengths: Array, time: int, random: np.random.Generator) -> dict[str, Array]:
    """Inputs by name; where a graph forgets with time, some values are not observed."""
    decays = [step for step in graph.steps if isinstance(step.node, GRUD)]
    flags, times = ({step.inputs[k] for step in decays} for k in (1, 2))
    within = np.arange(time) < lengths[:, None]
    places = random.integers(0, _PLACES + 1, len(lengths))
    inputs: dict[str, Array] = {}
    for name, signal in graph.inputs.items():
        if signal.dtype == "length":
            inputs[name] = places
        elif signal.axes == "memory":
            held = np.arange(_PLACES) < places[:, None]
            inputs[name] = _values(signal, held, random)
        elif signal.axes == "row":
            inputs[name] = _values(signal, np.ones(len(lengths), bool), random)
        elif signal.axes == "pieces":
            words = random.integers(0, signal.size, (*within.shape, _WIDTH))
            # 0 is padding on the right of a word.
            words *= np.cumprod(words != 0, axis=2)
            inputs[name] = np.where(within[:, :, None], words, -1)
        elif signal.dtype == "token":
            inputs[name] = np.where(within, random.integers(0, signal.size, within.shape), -1)
        else:
            values = _values(signal, within, random)
            if name in flags:
                values = np.where(np.isnan(values), values, values > 0).astype(np.float32)
            inputs[name] = np.abs(values) if name in times else values
    return inputs


def _values(signal: Signal, counts: Array, random: np.random.Generator) -> Array:
    """Floats [..., size], NaN where nothing counts."""
    drawn = random.normal(size=(*counts.shape, signal.size)).astype(np.float32)
    return np.where(counts[..., None], drawn, np.float32(np.nan))


def _flat(state: Mapping[str, Any]) -> dict[str, Array]:
    """The state's slots by the names of the model's inputs."""
    return {
        f"state.{step}.{path}": np.asarray(array)
        for step, slots in state.items()
        for path, array in flatten(slots)
    }


def _difference(
    found: Mapping[str, Array], wanted: Mapping[str, Array], beyond: Array, where: str
) -> float:
    worst = 0.0
    for name, exact in wanted.items():
        if name not in found or found[name].shape != exact.shape:
            shape = list(found[name].shape) if name in found else "nothing"
            raise ConversionError(
                f"the export is refused: {name} {where} should be {list(exact.shape)}, got {shape}"
            )
        came = found[name]
        if exact.ndim == 3 and exact.shape[:2] == beyond.shape:
            passed = beyond[:, :, None] & np.isnan(exact) & np.isnan(came)
            exact, came = (np.where(passed, 0.0, array) for array in (exact, came))
        if not np.isfinite(exact).all():
            raise ConversionError(
                f"the export is refused: the network's own {name} {where} overflows on drawn "
                "inputs, so nothing can be compared; train with bounded activations"
            )
        scale = max(1.0, float(np.abs(exact).max(initial=0.0)))
        off = float(np.abs(came - exact).max(initial=0.0)) / scale
        # NaN compares as false, and must not pass.
        if not off <= PROMISED:
            raise ConversionError(
                f"the export is refused: {name} {where} differs by {off:.3g} of the largest value "
                f"in ONNX Runtime, more than the {PROMISED:g} promised; take another opset or "
                "version, and report it"
            )
        worst = max(worst, off)
    return worst
