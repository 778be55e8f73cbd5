"""A model that answers: raw cases in, decoded answers out, and sessions for streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.codecs import Cases, LabelCodec, SeriesCodec
from recurra.decode import ClassDecoder
from recurra.errors import DataError, ShapeError, SpecError
from recurra.runtime.bundle import read_bundle
from recurra.runtime.network import Network
from recurra.runtime.parts import Parts
from recurra.runtime.session import Session
from recurra.spec.batch import Encoded, collate
from recurra.spec.manifest import Manifest
from recurra.spec.node import Signal

__all__ = ["Model", "load"]

Array = npt.NDArray[Any]
# Steps, padding included, that are run at once: bounds the memory, changes no bit.
_STEPS_AT_ONCE = 2**16


def load(folder: str | Path) -> Model:
    """The model of a bundle, ready to answer; it has just given its golden answers again.

    Raises:
        BundleError: the bundle is missing, damaged or forged, or the model answers otherwise here
            than where it was made.
    """
    bundle = read_bundle(folder)
    model = Model(bundle.parts, bundle.manifest)
    bundle.golden.replay(model)
    return model


class Model:
    """Codec, network and decoder as one function; it never changes.

    Args:
        parts: What it consists of.
        manifest: Of the bundle that it comes from, None where it comes from none.
    """

    def __init__(self, parts: Parts, manifest: Manifest | None = None) -> None:
        self.parts = parts
        self.manifest = manifest
        self.task, self.codec, self.decoder = parts.task, parts.codec, parts.decoder
        self.network = Network(parts.graph, parts.weights)

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of graph, codec, decoder and weights."""
        return self.manifest.fingerprint if self.manifest else self.parts.fingerprint()

    @property
    def labels(self) -> tuple[str | int | float | bool, ...]:
        """The classes in the order of the probabilities; empty where numbers are predicted."""
        target = self.codec.target
        return target.labels if isinstance(target, LabelCodec) else ()

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the channels in their order; empty for texts."""
        return self.codec.input.features if isinstance(self.codec.input, SeriesCodec) else ()

    @property
    def signals(self) -> dict[str, Signal]:
        """What the codec feeds to the network."""
        return self.codec.signals()

    def why_not_streaming(self) -> str | None:
        """None where sessions are offered; else the reason why not."""
        return self.parts.graph.why_not_streaming()

    def __call__(self, x: Any) -> Array:
        """Answer whole sequences; no answer depends on the other cases, to the bit.

        Args:
            x: One case, a series [T, C] or a text; or many: a list of them, an array [B, T, C],
                or `Cases`.

        Returns:
            Probabilities [B, K] (classify) or values [B] in the target's unit (regress), float64;
            for one case without B.

        Raises:
            DataError: a case that the codec cannot encode; names the case.
            ShapeError: axes other than the codec's, or no case at all.
        """
        if isinstance(x, Cases):
            # Targets take no part, so labels that training has not seen do no harm.
            encoded = self.codec.encode_cases(replace(x, targets=None, target_kind=None))
            return self.answers(encoded)
        if isinstance(x, str) or (isinstance(x, np.ndarray) and x.ndim < 3):
            alone: Array = self.answers([self.codec.encode(x)])[0]
            return alone
        return self.answers([self._encode(case, k) for k, case in enumerate(x)])

    def predict(self, x: Any) -> Array:
        """The most probable label of each case (lowest index among equals), or its value.

        Args:
            x: As in a call.

        Returns:
            [B] in the labels' own type, or float64; for one case without B.
        """
        answers = self(x)
        if isinstance(self.decoder, ClassDecoder):
            labels: Array = self.codec.target.decode(self.decoder.choose(answers))
            return labels
        return answers

    def answers(self, encoded: Sequence[Encoded]) -> Array:
        """As a call, for cases that the codec has encoded."""
        if not encoded:
            raise ShapeError("the model expected at least one case, got none")
        # Cases of like length side by side need the least padding.
        order = sorted(range(len(encoded)), key=lambda k: encoded[k].length)
        found: list[Any] = [None] * len(order)
        while order:
            rows = max(1, _STEPS_AT_ONCE // max(1, encoded[order[-1]].length))
            chosen, order = order[-rows:], order[:-rows]
            batch = collate(encoded, chosen)
            outputs, _ = self.network(batch.steps, lengths=batch.lengths)
            for k, answer in zip(chosen, self._in_units(self.decoder.decode(outputs)), strict=True):
                found[k] = answer
        return np.stack(found)

    def session(self) -> Session:
        """A new stream, ahead of its first observation.

        Raises:
            SpecError: the model cannot run one step at a time; says why.
        """
        why = self.why_not_streaming()
        if why is not None:
            raise SpecError(f"this model has no sessions: {why}")
        return Session(self.network, self.codec, self.decoder, self._in_units, self.fingerprint)

    def _in_units(self, answers: Array) -> Array:
        if isinstance(self.decoder, ClassDecoder):
            return answers
        values: Array = self.codec.target.decode(answers)
        return values

    def _encode(self, case: Any, k: int) -> Encoded:
        try:
            return self.codec.encode(case)
        except (DataError, ShapeError) as error:
            raise type(error)(f"case {k}: {error}") from None
