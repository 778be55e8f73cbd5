"""The certificate: samenesses that are promised for every model, measured for this very one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from recurra import kernels
from recurra.codecs import Cases, TextCodec
from recurra.codecs.text import symbols
from recurra.errors import CertificateError
from recurra.runtime import Model
from recurra.spec.batch import Encoded, collate
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
_CHUNK = 3
_PADDING = 5
_REPORT = "this is a defect of recurra: report it with the settings of the training"
_ADVICE = dict.fromkeys(CERTIFICATE_CLAIMS, _REPORT) | {
    "runtime_vs_torch": "the network amplifies rounding from step to step: train it with "
    "precision='float64', a smaller learning_rate or another cell"
}


def certify(model: Model, module: torch.nn.Module, cases: Cases) -> Certificate:
    """Measure every claim on `cases`.

    Differences are the largest over all cases. Within the runtime they are taken over the graph's
    outputs, the decoded answers and, where both sides end with it, the state. Against torch they
    are taken over decoded answers: probabilities, or numbers in the scale of the training targets
    (mean 0, spread 1).

    Args:
        model: The runtime's side.
        module: Torch's side, on the CPU, in evaluation mode.
        cases: Real cases, at least one; of longer ones the first 512 steps are taken.

    Raises:
        CertificateError: a difference exceeds what is promised; names claim, figure and promise.
    """
    witnesses = _witnesses(model, cases)
    dtype = str(model.network.dtype)
    why_not = model.why_not_streaming()
    measures: dict[str, Callable[[], float]] = {
        "step_vs_whole": lambda: max(max(w.streamed(), w.stepwise()) for w in witnesses),
        "chunked_vs_whole": lambda: max(w.chunked() for w in witnesses),
        "one_vs_many": lambda: _one_vs_many(model, witnesses),
        "padded_vs_unpadded": lambda: max(w.padded() for w in witnesses),
        "runtime_vs_torch": lambda: max(w.in_torch(module) for w in witnesses),
    }
    claims: dict[str, Claim] = {}
    for name in CERTIFICATE_CLAIMS:
        promised = PROMISED_TORCH[dtype] if name == "runtime_vs_torch" else PROMISED_BITWISE
        if why_not is not None and name in ("step_vs_whole", "chunked_vs_whole"):
            claims[name] = Claim(max_abs_diff=None, promised=promised, note=why_not)
            continue
        found = measures[name]()
        if not found <= promised:
            raise CertificateError(
                f"{name} differs by {found:g} on {len(cases)} cases where at most {promised:g} is "
                f"promised ({dtype}, {kernels.isa()}): the model was not exported; {_ADVICE[name]}"
            )
        claims[name] = Claim(max_abs_diff=found, promised=promised, note="")
    return Certificate(isa=kernels.isa(), dtype=dtype, claims=claims)


@dataclass(frozen=True)
class _Witness:
    """One case alone in one call: what everything else is compared with.

    Args:
        model: The runtime's side.
        observations: The case as a stream would bring it.
        encoded: The case as its codec gives it.
        outputs: The graph's, [1, ...].
        state: After the last step.
        answer: Decoded, in the target's unit.
    """

    model: Model
    observations: Sequence[Any]
    encoded: Encoded
    outputs: Mapping[str, Array]
    state: Mapping[str, Any]
    answer: Array

    @property
    def inputs(self) -> dict[str, Array]:
        """name -> [1, T, ...]."""
        return {name: array[None] for name, array in self.encoded.steps.items()}

    def streamed(self) -> float:
        """Raw observations, one after the other, through a session."""
        session = self.model.session()
        answers = [session.feed(observation) for observation in self.observations]
        return _largest(self.answer, answers[-1])

    def stepwise(self) -> float:
        """The graph alone, one step at a time."""
        network = self.model.network
        state = network.initial_state(1)
        outputs: Mapping[str, Array] = {}
        for t in range(self.encoded.length):
            outputs, state = network.step({n: a[:, t] for n, a in self.inputs.items()}, state)
        return self._differs(outputs, state)

    def chunked(self) -> float:
        """In chunks of three steps, the last one shorter."""
        state: Any = None
        outputs: Mapping[str, Array] = {}
        for begin in range(0, self.encoded.length, _CHUNK):
            chunk = {name: a[:, begin : begin + _CHUNK] for name, a in self.inputs.items()}
            outputs, state = self.model.network(chunk, state)
        return self._differs(outputs, state)

    def padded(self) -> float:
        """With steps behind the end that hold NaN (tokens: 0)."""
        inputs = {}
        for name, array in self.inputs.items():
            fill = np.nan if array.dtype.kind == "f" else 0
            room = np.full((1, _PADDING, *array.shape[2:]), fill, array.dtype)
            inputs[name] = np.concatenate([array, room], axis=1)
        return self._differs(*self.model.network(inputs, lengths=np.array([self.encoded.length])))

    @torch.no_grad()
    def in_torch(self, module: torch.nn.Module) -> float:
        """By torch; compared after decoding."""
        outputs, _ = module({name: torch.from_numpy(array) for name, array in self.inputs.items()})
        decode = self.model.decoder.decode
        return _largest(decode(self.outputs), decode({n: v.numpy() for n, v in outputs.items()}))

    def _differs(self, outputs: Mapping[str, Array], state: Mapping[str, Any]) -> float:
        pairs = [(self.outputs[name], outputs[name]) for name in self.outputs]
        pairs += zip(_slots(self.state), _slots(state), strict=True)
        return max(_largest(ours, theirs) for ours, theirs in pairs)


def _witnesses(model: Model, cases: Cases) -> list[_Witness]:
    found = []
    for raw, whole in zip(cases.inputs, _without_targets(model, cases), strict=True):
        source = model.codec.input
        stream = symbols(str(raw), source.symbol) if isinstance(source, TextCodec) else raw
        encoded = Encoded({name: array[:_MOST_STEPS] for name, array in whole.steps.items()})
        outputs, state = model.network({name: a[None] for name, a in encoded.steps.items()})
        answer = model.answers([encoded])[0]
        found.append(_Witness(model, stream[:_MOST_STEPS], encoded, outputs, state, answer))
    return found


def _without_targets(model: Model, cases: Cases) -> list[Encoded]:
    return model.codec.encode_cases(replace(cases, targets=None, target_kind=None))


def _one_vs_many(model: Model, witnesses: Sequence[_Witness]) -> float:
    """All cases in one batch against each alone."""
    batch = collate([witness.encoded for witness in witnesses], range(len(witnesses)))
    outputs, _ = model.network(batch.steps, lengths=batch.lengths)
    answers = model.answers([witness.encoded for witness in witnesses])
    pairs = [(witness.answer, answer) for witness, answer in zip(witnesses, answers, strict=True)]
    for name, together in outputs.items():
        pairs += [
            (witness.outputs[name][0], row)
            for witness, row in zip(witnesses, together, strict=True)
        ]
    return max(_largest(ours, theirs) for ours, theirs in pairs)


def _slots(state: Mapping[str, Any]) -> list[Array]:
    return [array for name in sorted(state) for _, array in flatten(state[name])]


def _largest(ours: Array, theirs: Array) -> float:
    """The largest difference; infinite where one side is not finite."""
    difference = np.abs(np.asarray(ours, np.float64) - np.asarray(theirs, np.float64))
    return float(difference.max(initial=0.0)) if np.isfinite(difference).all() else np.inf
