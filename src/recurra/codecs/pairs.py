"""Pairs of texts: a source, features of it where there are any, and the target that it becomes.

"aalen" [TAB] "pos=V,tense=PRS" -> numbers of pos=V, tense=PRS, a, a, l, e, n, boundary
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from recurra.codecs import json_tree
from recurra.codecs.abstract import AbstractCodec
from recurra.codecs.cases import Cases
from recurra.codecs.pairs_alphabet import BOUNDARY, UNKNOWN, Alphabet, Unit, unit_of
from recurra.errors import BundleError, DataError
from recurra.spec.batch import Batch, Encoded, EncodedList
from recurra.spec.node import Signal

if TYPE_CHECKING:
    from recurra.spec.settings import DataSettings

__all__ = ["EncodedPairs", "PairCodec", "split_source"]

Array = npt.NDArray[Any]
_BETWEEN = re.compile(r"[,;\s]+")


def split_source(x: str) -> tuple[str, tuple[str, ...] | None]:
    """Source and features of one raw case; features stand behind a tab: "lemma<TAB>f,g"."""
    source, tab, features = x.partition("\t")
    return source, tuple(f for f in _BETWEEN.split(features) if f) if tab else None


class EncodedPairs(EncodedList):
    """Encoded pairs, whose targets have lengths of their own."""

    def collate(self, index: Sequence[int] | Array, *, length: int | None = None) -> Batch:
        """As always; rows["y"] is [B, U], 0 beyond rows["y_length"] [B]."""
        chosen = [self[int(k)] for k in index]
        bare = EncodedList(Encoded(case.steps) for case in chosen)
        batch = bare.collate(range(len(chosen)), length=length)
        rows: dict[str, Array] = {}
        if all("y" in case.rows for case in chosen):
            lengths = np.array([len(case.rows["y"]) for case in chosen], np.int64)
            y = np.zeros((len(chosen), int(lengths.max(initial=0))), np.int64)
            for row, case in zip(y, chosen, strict=True):
                row[: len(case.rows["y"])] = case.rows["y"]
            rows = {"y": y, "y_length": lengths}
        numbers = np.asarray(index, np.int64)
        return Batch(batch.steps, rows, batch.lengths, None, None, numbers)


@dataclass(frozen=True)
class PairCodec(AbstractCodec):
    """Frozen after fitting; learns from the training part only.

    Args:
        source: Symbols of the sources.
        target: Symbols of the targets; the same as `source` where both share one vocabulary.
        marks: The features that training has shown, each a symbol ahead of the source's; None
            where sources have none. The number of `marks[k]` is `source.size` + k.
        shared: Whether source and target share their numbers (and so can share an embedding).
        longest: Symbols of the longest target of training.
    """

    kind: ClassVar[str] = "pairs"
    source: Alphabet
    target: Alphabet
    marks: tuple[str, ...] | None
    shared: bool
    longest: int

    @staticmethod
    def fit(cases: Cases, settings: DataSettings) -> PairCodec:
        """The alphabets that the training part `cases` asks for.

        Args:
            cases: Sources with targets.
            settings: `source_symbol`, `target_symbol`, `normalisation`, `pieces`, `min_count` and
                `share_symbols` are read.

        Raises:
            DataError: some sources have features and others none, or sides that are to share their
                symbols are cut differently.
        """
        split = [split_source(str(x)) for x in cases.inputs]
        targets = [str(y) for y in cases.target_values()]
        sources = [source for source, _ in split]
        given = [features is not None for _, features in split]
        if any(given) and not all(given):
            raise DataError(
                "expected features for every source or for none, got none for case "
                f"{cases.ids[given.index(False)]!r}: add them",
                path=cases.source,
            )
        units: list[Unit] = []
        for texts, unit in ((sources, settings.source_symbol), (targets, settings.target_symbol)):
            units.append(unit_of(texts) if unit == "auto" else unit)
        choices = {"min_count": settings.min_count, "pieces": settings.pieces}
        form = settings.normalisation
        if settings.share_symbols:
            if units[0] != units[1]:
                raise DataError(
                    f"share_symbols expected both sides cut alike, got {units[0]} and {units[1]}: "
                    "name source_symbol and target_symbol, or do not share",
                    path=cases.source,
                )
            source = target = Alphabet.fit([*sources, *targets], units[0], form, **choices)
        else:
            source = Alphabet.fit(sources, units[0], form, **choices)
            target = Alphabet.fit(targets, units[1], form, **choices)
        marks = None
        if all(given):
            marks = tuple(sorted({f for _, features in split for f in features or ()}))
        longest = max(len(target.cut(text)) for text in targets)
        return PairCodec(source, target, marks, settings.share_symbols, longest)

    @property
    def task(self) -> str:
        """Always "transduce"."""
        return "transduce"

    def signals(self) -> dict[str, Signal]:
        """The source's symbols and features."""
        size = self.source.size + (0 if self.marks is None else len(self.marks))
        return {"x": Signal("steps", size, "token")}

    @property
    def target_size(self) -> int:
        """How many numbers an output symbol can have: the source's where they are shared."""
        return self.signals()["x"].size if self.shared else self.target.size

    @cached_property
    def forbidden(self) -> Array:
        """Numbers that no output may hold: the unknown symbol and features."""
        return np.array([UNKNOWN, *range(self.target.size, self.target_size)], np.int64)

    def encode(self, x: Any) -> Encoded:
        """One source -> {"x": numbers [T]}, features ahead, the boundary at the end.

        Args:
            x: A text; with features behind a tab where training had them.

        Raises:
            DataError: no text, none without a symbol, or features where there should be none.
        """
        if not isinstance(x, str):
            raise DataError(f"the codec expected a text, got {type(x).__name__}")
        source, features = split_source(x)
        if (features is None) != (self.marks is None):
            wanted = "no features" if self.marks is None else "features behind a tab"
            raise DataError(f"expected {wanted}, as in training, got {x!r}")
        numbers = self.source.encode(source)
        if not numbers:
            raise DataError(f"expected a source of at least one symbol, got {source!r}")
        ahead = [self._marks.get(feature, UNKNOWN) for feature in features or ()]
        return Encoded({"x": np.array([*ahead, *numbers, BOUNDARY], np.int64)})

    def encode_target(self, y: str) -> Array:
        """Numbers [U] of a target, without boundaries."""
        return np.array(self.target.encode(y), np.int64)

    def comparable(self, text: str) -> str:
        """A target as outputs are spelt: in their normalisation form and with their spaces."""
        text = self.target.composed(text)
        return " ".join(text.split()) if self.target.unit == "space" else text

    def encode_cases(self, cases: Cases) -> list[Encoded]:
        """Every case, with its target where `cases` has targets; errors name the case."""
        self.arrange(cases)
        targets = [None] * len(cases) if cases.targets is None else cases.target_values()
        encoded = []
        for x, y, name in zip(cases.inputs, targets, cases.ids, strict=True):
            try:
                case = self.encode(x)
            except DataError as error:
                raise DataError(f"{cases.source}, case {name!r}: {error}") from None
            rows = {} if y is None else {"y": self.encode_target(str(y))}
            encoded.append(Encoded(case.steps, rows))
        return encoded

    def unknown(self, x: str) -> tuple[str, ...]:
        """The symbols and features of a source that training has not shown."""
        source, features = split_source(x)
        if self.source.pieces is not None:
            symbols = []
        else:
            known = set(self.source.symbols)
            symbols = [symbol for symbol in self.source.cut(source) if symbol not in known]
        return (*symbols, *(f for f in features or () if f not in self._marks))

    def source_names(self, x: str) -> list[str]:
        """What each step of an encoded source shows a person; nothing for the boundary."""
        source, features = split_source(x)
        return [*(features or ()), *self.source.cut(source), ""]

    def arrange(self, cases: Cases) -> Cases:
        """The same cases; series are refused (DataError)."""
        if cases.kind != "text":
            raise DataError(
                f"expected texts, on which the model was trained, got {cases.kind}",
                path=cases.source,
            )
        return cases

    def to_json(self) -> dict[str, Any]:
        """A tree of plain JSON values; `from_json` gives the same codec back."""
        return {
            "kind": self.kind,
            "source": self.source.to_json(),
            "target": None if self.shared else self.target.to_json(),
            "marks": None if self.marks is None else list(self.marks),
            "longest": self.longest,
        }

    @staticmethod
    def from_json(tree: Any) -> PairCodec:
        """Read what `to_json` wrote; anything else is refused with a BundleError."""
        tree = json_tree.object_of(tree, "codec", {"kind", "source", "target", "marks", "longest"})
        json_tree.choice(tree["kind"], "codec: kind", (PairCodec.kind,))
        source = Alphabet.from_json(tree["source"], "codec: source")
        shared = tree["target"] is None
        target = source if shared else Alphabet.from_json(tree["target"], "codec: target")
        marks = None if tree["marks"] is None else json_tree.texts(tree["marks"], "codec: marks")
        longest = tree["longest"]
        if isinstance(longest, bool) or not isinstance(longest, int) or longest < 1:
            raise BundleError(f"codec: longest must be a whole number >= 1, got {longest!r}")
        return PairCodec(source, target, marks, shared, longest)

    @cached_property
    def _marks(self) -> dict[str, int]:
        return {mark: self.source.size + k for k, mark in enumerate(self.marks or ())}
