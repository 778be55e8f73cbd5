"""The certificate: samenesses that are promised for every model, measured for this very one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from recurra import kernels
from recurra.decode import AbstractDecoder
from recurra.errors import CertificateError
from recurra.runtime import Network
from recurra.spec.batch import Encoded, collate
from recurra.spec.report import CERTIFICATE_CLAIMS, Certificate, Claim
from recurra.spec.state import flatten

__all__ = ["PROMISED_BITWISE", "PROMISED_TORCH", "certify"]

Array = npt.NDArray[Any]

# Within the runtime nothing depends on chunks, neighbours or padding: not by one bit.
PROMISED_BITWISE = 0.0
# Two implementations round differently at every step. Measured over the cells and tasks of the
# tests the decoded outputs differ by up to 1e-6 in float32 and 2e-15 in float64; ten times that
# and more is left for longer sequences and larger scores.
PROMISED_TORCH: Mapping[str, float] = MappingProxyType({"float32": 1e-5, "float64": 1e-12})

# More steps of padding than any chunk; what stands there must not matter, so NaN stands there.
_PADDING = 5
_CHUNK = 3


def certify(
    network: Network, module: torch.nn.Module, decoder: AbstractDecoder, cases: Sequence[Encoded]
) -> Certificate:
    """Measure every claim on `cases`.

    Differences are the largest over all cases and over outputs, decoded answers and, where both
    sides have it, the state. Answers are compared as the decoder gives them: probabilities, or
    numbers in the scale of the training targets (mean 0, spread 1).

    Args:
        network: The runtime's side.
        module: Torch's side, on the CPU, in evaluation mode.
        decoder: The same for both.
        cases: Real cases, at least one.

    Raises:
        CertificateError: a difference exceeds what is promised; names claim, figure and promise.
    """
    dtype = str(network.dtype)
    alone = [_Whole(network, decoder, case) for case in cases]
    why_not = network.graph.why_not_streaming()
    measures: dict[str, Callable[[], float]] = {
        "step_vs_whole": lambda: max(whole.stepwise() for whole in alone),
        "chunked_vs_whole": lambda: max(whole.chunked() for whole in alone),
        "one_vs_many": lambda: _one_vs_many(network, decoder, cases, alone),
        "padded_vs_unpadded": lambda: max(whole.padded() for whole in alone),
        "runtime_vs_torch": lambda: max(whole.in_torch(module) for whole in alone),
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
                f"{name} differs by {found:g} on {len(cases)} cases, promised is {promised:g} "
                f"({dtype}, {kernels.isa()}): the model is not exported; report this with the "
                "settings that it was trained with"
            )
        claims[name] = Claim(max_abs_diff=found, promised=promised, note="")
    return Certificate(isa=kernels.isa(), dtype=dtype, claims=claims)


class _Whole:
    """One case, alone, in one call: what everything else is compared with."""

    def __init__(self, network: Network, decoder: AbstractDecoder, case: Encoded) -> None:
        self.network, self.decoder = network, decoder
        self.inputs = {name: array[None] for name, array in case.steps.items()}
        self.length = case.length
        self.outputs, self.state = network(self.inputs)

    def _differs(self, outputs: Mapping[str, Array], state: Any = None) -> float:
        found = _answers_differ(self.decoder, self.outputs, outputs)
        if state is None:
            return found
        pairs = zip(_slots(self.state), _slots(state), strict=True)
        return max([found, *(_largest(a, b) for a, b in pairs)])

    def stepwise(self) -> float:
        """One step at a time."""
        state = self.network.initial_state(1)
        outputs: Mapping[str, Array] = {}
        for t in range(self.length):
            inputs = {name: array[:, t] for name, array in self.inputs.items()}
            outputs, state = self.network.step(inputs, state)
        return self._differs(outputs, state)

    def chunked(self) -> float:
        """In chunks of three steps, the last one shorter."""
        state = None
        outputs: Mapping[str, Array] = {}
        for begin in range(0, self.length, _CHUNK):
            inputs = {name: a[:, begin : begin + _CHUNK] for name, a in self.inputs.items()}
            outputs, state = self.network(inputs, state)
        return self._differs(outputs, state)

    def padded(self) -> float:
        """With steps behind the end that hold NaN (tokens: 0)."""
        inputs = {}
        for name, array in self.inputs.items():
            fill = np.nan if array.dtype.kind == "f" else 0
            room = np.full((1, _PADDING, *array.shape[2:]), fill, array.dtype)
            inputs[name] = np.concatenate([array, room], axis=1)
        return self._differs(*self.network(inputs, lengths=np.array([self.length])))

    @torch.no_grad()
    def in_torch(self, module: torch.nn.Module) -> float:
        """By torch; compared after decoding."""
        inputs = {name: torch.from_numpy(array) for name, array in self.inputs.items()}
        outputs, _ = module(inputs)
        theirs = self.decoder.decode({name: value.numpy() for name, value in outputs.items()})
        return _largest(self.decoder.decode(self.outputs), theirs)


def _one_vs_many(
    network: Network, decoder: AbstractDecoder, cases: Sequence[Encoded], alone: Sequence[_Whole]
) -> float:
    """All cases in one batch against each alone."""
    batch = collate(cases, range(len(cases)))
    outputs, _ = network(batch.steps, lengths=batch.lengths)
    answers = decoder.decode(outputs)
    return max(
        max(
            _largest(decoder.decode(whole.outputs)[0], answers[row]),
            *(_largest(whole.outputs[name][0], outputs[name][row]) for name in outputs),
        )
        for row, whole in enumerate(alone)
    )


def _answers_differ(
    decoder: AbstractDecoder, ours: Mapping[str, Array], theirs: Mapping[str, Array]
) -> float:
    found = [_largest(ours[name], theirs[name]) for name in ours]
    return max([*found, _largest(decoder.decode(ours), decoder.decode(theirs))])


def _slots(state: Mapping[str, Any]) -> list[Array]:
    return [array for name in sorted(state) for _, array in flatten(state[name])]


def _largest(ours: Array, theirs: Array) -> float:
    """The largest difference; infinite where one side is not finite."""
    difference = np.abs(np.asarray(ours, np.float64) - np.asarray(theirs, np.float64))
    return float(difference.max(initial=0.0)) if np.isfinite(difference).all() else np.inf
