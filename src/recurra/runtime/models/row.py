"""Models that give one answer for a whole sequence: a class, or a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from recurra import metrics
from recurra.codecs import Cases, LabelCodec, SequenceCodec, TextCodec, Timed, label_text
from recurra.codecs.text import symbols
from recurra.decode import Adapt, ClassDecoder
from recurra.errors import BundleError, SpecError
from recurra.runtime.model import AbstractModel
from recurra.runtime.models.described import described_input, named
from recurra.runtime.models.row_truths import row_truths
from recurra.runtime.parts import MAIN, Parts
from recurra.runtime.session import Session
from recurra.spec.batch import Batch, EncodedCases, EncodedList
from recurra.spec.node import Signal

if TYPE_CHECKING:
    import polars as pl

__all__ = ["RowModel"]

Array = npt.NDArray[Any]


class RowModel(AbstractModel):
    """Classification and regression.

    An answer is the probabilities [K] of the classes, or a value [] in the target's unit, float64.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classify", "regress")

    @classmethod
    def check(cls, parts: Parts) -> None:
        """Refuse parts that do not fit one another (BundleError)."""
        if set(parts.graphs) != {MAIN}:
            raise BundleError(f"expected one graph, {MAIN!r}, got {sorted(parts.graphs)}")
        graph, codec, decoder = parts.graphs[MAIN], parts.codec, parts.decoder
        if not isinstance(codec, SequenceCodec) or codec.task != parts.task:
            raise BundleError(f"a model of task {parts.task!r} has a codec for {codec.task!r}")
        if dict(graph.inputs) != codec.signals():
            raise BundleError("the codec gives other inputs than the graph takes")
        classes = decoder.classes if isinstance(decoder, ClassDecoder) else None
        labels = len(codec.target.labels) if isinstance(codec.target, LabelCodec) else None
        if classes != labels:
            raise BundleError("the decoder and the codec's target are of different tasks or sizes")
        if decoder.output not in graph.outputs:
            raise BundleError(f"the decoder reads {decoder.output!r}, which is no output")
        if graph.signals()[decoder.output] != Signal("row", classes or 1):
            raise BundleError(f"the decoder does not fit the graph's output {decoder.output!r}")

    @property
    def labels(self) -> tuple[str | int | float | bool, ...]:
        """The classes in the order of the probabilities; empty where numbers are predicted."""
        target = self.codec.target
        return target.labels if isinstance(target, LabelCodec) else ()

    def predict(self, x: Any) -> Array:
        """The most probable label of each case (lowest index among equals), or its value.

        Args:
            x: As in a call.

        Returns:
            [B] in the labels' own type, or float64; for one case without B.
        """
        answers: Array = self(x)
        if isinstance(self.decoder, ClassDecoder):
            labels: Array = self.codec.target.decode(self.decoder.choose(answers))
            return labels
        return answers

    def session(self, *, adapt: Adapt | None = None, pending: int = 1) -> Session:
        """A new stream, ahead of its first observation.

        Args:
            adapt: What truths (`Session.observe`) do to the sets or intervals of the answers that
                come: "none", or "tracking": they widen or narrow them. None: as "none", and taken
                by models without sets or intervals too.
            pending: Answers that are remembered until their truth comes, the newest ones.

        Raises:
            SpecError: the model cannot run one step at a time, or has nothing to adapt; says why.
        """
        why = self.why_not_streaming()
        if why is not None:
            raise SpecError(f"this model has no sessions: {why}")
        truths = row_truths(self.decoder, self.codec.target, adapt, pending)
        return Session(
            self.network, self.codec, self.decoder, self._in_units, self.fingerprint, truths
        )

    def decode(self, outputs: Mapping[str, Array], batch: Batch) -> Sequence[Any]:
        """Probabilities or values, in their unit."""
        del batch
        answers: Array = self._in_units(self.decoder.decode(outputs))
        return list(answers)

    def joined(self, answers: list[Any]) -> Array:
        """Probabilities [B, K] or values [B]."""
        return np.stack(answers)

    def figures(self, answers: Any, encoded: EncodedCases, cases: Cases) -> dict[str, float]:
        """Accuracy and its like, or errors in the target's unit.

        Where the model gives sets or intervals: the share that holds the truth, and their size.
        """
        answers, truth = np.asarray(answers), self._truth(encoded, cases)
        if not isinstance(self.decoder, ClassDecoder):
            figures = metrics.evaluate(self.task, answers, truth)
            if self.decoder.margin is not None:
                low, high = self.intervals(answers).T
                inside = (low <= truth) & (truth <= high)
                figures |= {"coverage": float(inside.mean()), "interval": float((high - low)[0])}
            return figures
        called = self.decoder.choose(answers)
        figures = metrics.evaluate(self.task, answers, truth, called)
        if self.decoder.doubt is not None:
            sets = self.decoder.sets(answers)
            held = sets[np.arange(len(truth)), truth]
            figures |= {"coverage": float(held.mean()), "set_size": float(sets.sum(1).mean())}
        return figures

    def intervals(self, answers: Array, margin: float | None = None) -> Array:
        """Where the truth of each answer is expected, [B, 2] float64 in the target's unit.

        Args:
            answers: Values [B].
            margin: Instead of the decoder's own, as a stream has it.

        Raises:
            SpecError: the model was trained without a coverage.
        """
        margin = getattr(self.decoder, "margin", None) if margin is None else margin
        if margin is None:
            raise SpecError("this model has no intervals: train it with coverage=0.9 or the like")
        reach = margin * self.codec.target.scale
        return np.stack([answers - reach, answers + reach], axis=-1)

    def tables(self, answers: Any, encoded: EncodedCases, cases: Cases) -> list[tuple[Any, ...]]:
        """Precision, recall and F1 of each class."""
        if not self.labels:
            return []
        answers = np.asarray(answers)
        called = self.decoder.choose(answers)
        table = metrics.class_table(answers, self._truth(encoded, cases), called)
        rows = [
            (
                str(label),
                f"{row.precision:.4f}",
                f"{row.recall:.4f}",
                f"{row.f1:.4f}",
                str(row.support),
            )
            for label, row in zip(self.labels, table, strict=True)
        ]
        return [(("class", "precision", "recall", "f1", "sequences"), *rows)]

    def object_of(self, answer: Any, limit: float | None = None) -> dict[str, Any]:
        """The prediction and, for classes, the probability of each; its set or interval.

        Args:
            answer: One.
            limit: Of the set or interval, instead of the decoder's own.
        """
        if not isinstance(self.decoder, ClassDecoder):
            if self.decoder.margin is None:
                return {"prediction": float(answer)}
            low, high = self.intervals(answer, limit).tolist()
            return {"prediction": float(answer), "low": low, "high": high}
        best = int(self.decoder.choose(answer[None])[0])
        names = map(label_text, self.labels)
        found: dict[str, Any] = {
            "prediction": self.labels[best],
            "probability": dict(zip(names, map(float, answer), strict=True)),
        }
        if self.decoder.doubt is not None:
            (held,) = self.decoder.sets(answer[None], limit)
            found["set"] = [
                label for label, inside in zip(self.labels, held, strict=True) if inside
            ]
        return found

    def object_in(self, session: Session, answer: Any) -> dict[str, Any]:
        """As `object_of`, with the set or interval as the session's truths have made it."""
        return self.object_of(answer, session.limit)

    def table_of(self, ids: Sequence[str], answers: Any) -> pl.DataFrame:
        """One row a case: id, prediction and, for classes, `probability_<class>` of each."""
        import polars as pl

        if not isinstance(self.decoder, ClassDecoder):
            columns = {"id": list(ids), "prediction": answers}
            if self.decoder.margin is not None:
                low, high = self.intervals(np.asarray(answers)).T
                columns |= {"low": low, "high": high}
            return pl.DataFrame(columns)
        chosen = self.codec.target.decode(self.decoder.choose(answers))
        columns = {"id": list(ids), "prediction": chosen.tolist()}
        columns |= {
            f"probability_{label_text(label)}": answers[:, k] for k, label in enumerate(self.labels)
        }
        if self.decoder.doubt is not None:
            # A file of one cell a case: the labels that cannot be ruled out.
            sets = self.decoder.sets(answers)
            columns["set"] = [
                " ".join(label_text(self.labels[k]) for k in np.flatnonzero(row)) for row in sets
            ]
        return pl.DataFrame(columns)

    def describe(self) -> dict[str, str]:
        """One line each on "task", "input" and "answer"."""
        target = self.codec.target
        if isinstance(target, LabelCodec):
            task = "classification of whole sequences"
            answer = f"probabilities of {len(target.labels)} classes: {named(target.labels)}"
        else:
            task = "a number for a sequence"
            answer = f"one number; over the training part its mean was {target.mean:.6g}"
        return {"task": task, "input": described_input(self.codec.input), "answer": answer}

    def compared(self, x: Any) -> Array:
        """Probabilities; numbers in the scale of the training targets (mean 0, spread 1)."""
        batch = EncodedList([self.codec.encode(x)]).collate([0])
        outputs, _ = self.network(batch.arrays(self.network.graph.inputs), lengths=batch.lengths)
        compared: Array = self.decoder.decode(outputs)
        return compared

    def observations(self, x: Any) -> Sequence[Any]:
        """The rows of a series, the symbols of a text."""
        source = self.codec.input
        if isinstance(x, Timed):
            x = x.values
        stream: Sequence[Any] = (
            symbols(str(x), source.symbol) if isinstance(source, TextCodec) else x
        )
        return stream

    def _truth(self, encoded: EncodedCases, cases: Cases) -> Array:
        """Class indices [N]; numbers [N] as they were given, since the scaled ones are rounded."""
        if self.labels:
            return np.array([case.rows["y"] for case in encoded])
        return np.array(cases.target_values(), np.float64)

    def _in_units(self, answers: Array) -> Array:
        if isinstance(self.decoder, ClassDecoder):
            return answers
        values: Array = self.codec.target.decode(answers)
        return values
