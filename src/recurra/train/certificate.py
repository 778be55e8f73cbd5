"""The certificate: samenesses that are promised for every model, measured for this very one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra import kernels
from recurra.codecs import Cases, Timed
from recurra.errors import CertificateError
from recurra.runtime import AbstractModel
from recurra.runtime.model import Probe
from recurra.spec.graph import Graph
from recurra.spec.report import CERTIFICATE_CLAIMS, Certificate, Claim
from recurra.spec.state import flatten

__all__ = ["PROMISED_BITWISE", "PROMISED_TORCH", "certify"]

Array = npt.NDArray[Any]

# Within the runtime nothing depends on steps, chunks, neighbours or padding: not by one bit.
PROMISED_BITWISE = 0.0
# Two implementations round differently at every step. Over every cell, one to three layers, all
# tasks and up to 500 steps, decoded answers were measured to differ by up to 5e-7 in float32 and
# 5e-16 in float64. The rest is room for longer sequences and larger scores; more than that means a
# network that amplifies rounding from step to step, whose answers nobody could repeat.
PROMISED_TORCH: Mapping[str, float] = MappingProxyType({"float32": 1e-5, "float64": 1e-12})

# Longer cases are cut: a certificate must not take longer than the training.
_MOST_STEPS = 512
# Axes of what is given to a chunk or a step as it is.
_WHOLE = ("row", "memory")
_CHUNK = 3
_PADDING = 5
_REPORT = "this is a defect of recurra: report it with the settings of the training"
_ADVICE = dict.fromkeys(CERTIFICATE_CLAIMS, _REPORT) | {
    "runtime_vs_torch": "the network amplifies rounding from step to step: train it with "
    "precision='float64', a smaller learning_rate or another cell"
}


def certify(model: AbstractModel, in_torch: AbstractModel, cases: Cases) -> Certificate:
    """Measure every claim on `cases`.

    Differences are the largest over all cases. Within the runtime they are taken over the graphs'
    outputs, the answers and, where both sides end with it, the state. Against torch they are taken
    over decoded answers: probabilities, or numbers in the scale of the training targets.

    Args:
        model: The runtime's side.
        in_torch: The same model with torch's networks, in evaluation mode.
        cases: Real cases, at least one; of longer ones the first 512 steps are taken.

    Raises:
        CertificateError: a difference exceeds what is promised; names claim, figure and promise.
    """
    witnesses = [_Witness.of(model, raw) for raw in model.codec.raw(cases)]
    dtype = str(model.dtype)
    measures: dict[str, Callable[[], float | None]] = {
        "step_vs_whole": lambda: _worst(w.stepwise() for w in witnesses),
        "chunked_vs_whole": lambda: _worst(w.chunked() for w in witnesses),
        "one_vs_many": lambda: _one_vs_many(model, witnesses),
        "padded_vs_unpadded": lambda: _worst(w.padded() for w in witnesses),
        "runtime_vs_torch": lambda: _worst(
            _largest(model.compared(w.raw), in_torch.compared(w.raw)) for w in witnesses
        ),
    }
    claims: dict[str, Claim] = {}
    for name in CERTIFICATE_CLAIMS:
        promised = PROMISED_TORCH[dtype] if name == "runtime_vs_torch" else PROMISED_BITWISE
        found = measures[name]()
        note = "" if found is not None else model.why_not_streaming() or "no graph of it has steps"
        if found is not None and not found <= promised:
            raise CertificateError(
                f"{name} differs by {found:g} on {len(cases)} cases where at most {promised:g} is "
                f"promised ({dtype}, {kernels.isa()}): the model was not exported; {_ADVICE[name]}"
            )
        claims[name] = Claim(max_abs_diff=found, promised=promised, note=note)
    return Certificate(isa=kernels.isa(), dtype=dtype, claims=claims)


@dataclass(frozen=True)
class _Run:
    """One graph's whole call for one case alone: what every other way is compared with."""

    network: Any
    probe: Probe
    outputs: Mapping[str, Array]
    state: Mapping[str, Any]

    @property
    def graph(self) -> Graph:
        graph: Graph = self.network.graph
        return graph

    def steps(self, begin: int, end: int) -> dict[str, Array]:
        """The inputs of some steps; what has no steps is whole."""
        return {
            name: a[:, begin:end] if self.graph.inputs[name].axes not in _WHOLE else a
            for name, a in self.probe.inputs.items()
        }

    @property
    def length(self) -> int:
        """T; 0 where no input has steps."""
        signals = self.graph.inputs
        return next(
            (a.shape[1] for n, a in self.probe.inputs.items() if signals[n].axes not in _WHOLE), 0
        )

    def stepwise(self) -> float:
        """One step at a time."""
        state = self.network.initial_state(1)
        parts = []
        for t in range(self.length):
            inputs = {
                name: a[:, 0] if self.graph.inputs[name].axes not in _WHOLE else a
                for name, a in self.steps(t, t + 1).items()
            }
            outputs, state = self.network.step(inputs, state)
            signals = self.graph.signals()
            parts.append(
                {n: v[:, None] if signals[n].axes != "row" else v for n, v in outputs.items()}
            )
        return self._differs(parts, state)

    def chunked(self) -> float:
        """In chunks of three steps, the last one shorter."""
        state: Any = None
        parts = []
        for begin in range(0, self.length, _CHUNK):
            outputs, state = self.network(self.steps(begin, begin + _CHUNK), state)
            parts.append(outputs)
        return self._differs(parts, state)

    def padded(self) -> float:
        """With steps behind the end that hold NaN (tokens: 0)."""
        inputs = {}
        for name, array in self.probe.inputs.items():
            inputs[name] = array
            if self.graph.inputs[name].axes not in _WHOLE:
                inputs[name] = np.concatenate([array, _room(array)], axis=1)
        outputs, state = self.network(inputs, lengths=np.array([self.length]))
        return self._differs([outputs], state)

    def _differs(self, parts: Sequence[Mapping[str, Array]], state: Mapping[str, Any]) -> float:
        """Outputs with steps are those of all parts in a row; rows those of the last part."""
        pairs = list(zip(_slots(self.state), _slots(state), strict=True))
        for name, whole in self.outputs.items():
            if self.graph.signals()[name].axes != "row":
                joined = np.concatenate([part[name] for part in parts], axis=1)
                pairs.append((whole, joined[:, : whole.shape[1]]))
            else:
                pairs.append((whole, parts[-1][name]))
        return max(_largest(ours, theirs) for ours, theirs in pairs)


@dataclass(frozen=True)
class _Witness:
    """One case alone.

    Args:
        model: The runtime's side.
        raw: The case, cut to what a certificate may take.
        answer: Of the model, as numbers.
        runs: Of each graph that the model is asked to probe.
    """

    model: AbstractModel
    raw: Any
    answer: Array
    runs: tuple[_Run, ...]

    @staticmethod
    def of(model: AbstractModel, raw: Any) -> _Witness:
        raw = model.witness(raw, _MOST_STEPS)
        runs = []
        for probe in model.probes(raw):
            network = model.networks[probe.graph]
            runs.append(_Run(network, probe, *network(probe.inputs)))
        return _Witness(model, raw, model.numbers(model(raw)), tuple(runs))

    def stepwise(self) -> float | None:
        """Raw observations through a session, and the graphs one step at a time."""
        found = [run.stepwise() for run in self._streaming()]
        stream = self.model.observations(self.raw)
        if len(stream) and self.model.why_not_streaming() is None:
            session = self.model.session()
            # A series with times is fed with them.
            times: list[tuple[Any, ...]] | None = None
            if isinstance(self.raw, Timed):
                times = [(time,) for time in self.raw.times]
            fed = zip(stream, times or [()] * len(stream), strict=True)
            answers = [session.feed(observation, *time) for observation, time in fed]
            found.append(_largest(self.answer, self.model.numbers(answers[-1])))
        return _worst(found)

    def chunked(self) -> float | None:
        """The graphs in chunks."""
        return _worst(run.chunked() for run in self._streaming())

    def padded(self) -> float | None:
        """The graphs with padding."""
        return _worst(run.padded() for run in self.runs if run.length)

    def _streaming(self) -> list[_Run]:
        runs = [run for run in self.runs if run.length]
        return [run for run in runs if run.graph.why_not_streaming() is None]


def _one_vs_many(model: AbstractModel, witnesses: Sequence[_Witness]) -> float:
    """All cases in one batch against each alone: graphs' outputs, and answers."""
    answers = model([witness.raw for witness in witnesses])
    pairs = [
        (witness.answer, model.numbers(answer))
        for witness, answer in zip(witnesses, answers, strict=True)
    ]
    for runs in zip(*(witness.runs for witness in witnesses), strict=True):
        pairs += _together(runs)
    return max(_largest(ours, theirs) for ours, theirs in pairs)


def _together(runs: Sequence[_Run]) -> list[tuple[Array, Array]]:
    """One graph over all cases, padded to the longest; (alone, together) of every output."""
    graph, inputs = runs[0].graph, {}
    for name, signal in graph.inputs.items():
        arrays = [run.probe.inputs[name] for run in runs]
        if signal.axes != "row":
            longest = max(a.shape[1] for a in arrays)
            # Zeros: whether something may stand there at all is the padded call's to find out.
            arrays = [
                np.pad(a, ((0, 0), (0, longest - a.shape[1]), *(((0, 0),) * (a.ndim - 2))))
                for a in arrays
            ]
        inputs[name] = np.concatenate(arrays)
    lengths = np.array([run.length for run in runs]) if runs[0].length else None
    outputs, _ = runs[0].network(inputs, lengths=lengths)
    pairs = []
    for name, together in outputs.items():
        for k, run in enumerate(runs):
            alone = run.outputs[name][0]
            pairs.append((alone, together[k][: len(alone)]))
    return pairs


def _room(array: Array) -> Array:
    """Steps that must reach nothing: NaN, or token 0."""
    fill = np.nan if array.dtype.kind == "f" else 0
    return np.full((1, _PADDING, *array.shape[2:]), fill, array.dtype)


def _worst(found: Iterable[float | None]) -> float | None:
    """The largest; None where nothing could be measured."""
    return max((f for f in found if f is not None), default=None)


def _slots(state: Mapping[str, Any]) -> list[Array]:
    return [array for name in sorted(state) for _, array in flatten(state[name])]


def _largest(ours: Array, theirs: Array) -> float:
    """The largest difference; infinite where shapes differ or one side is not finite."""
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if ours.shape != theirs.shape:
        return np.inf
    difference = np.abs(ours - theirs)
    return float(difference.max(initial=0.0)) if np.isfinite(difference).all() else np.inf
