"""The codec of taggers: steps -> inputs, and a label a step <-> its number.

Tags that spell spans (`spec/schemes.py`) are written in one scheme, whatever scheme a file uses,
and every letter of a type is known as soon as one of them was seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from recurra.codecs import json_tree
from recurra.codecs.abstract import AbstractCodec
from recurra.codecs.cases import Cases, Columns, Label, label_text
from recurra.codecs.codec import SequenceCodec
from recurra.codecs.series import SeriesCodec
from recurra.codecs.target import LabelCodec, check_label
from recurra.codecs.tokens import TokenCodec, check_token
from recurra.errors import BundleError, DataError, ShapeError, SpecError
from recurra.spec.batch import Encoded
from recurra.spec.counted import counted
from recurra.spec.node import Signal
from recurra.spec.schemes import (
    SCHEMES,
    Scheme,
    converted,
    rules,
    scheme_of,
    tags_of_types,
    type_of,
)

if TYPE_CHECKING:
    from recurra.spec.settings import DataSettings

__all__ = ["UNSEEN", "TagCodec"]

Array = npt.NDArray[Any]
# The number of a tag that training has not seen: no answer can be right there.
UNSEEN = -1


@dataclass(frozen=True)
class TagCodec(AbstractCodec):
    """Frozen after fitting; learns from the training part only.

    Args:
        input: Tokens, or a series of numbers, -> the graph's inputs.
        target: Tags <-> their numbers.
        scheme: How the tags spell spans; "none": they are plain classes.
        columns: Roles of the training table's columns; None where there was no table.
    """

    kind: ClassVar[str] = "tags"
    input: TokenCodec | SeriesCodec
    target: LabelCodec
    scheme: Scheme
    columns: Columns | None = None

    @staticmethod
    def fit(
        cases: Cases,
        settings: DataSettings,
        *,
        characters: bool,
        pairs: bool,
        dtype: Literal["float32", "float64"] = "float32",
    ) -> TagCodec:
        """The codec that the training part `cases` asks for.

        Args:
            cases: Tokens or series, with a tag for each step.
            settings: `scheme`; for tokens `min_count` and `lowercase`; for series `missing` and
                `winsorise` are read.
            characters: Words bring their characters.
            pairs: Tokens bring the pair with the token before.
            dtype: Of encoded series.

        Raises:
            DataError: no tags, one tag only, or a scheme that the tags are not written in.
        """
        source: TokenCodec | SeriesCodec
        if cases.kind == "series":
            source = SeriesCodec.fit(
                cases, dtype, missing=settings.missing, winsorise=settings.winsorise
            )
        else:
            source = TokenCodec.fit(
                cases,
                min_count=settings.min_count,
                lowercase=settings.lowercase,
                characters=characters,
                pairs=pairs,
            )
        seen = {label for tags in _tags(cases) for label in tags}
        written = scheme_of(label_text(label) for label in seen)
        if all(isinstance(label, str) for label in seen) and written != "none":
            scheme = written if settings.scheme == "auto" else settings.scheme
        elif settings.scheme in ("auto", "none"):
            scheme = "none"
        else:
            raise DataError(
                f"expected tags that spell spans (B-, I-, ... and O), as scheme={settings.scheme} "
                f"says, got {', '.join(sorted(map(label_text, seen))[:8])}: correct them, or leave "
                "scheme out",
                path=cases.source,
            )
        if scheme != "none":
            kinds = {kind for label in seen if (kind := type_of(str(label))) is not None}
            seen = set(tags_of_types(kinds, scheme, outside="O" in seen))
        return TagCodec(source, _labels(seen, cases), scheme, cases.columns)

    @property
    def task(self) -> str:
        """It tags."""
        return "tag"

    @property
    def features(self) -> tuple[str, ...]:
        """Names of a series' channels in their order; empty for tokens."""
        return () if self._series is None else self._series.features

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags as texts, by number."""
        return tuple(map(label_text, self.target.labels))

    def signals(self) -> dict[str, Signal]:
        """The graph inputs that this codec feeds."""
        return self.input.signals()

    def why_not_streaming(self) -> str | None:
        """None where a stream can do what `encode` does; else the reason why not."""
        return None if self._series is None else self._series.why_not_streaming()

    def encode(self, x: Any) -> Encoded:
        """One case: tokens, a text, or a series [T, C]; or `Timed`, a series with its times."""
        if isinstance(self.input, TokenCodec):
            return Encoded(self.input.encode(x))
        assert self._series is not None
        return Encoded(self._series.encode(x).steps)

    def arrange(self, cases: Cases) -> Cases:
        """The same cases with the channels of training in their order.

        Raises:
            DataError: tokens instead of series or the reverse, or a channel is missing.
        """
        if self._series is not None:
            return self._series.arrange(cases)
        if cases.kind not in ("tokens", "text"):
            raise DataError(f"expected tokens or texts, got {cases.kind}", path=cases.source)
        return cases

    def raw(self, cases: Cases) -> Sequence[Any]:
        """The cases as `encode` takes them one by one."""
        return cases.inputs if self._series is None else self._series.raw(cases)

    def encode_cases(self, cases: Cases) -> list[Encoded]:
        """Every case, with the number of each step's tag, "y" [T], where `cases` has tags.

        A tag that training has not seen is -1.
        """
        cases = self.arrange(cases)
        truth = None if cases.targets is None else self.texts_of(cases)
        numbers = {tag: k for k, tag in enumerate(self.tags)}
        encoded = []
        for k, (x, name) in enumerate(zip(self.raw(cases), cases.ids, strict=True)):
            try:
                case = self.encode(x)
            except (DataError, ShapeError) as error:
                raise type(error)(f"{cases.source}, case {name!r}: {error}") from None
            if truth is not None:
                if len(truth[k]) != case.length:
                    raise DataError(
                        f"case {name!r}: expected {counted(case.length, 'tag')}, one a step, got "
                        f"{len(truth[k])}",
                        path=cases.source,
                    )
                y = np.array([numbers.get(tag, UNSEEN) for tag in truth[k]], np.int64)
                case = replace(case, steps={**case.steps, "y": y})
            encoded.append(case)
        return encoded

    def texts_of(self, cases: Cases) -> list[list[str]]:
        """The tags of each case in the model's own scheme."""
        return [converted([label_text(tag) for tag in tags], self.scheme) for tags in _tags(cases)]

    def decode(self, numbers: Sequence[int] | Array) -> list[Label]:
        """Tags in their own type from their numbers."""
        return [self.target.labels[int(number)] for number in numbers]

    def start(self) -> dict[str, Array]:
        """The slots of a new stream."""
        return self.input.start()

    def step(
        self, observation: Any, time: float | None, slots: Mapping[str, Array]
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """One observation of a stream, by the arithmetic of `encode` to the bit.

        Args:
            observation: One token; or C numbers, or a mapping feature -> number.
            time: Its time, or None; tokens have no use for it.
            slots: What `start` or the previous step gave.

        Returns:
            The network's inputs, and the new slots.

        Raises:
            ObservationError: the observation cannot be used; nothing has changed.
        """
        if isinstance(self.input, TokenCodec):
            return self.input.step(observation, slots)
        assert self._series is not None
        return self._series.step(observation, time, slots)

    def to_json(self) -> dict[str, Any]:
        """A tree of plain JSON values; `codec_from_json` gives the same codec back."""
        columns = self.columns
        return {
            "kind": self.kind,
            "input": self.input.to_json(),
            "target": self.target.to_json(),
            "scheme": self.scheme,
            "columns": None
            if columns is None
            else {role: getattr(columns, role) for role in ("id", "time", "target", "text")},
        }

    @staticmethod
    def from_json(tree: Any) -> TagCodec:
        """Read what `to_json` wrote; anything else is refused with a BundleError."""
        tree = json_tree.object_of(tree, "codec", {"kind", "input", "target", "scheme", "columns"})
        json_tree.choice(tree["kind"], "codec: kind", ("tags",))
        source, columns = tree["input"], tree["columns"]
        if not isinstance(source, dict):
            raise BundleError(f"codec input must be an object, got {type(source).__name__}")
        kind = json_tree.choice(source.get("kind"), "codec input: kind", ("series", "tokens"))
        read = SeriesCodec.from_json if kind == "series" else TokenCodec.from_json
        word = json_tree.choice(tree["scheme"], "codec: scheme", SCHEMES)
        scheme = next(scheme for scheme in SCHEMES if scheme == word)
        target = LabelCodec.from_json(tree["target"])
        try:
            rules([label_text(label) for label in target.labels], scheme)
        except SpecError as error:
            raise BundleError(f"codec: {error}") from None
        if columns is not None:
            columns = json_tree.object_of(
                columns, "codec: columns", {"id", "time", "target", "text"}
            )
            for role, name in columns.items():
                if name is not None:
                    json_tree.text(name, f"codec: column {role}")
            columns = Columns(**columns)
        return TagCodec(read(source), target, scheme, columns)

    def case_arrays(self, x: Any) -> dict[str, Array]:
        """One raw case for a bundle's golden pair: a series, or tokens as JSON in UTF-8."""
        if self._series is not None:
            return self._series.case_arrays(x)
        text = x if isinstance(x, str) else list(x)
        return {"tokens": np.frombuffer(json.dumps(text).encode("ascii"), np.uint8)}

    def case_from_arrays(self, arrays: Mapping[str, Array]) -> Any:
        """What `case_arrays` was given.

        Raises:
            BundleError: the arrays are none that it gives.
        """
        if self._series is not None:
            return self._series.case_from_arrays(arrays)
        if set(arrays) != {"tokens"} or arrays["tokens"].dtype != np.uint8:
            raise BundleError(f"a golden input must be tokens, got {sorted(arrays)}")
        try:
            case = json.loads(arrays["tokens"].tobytes())
            if isinstance(case, str):
                return case
            return tuple(check_token(token) for token in case)
        except (ValueError, TypeError, RecursionError):
            raise BundleError("a golden input is no list of tokens") from None

    @cached_property
    def _series(self) -> SequenceCodec | None:
        """What knows series, their missing values and times; None for tokens."""
        if isinstance(self.input, TokenCodec):
            return None
        return SequenceCodec(self.input, self.target, self.columns)


def _tags(cases: Cases) -> list[tuple[Label, ...]]:
    tags: list[Any] = cases.target_values()
    if cases.target_kind != "steps":
        raise DataError(
            "expected a tag for each step, got one target a case: name the column that varies "
            "within a case, or take the task classify",
            path=cases.source,
        )
    return tags


def _labels(seen: set[Label], cases: Cases) -> LabelCodec:
    types = sorted({type(label).__name__ for label in seen})
    for label in seen:
        check_label(label)
    if len(types) != 1:
        raise DataError(
            f"expected tags of one type, got {', '.join(types)}: convert them, for example to str",
            path=cases.source,
        )
    if len(seen) < 2:
        raise DataError(
            f"expected at least two different tags, got only {next(iter(seen))!r} in "
            "the part to learn from: add others",
            path=cases.source,
        )
    labels: list[Any] = list(seen)
    return LabelCodec(tuple(sorted(labels)))
