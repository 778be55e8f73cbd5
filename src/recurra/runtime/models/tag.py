"""Models that give each step its tag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from recurra.codecs import Cases, Label, SeriesCodec, Timed, label_text
from recurra.codecs.tags import UNSEEN, TagCodec
from recurra.codecs.tokens import TokenCodec
from recurra.decode import Adapt, TagDecoder
from recurra.errors import BundleError, ShapeError, SpecError
from recurra.metrics.tag import span_table, step_table, tag_figures
from recurra.runtime.model import AbstractModel, batches_of
from recurra.runtime.models.described import described_input
from recurra.runtime.models.row_truths import tag_truths
from recurra.runtime.parts import MAIN, Parts
from recurra.runtime.tag_session import TagAt, TagSession
from recurra.spec.batch import Batch, EncodedCases, EncodedList
from recurra.spec.counted import counted
from recurra.spec.node import Signal
from recurra.spec.schemes import spans_of

if TYPE_CHECKING:
    import polars as pl

__all__ = ["TagModel", "Tagged"]

Array = npt.NDArray[Any]
_NAMED = 20


@dataclass(frozen=True, eq=False)
class Tagged:
    """The answer of a model that was trained with a coverage; as an array it is its tags.

    Args:
        tags: The number of each step's tag, [T] int64.
        sets: Which tags cannot be ruled out at each step, [T, K] bool.
    """

    tags: Array
    sets: Array

    def __len__(self) -> int:
        return len(self.tags)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.tags, dtype, copy=copy)


class TagModel(AbstractModel):
    """Tagging. An answer is the number of each step's tag, [T] int64; `predict` gives the tags.

    A model that was trained with a coverage answers `Tagged`, its tags beside their sets.

    One case is a text, a tuple of tokens or a series [T, C]; many are a list of them, or `Cases`.
    """

    tasks: ClassVar[tuple[str, ...]] = ("tag",)
    codec: TagCodec
    decoder: TagDecoder

    @classmethod
    def check(cls, parts: Parts) -> None:
        """Refuse parts that do not fit one another (BundleError)."""
        if set(parts.graphs) != {MAIN}:
            raise BundleError(f"expected one graph, {MAIN!r}, got {sorted(parts.graphs)}")
        graph, codec, decoder = parts.graphs[MAIN], parts.codec, parts.decoder
        if not isinstance(codec, TagCodec) or not isinstance(decoder, TagDecoder):
            raise BundleError("a model that tags has a codec and a decoder for tags")
        if dict(graph.inputs) != codec.signals():
            raise BundleError("the codec gives other inputs than the graph takes")
        if decoder.tags != codec.tags or decoder.scheme != codec.scheme:
            raise BundleError("the decoder and the codec know different tags")
        count = len(codec.tags)
        wanted = {decoder.output: Signal("steps", count)}
        if decoder.potentials:
            wanted[decoder.potentials] = Signal("row", count * (count + 2))
        signals = graph.signals()
        for name, signal in wanted.items():
            if name not in graph.outputs or signals[name] != signal:
                raise BundleError(f"the decoder reads {name!r} as {signal}, which is no output")

    @property
    def labels(self) -> tuple[Label, ...]:
        """The tags in the order of their numbers."""
        return self.codec.target.labels

    def is_one(self, x: Any) -> bool:
        """A text, a tuple of tokens, a series [T, C]."""
        return super().is_one(x) or isinstance(x, tuple)

    def decode(self, outputs: Mapping[str, Array], batch: Batch) -> Sequence[Any]:
        """The number of each step's tag."""
        paths = self.decoder.paths(outputs, batch.lengths)
        answers = [path[:length] for path, length in zip(paths, batch.lengths, strict=True)]
        if self.decoder.doubt is None:
            return answers
        shares = self._shares(outputs, batch)
        return [
            Tagged(tags, self.decoder.sets(own, tags))
            for tags, own in zip(answers, shares, strict=True)
        ]

    def predict(self, x: Any) -> Any:
        """The tags in their own type: a list for one case, a list of lists for many."""
        answers = self(x)
        if isinstance(answers, np.ndarray | Tagged):
            return self.codec.decode(_tags(answers))
        return [self.codec.decode(_tags(answer)) for answer in answers]

    def probabilities(self, x: Any) -> Any:
        """The probability of each tag at each step, given the whole case: [T, K] float64.

        Args:
            x: As in a call.

        Returns:
            An array for one case, a list of them for many; columns as `labels`.
        """
        if not isinstance(x, Cases) and self.is_one(x):
            outputs, length = self._run(x)
            return self.decoder.probabilities(outputs, length)
        cases = x.inputs if isinstance(x, Cases) else x
        return [self.probabilities(case) for case in cases]

    def doubts(self, encoded: EncodedCases) -> Array:
        """1 - p of the true tag at every step of some cases; infinity where it is unknown.

        Returns:
            [sum of lengths], case after case in the order of the batches.
        """
        found = []
        for batch in batches_of(encoded):
            outputs, _ = self.network(
                batch.arrays(self.network.graph.inputs), lengths=batch.lengths
            )
            for shares, truth in zip(self._shares(outputs, batch), batch.steps["y"], strict=True):
                own = truth[: len(shares)]
                known = np.where(own == UNSEEN, 0, own)
                doubt = 1.0 - shares[np.arange(len(shares)), known]
                found.append(np.where(own == UNSEEN, np.inf, doubt))
        return np.concatenate(found)

    def figures(self, answers: Any, encoded: EncodedCases, cases: Cases) -> dict[str, float]:
        """Accuracy, and precision, recall and F1 of whole spans or the tags' macro F1.

        Where the model gives sets: the share of the steps whose set holds the tag, and their size.
        """
        called, truth = self._texts(answers), self.codec.texts_of(cases)
        figures = tag_figures(called, truth, spans=self.codec.scheme != "none")
        if self.decoder.doubt is not None:
            held, sizes = [], []
            for answer, case in zip(answers, encoded, strict=True):
                own = case.steps["y"]
                known = np.where(own == UNSEEN, 0, own)
                held.append(answer.sets[np.arange(len(own)), known] & (own != UNSEEN))
                sizes.append(answer.sets.sum(1))
            figures["coverage"] = float(np.concatenate(held).mean())
            figures["set_size"] = float(np.concatenate(sizes).mean())
        return figures

    def tables(self, answers: Any, encoded: EncodedCases, cases: Cases) -> list[tuple[Any, ...]]:
        """Precision, recall and F1 of each type of span, or of each tag."""
        del encoded
        spans = self.codec.scheme != "none"
        table = (span_table if spans else step_table)(
            self._texts(answers), self.codec.texts_of(cases)
        )
        rows = [
            (
                name,
                f"{row.precision:.4f}",
                f"{row.recall:.4f}",
                f"{row.f1:.4f}",
                str(row.support),
            )
            for name, row in table.items()
        ]
        kind = "type" if spans else "tag"
        return [((kind, "precision", "recall", "f1", "spans" if spans else "steps"), *rows)]

    def object_of(self, answer: Any) -> dict[str, Any]:
        """The tags and the spans that they spell; of a stream the step that has its tag now."""
        if isinstance(answer, TagAt):
            # Sets are none of a model that has none.
            return {k: v for k, v in answer._asdict().items() if k != "set" or v is not None}
        tags = self.codec.decode(_tags(answer))
        found: dict[str, Any] = {"tags": tags}
        if self.codec.scheme != "none":
            found["spans"] = [span._asdict() for span in spans_of(list(map(str, tags)))]
        if isinstance(answer, Tagged):
            found["sets"] = [[self.labels[k] for k in np.flatnonzero(row)] for row in answer.sets]
        return found

    def table_of(self, ids: Sequence[str], answers: Any) -> pl.DataFrame:
        """A row a step: id, step (from 0) and tag; its set, the tags with blanks between them."""
        import polars as pl

        paths = [_tags(answer) for answer in answers]
        columns = {
            "id": [name for name, path in zip(ids, paths, strict=True) for _ in path],
            "step": [step for path in paths for step in range(len(path))],
            "tag": [tag for path in paths for tag in self.codec.decode(path)],
        }
        if self.decoder.doubt is not None:
            names = [label_text(label) for label in self.labels]
            columns["set"] = [
                " ".join(names[k] for k in np.flatnonzero(row))
                for answer in answers
                for row in answer.sets
            ]
        return pl.DataFrame(columns)

    def describe(self) -> dict[str, str]:
        """One line each on "task", "input" and "answer"."""
        codec = self.codec
        how = f" spelling spans in {codec.scheme}" if codec.scheme != "none" else ""
        names = ", ".join(codec.tags[:_NAMED])
        more = f" and {len(codec.tags) - _NAMED} more" if len(codec.tags) > _NAMED else ""
        crf = ", the best path of a CRF" if self.decoder.potentials else ""
        return {
            "task": "a tag for each step",
            "input": _input(codec.input),
            "answer": f"one of {counted(len(codec.tags), 'tag')} a step{how}{crf}: {names}{more}",
        }

    def session(
        self, lag: int | None = None, *, adapt: Adapt | None = None, pending: int = 1
    ) -> TagSession:
        """A new stream, ahead of its first observation.

        Args:
            lag: Steps that a tag waits for what comes; None: as the model was trained with.
            adapt: What truths (`TagSession.observe`) do to the sets that come: "none", or
                "tracking": they widen or narrow them. None: as "none", and taken by models
                without sets too.
            pending: Tags that are remembered until their truth comes, the newest ones.

        Raises:
            SpecError: the model cannot run one step at a time, or has nothing to adapt; says why.
        """
        why = self.why_not_streaming()
        if why is not None:
            raise SpecError(f"this model has no sessions: {why}")
        decoder = self.decoder if lag is None else self.decoder.lagging(lag)
        truths = tag_truths(decoder, self.codec.target, adapt, pending)
        return TagSession(self.network, self.codec, decoder, self._row(), self.fingerprint, truths)

    def owed(self, session: TagSession) -> Sequence[TagAt]:
        """The tags of the steps that still wait."""
        return session.finish()

    def witness(self, x: Any, steps: int = 256) -> Any:
        """A raw case cut to so many steps."""
        tokens = isinstance(x, tuple) and not isinstance(x, Timed)
        return x[:steps] if tokens else super().witness(x, steps)

    def golden(self, x: Any) -> Array:
        """The probabilities of one case, and the mean log-probability of its answer."""
        return self.decoder.evidence(*self._run(x))

    def _run(self, x: Any) -> tuple[dict[str, Array], int]:
        """What the network puts out for one case, and its length."""
        if not self.is_one(x):
            raise ShapeError(f"expected one case, got {type(x).__name__}")
        batch = EncodedList([self.codec.encode(x)]).collate([0])
        outputs, _ = self.network(batch.arrays(self.network.graph.inputs), lengths=batch.lengths)
        return outputs, int(batch.lengths[0])

    def _row(self) -> dict[str, Array]:
        """What of the outputs is the same for every step: a CRF's row."""
        name = self.decoder.potentials
        if not name:
            return {}
        nothing = {
            source: np.zeros((1, 1, signal.size), self.network.dtype)
            if signal.dtype == "float"
            else np.zeros((1, 1, 1) if signal.axes == "pieces" else (1, 1), np.int64)
            for source, signal in self.network.graph.inputs.items()
        }
        outputs, _ = self.network(nothing)
        return {name: np.array(outputs[name])}

    def _texts(self, answers: Any) -> list[list[str]]:
        return [[label_text(tag) for tag in self.codec.decode(_tags(a))] for a in answers]

    def _shares(self, outputs: Mapping[str, Array], batch: Batch) -> list[Array]:
        """The probability of each tag at each step of each case, [T, K]."""
        rows = (self.decoder.output,)
        return [
            self.decoder.probabilities(
                {**outputs, **{name: outputs[name][k : k + 1] for name in rows}}, int(length)
            )
            for k, length in enumerate(batch.lengths)
        ]


def _tags(answer: Any) -> Array:
    """The tags of an answer, with or without sets."""
    return np.asarray(answer)


def _input(source: TokenCodec | SeriesCodec) -> str:
    return described_input(source) if isinstance(source, SeriesCodec) else source.describe()
