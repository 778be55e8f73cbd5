"""What every model offers: raw cases in, decoded answers out, sessions for streams, figures.

A family of tasks has one subclass (`recurra.runtime.models`). The networks below it are the
runtime's own, or torch's behind the same verbs: measuring while training, evaluating and answering
from a bundle run the same code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from recurra.codecs import Cases, Timed
from recurra.decode import Adapt
from recurra.errors import DataError, ShapeError, SpecError
from recurra.runtime.network import Network
from recurra.runtime.parts import MAIN, Parts
from recurra.spec.batch import Batch, Encoded, EncodedCases, EncodedList
from recurra.spec.manifest import Manifest
from recurra.spec.node import Signal

if TYPE_CHECKING:
    import polars as pl

__all__ = ["AbstractModel", "Probe"]

Array = npt.NDArray[Any]
# Steps, padding included, that are run at once: bounds the memory, changes no bit.
_STEPS_AT_ONCE = 2**16
# A golden pair is replayed at every load, which must stay quick; so many steps use every weight.
_GOLDEN_STEPS = 256


@dataclass(frozen=True)
class Probe:
    """What one graph is given for one case: the certificate runs it in every way there is.

    Args:
        graph: Name of the graph.
        inputs: Name -> [1, T, ...] (steps), or [1, ...] (rows).
    """

    graph: str
    inputs: Mapping[str, Array]


class AbstractModel:
    """Codec, networks and decoder as one function; it never changes.

    Args:
        parts: What it consists of.
        manifest: Of the bundle that it comes from, None where it comes from none.
        networks: What runs the graphs, by name, where it is not the runtime.

    Raises:
        BundleError: the parts do not fit one another.
    """

    tasks: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        parts: Parts,
        manifest: Manifest | None = None,
        networks: Mapping[str, Any] | None = None,
    ) -> None:
        self.check(parts)
        self.parts = parts
        self.manifest = manifest
        self.task = parts.task
        # Of the classes that `check` has let pass.
        self.codec: Any = parts.codec
        self.decoder: Any = parts.decoder
        self.networks: Mapping[str, Any] = networks or {
            name: Network(graph, parts.weights_of(name)) for name, graph in parts.graphs.items()
        }

    @classmethod
    def check(cls, parts: Parts) -> None:
        """Refuse parts that do not fit one another (BundleError)."""
        raise SpecError(f"{cls.__name__} does not say what fits {parts.task!r}")

    @property
    def network(self) -> Any:
        """The network of a model that has but one."""
        return self.networks[MAIN]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the weights, float32 or float64."""
        dtype: np.dtype[Any] = next(iter(self.networks.values())).dtype
        return dtype

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of graphs, codec, decoder and weights."""
        return self.manifest.fingerprint if self.manifest else self.parts.fingerprint()

    @property
    def labels(self) -> tuple[str | int | float | bool, ...]:
        """The classes in the order of the probabilities; empty where there are none."""
        return ()

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the channels in their order; empty for texts."""
        return self.parts.codec.features

    @property
    def signals(self) -> dict[str, Signal]:
        """What the codec feeds to the network."""
        return self.parts.codec.signals()

    def why_not_streaming(self) -> str | None:
        """None where sessions are offered; else the reason why not."""
        reasons = [graph.why_not_streaming() for graph in self.parts.graphs.values()]
        reasons.append(self.codec.why_not_streaming())
        return next((reason for reason in reasons if reason is not None), None)

    def session(self, *, adapt: Adapt | None = None, pending: int = 1) -> Any:
        """A new stream, ahead of its first observation.

        Args:
            adapt: What truths do to the sets or intervals of answers to come, where there are any.
            pending: Answers that are remembered until their truth comes.

        Raises:
            SpecError: the model cannot run one step at a time; says why.
        """
        del adapt, pending
        why = self.why_not_streaming() or f"the task {self.task!r} has none"
        raise SpecError(f"this model has no sessions: {why}")

    def __call__(self, x: Any) -> Any:
        """Answer raw cases; no answer depends on the other cases, to the bit.

        Args:
            x: One case (a series [T, C], `Timed` with its times, a text, ...); or many: a list
                of them, an array [B, T, C], or `Cases`.

        Returns:
            The answers in the order of the cases, as `answers` gives them; for one case its own.

        Raises:
            DataError: a case that the codec cannot encode; names the case.
            ShapeError: axes other than the codec's, or no case at all.
        """
        if isinstance(x, Cases):
            # Targets take no part, so labels that training has not seen do no harm.
            return self.answers(self.encoded(replace(x, targets=None, target_kind=None)))
        if self.is_one(x):
            return self.answers(EncodedList([self.codec.encode(x)]))[0]
        return self.answers(EncodedList(self._encode(case, k) for k, case in enumerate(x)))

    def encoded(self, cases: Cases) -> EncodedCases:
        """Cases with their targets, as `answers` and `figures` take them."""
        return EncodedList(self.codec.encode_cases(cases))

    def is_one(self, x: Any) -> bool:
        """Whether x is one case and not several."""
        return isinstance(x, str | Timed) or (isinstance(x, np.ndarray) and x.ndim < 3)

    def predict(self, x: Any) -> Any:
        """What a person would call the answers: labels, values, texts; the answers by default."""
        return self(x)

    def answers(self, encoded: EncodedCases | Sequence[Encoded]) -> Any:
        """As a call, for cases that the codec has encoded.

        Raises:
            ShapeError: no case at all.
        """
        cases = encoded if isinstance(encoded, EncodedCases) else EncodedList(encoded)
        if not len(cases):
            raise ShapeError("the model expected at least one case, got none")
        found: list[Any] = [None] * len(cases)
        for batch in batches_of(cases):
            outputs, _ = self.network(
                batch.arrays(self.network.graph.inputs), lengths=batch.lengths
            )
            for k, answer in zip(batch.index, self.decode(outputs, batch), strict=True):
                found[k] = answer
        return self.joined(found)

    def decode(self, outputs: Mapping[str, Array], batch: Batch) -> Sequence[Any]:
        """One answer a case from what the main graph puts out."""
        raise SpecError(f"{type(self).__name__} decodes no {sorted(outputs)} of {len(batch)} cases")

    def joined(self, answers: list[Any]) -> Any:
        """The answers as they are handed out: a list; an array where all have one shape."""
        return answers

    def figures(self, answers: Any, encoded: EncodedCases, cases: Cases) -> dict[str, float]:
        """How good answers are.

        Args:
            answers: As `answers(encoded)` gives them.
            encoded: The cases with their targets.
            cases: The same, raw; what windows are cut from, where they are.

        Returns:
            Figures under the names of `spec.report.METRICS`.
        """
        raise SpecError(f"{type(self).__name__} measures no {cases.kind}: {encoded}, {answers}")

    def tables(self, answers: Any, encoded: EncodedCases, cases: Cases) -> list[tuple[Any, ...]]:
        """Tables that a person wants beside the figures: (headings, row, row, ...) each."""
        del answers, encoded, cases
        return []

    @classmethod
    def beside(cls, figures: Mapping[str, float]) -> str | None:  # noqa: ARG003 - most have nothing beside them
        """What stands beside the model in its figures, in a line; None: nothing."""
        return None

    @classmethod
    def remarks(cls, figures: Mapping[str, float]) -> list[str]:  # noqa: ARG003 - most have none
        """What a person must know before the model is used: plain warnings, by its figures."""
        return []

    def object_of(self, answer: Any) -> dict[str, Any]:
        """One answer as plain JSON values: a line of .jsonl and of a stream."""
        raise SpecError(f"{type(self).__name__} does not say how it writes {answer}")

    def object_in(self, session: Any, answer: Any) -> dict[str, Any]:
        """As `object_of`, for an answer of this session, whose truths may have moved its limits."""
        del session
        return self.object_of(answer)

    def table_of(self, ids: Sequence[str], answers: Any) -> pl.DataFrame:
        """Answers as a table, a row a case: `id` and the keys of `object_of`."""
        import polars as pl

        return pl.DataFrame(
            [{"id": name, **self.object_of(a)} for name, a in zip(ids, answers, strict=True)]
        )

    def describe(self) -> dict[str, str]:
        """One line each on "input" and "answer", for people: `info` and the model card."""
        raise SpecError(f"{type(self).__name__} does not describe itself")

    def witness(self, x: Any, steps: int = _GOLDEN_STEPS) -> Any:
        """A raw case cut to about so many steps."""
        if isinstance(x, Timed):
            return Timed(*(np.asarray(a, np.float64)[:steps] for a in x))
        if not isinstance(x, str):
            return np.asarray(x, np.float64)[:steps]
        # A word has rarely more characters; a text of blanks alone is none.
        cut = x[: 8 * steps]
        return cut if cut.strip() else x

    def numbers(self, answer: Any) -> Array:
        """An answer as float64 numbers of any shape: what a golden pair keeps of it."""
        return np.asarray(answer, np.float64)

    def golden(self, x: Any) -> Array:
        """The answer to one raw case as numbers."""
        return self.numbers(self(x))

    def compared(self, x: Any) -> Array:
        """As `golden`, in the scale in which the network was trained: no unit makes it large."""
        return self.golden(x)

    def probes(self, x: Any) -> list[Probe]:
        """What each graph is given for one raw case."""
        batch = EncodedList([self.codec.encode(x)]).collate([0])
        return [Probe(MAIN, batch.arrays(self.network.graph.inputs))]

    def owed(self, session: Any) -> Sequence[Any]:
        """Answers that a stream which ends here has not given yet."""
        del session
        return ()

    def observations(self, x: Any) -> Sequence[Any]:
        """One raw case as a stream brings it, for models whose session ends with its answer."""
        del x
        return ()

    def _encode(self, case: Any, k: int) -> Encoded:
        try:
            return self.parts.codec.encode(case)
        except (DataError, ShapeError) as error:
            raise type(error)(f"case {k}: {error}") from None


def batches_of(cases: EncodedCases) -> Iterator[Batch]:
    """All cases, those of like length side by side, so many at a time as the memory bears."""
    lengths = cases.lengths
    # Cases of like length side by side need the least padding.
    order = [int(k) for k in np.argsort(lengths, kind="stable")]
    while order:
        rows = max(1, _STEPS_AT_ONCE // max(1, int(lengths[order[-1]])))
        chosen, order = order[-rows:], order[:-rows]
        yield cases.collate(chosen)
