"""Input and target codec together: what a bundle carries, and what a batch or a stream needs.

raw case -> Encoded(steps={"x": ...}, rows={"y": ...});  one observation -> {"x": ...}
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from recurra.codecs import json_tree
from recurra.codecs.abstract import AbstractCodec
from recurra.codecs.cases import Cases, Columns, Label, Timed
from recurra.codecs.series import SeriesCodec
from recurra.codecs.target import LabelCodec, TargetCodec, ValueCodec, target_from_json
from recurra.codecs.text import TextCodec
from recurra.errors import BundleError, DataError, ObservationError, ShapeError
from recurra.spec.batch import Encoded
from recurra.spec.node import Signal

if TYPE_CHECKING:
    from recurra.spec.settings import DataSettings

__all__ = ["InputCodec", "SequenceCodec", "fit_codec", "task_of"]

Array = npt.NDArray[Any]
InputCodec = SeriesCodec | TextCodec
_ROLES = ("id", "time", "target", "text")
# Written where they are given: bundles that were made before know neither.
_TIDY_ROLES = ("variable", "value")


@dataclass(frozen=True)
class SequenceCodec(AbstractCodec):
    """Frozen after fitting; learns from the training part only.

    Args:
        input: Raw series or text -> "x".
        target: Label or number <-> "y".
        columns: Roles of the training table's columns, so that a table of the same form is read
            without naming them again; None where there was no table.
    """

    kind: ClassVar[str] = "sequence"
    input: InputCodec
    target: TargetCodec
    columns: Columns | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """Names of a series' channels in their order; empty for texts."""
        return self.input.features if isinstance(self.input, SeriesCodec) else ()

    @property
    def task(self) -> str:
        """What the target asks for: "classify" or "regress"."""
        return self.target.task

    def signals(self) -> dict[str, Signal]:
        """The graph inputs that this codec feeds."""
        if isinstance(self.input, SeriesCodec):
            return self.input.signals()
        return {"x": self.input.signal()}

    def why_not_streaming(self) -> str | None:
        """None where a stream can do what `encode` does; else the reason why not."""
        return self.input.why_not_streaming() if isinstance(self.input, SeriesCodec) else None

    def encode(self, x: Any, y: Label | None = None, times: Array | None = None) -> Encoded:
        """One case.

        Args:
            x: Series [T, C] or a text; or `Timed`, a series with its times.
            y: Its target; None leaves `rows` empty.
            times: [T]; given, `elapsed` is the time since the previous step, 0 at the first.

        Raises:
            ShapeError: axes that differ from the codec's.
            DataError: a value that cannot be encoded.
        """
        if isinstance(x, Timed):
            x, times = x
        if isinstance(self.input, SeriesCodec):
            steps = self.input.arrays(x, times)
        else:
            steps = {"x": self.input.encode(x)}
        elapsed = None
        if times is not None:
            elapsed = np.diff(np.asarray(times, dtype=np.float64), prepend=times[0])
            if elapsed.shape != (len(steps["x"]),):
                raise ShapeError(f"expected times [T={len(steps['x'])}], got {list(elapsed.shape)}")
        rows = {} if y is None else {"y": self.target.encode(y)}
        return Encoded(steps, rows, elapsed=elapsed)

    def arrange(self, cases: Cases) -> Cases:
        """The same cases with the channels of training in the order of training.

        Raises:
            DataError: texts instead of series or the reverse, or a channel is missing.
        """
        if cases.kind != self.input.kind:
            raise DataError(
                f"expected {self.input.kind} input, on which the model was trained, got "
                f"{cases.kind}",
                path=cases.source,
            )
        if isinstance(self.input, TextCodec):
            return cases
        return cases.with_features(self.input.features)

    def encode_cases(self, cases: Cases) -> list[Encoded]:
        """Every case, with its target where `cases` has targets; errors name the case."""
        cases = self.arrange(cases)
        values: list[Any] = [None] * len(cases)
        if cases.targets is not None:
            values = cases.target_values()
        times = cases.times or (None,) * len(cases)
        encoded = []
        for x, y, clock, name in zip(cases.inputs, values, times, cases.ids, strict=True):
            try:
                encoded.append(self.encode(x, y, clock))
            except (DataError, ShapeError) as error:
                raise type(error)(f"{cases.source}, case {name!r}: {error}") from None
        return encoded

    def raw(self, cases: Cases) -> Sequence[Any]:
        """The inputs; with their times where these take part in what is encoded."""
        missing = self.input.missing if isinstance(self.input, SeriesCodec) else None
        return cases.raw if missing is not None and missing.timed else cases.inputs

    def case_arrays(self, x: Any) -> dict[str, Array]:
        """One raw case as arrays by name: of a `Timed` one its values and its times."""
        if isinstance(x, Timed):
            return {name: np.asarray(a, np.float64) for name, a in x._asdict().items()}
        return super().case_arrays(x)

    def case_from_arrays(self, arrays: Mapping[str, Array]) -> Any:
        """What `case_arrays` was given.

        Raises:
            BundleError: the arrays are none that it gives.
        """
        if set(arrays) != {"values", "times"}:
            return super().case_from_arrays(arrays)
        values, times = arrays["values"], arrays["times"]
        if times.dtype != np.float64 or times.shape != values.shape[:1]:
            raise BundleError("a golden input's times must be float64, one a step")
        if not np.isfinite(times).all():
            raise BundleError("a golden input's times must be finite")
        return Timed(super().case_from_arrays({"": values}), times)

    def start(self) -> dict[str, Array]:
        """The slots of a new stream: what stands in for missing values needs some."""
        return self.input.start() if isinstance(self.input, SeriesCodec) else {}

    def step(
        self, observation: Any, time: float | None, slots: Mapping[str, Array]
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """One observation of a stream, by the arithmetic of `encode` to the bit.

        Args:
            observation: Series: C numbers or a mapping feature -> number, of a codec that takes
                missing values with NaN, None or absent keys for these. Text: one symbol.
            time: Its time, or None.
            slots: What `start` or the previous step gave.

        Returns:
            The arrays of `signals`, the axis of time left out ({"x": [C] floats or [] token}),
            and the new slots.

        Raises:
            ObservationError: the observation or the time cannot be used; nothing has changed.
        """
        if time is not None and (
            isinstance(time, bool)
            or not isinstance(time, int | float)
            or not abs(time) <= sys.float_info.max
        ):
            raise ObservationError(f"expected a finite number as time, got {time!r}")
        if isinstance(self.input, SeriesCodec):
            return self.input.advance(observation, time, slots)
        return {"x": self.input.step(observation)}, dict(slots)

    def to_json(self) -> dict[str, Any]:
        """A tree of plain JSON values; `codec_from_json` gives the same codec back."""
        columns = None
        if self.columns is not None:
            columns = {role: getattr(self.columns, role) for role in _ROLES}
            tidy = {role: getattr(self.columns, role) for role in _TIDY_ROLES}
            columns |= {role: name for role, name in tidy.items() if name is not None}
            if self.columns.variable is not None and self.columns.ignored:
                columns["ignored"] = [n for n in dict.fromkeys(self.columns.ignored) if n]
        return {
            "kind": "sequence",
            "input": self.input.to_json(),
            "target": self.target.to_json(),
            "columns": columns,
        }

    @staticmethod
    def from_json(tree: Any) -> SequenceCodec:
        """Read what `to_json` wrote.

        Raises:
            BundleError: a key is missing or unknown, or a value is not what a codec can hold.
        """
        tree = json_tree.object_of(tree, "codec", {"kind", "input", "target", "columns"})
        json_tree.choice(tree["kind"], "codec: kind", ("sequence",))
        source, columns = tree["input"], tree["columns"]
        if not isinstance(source, dict):
            raise BundleError(f"codec input must be an object, got {type(source).__name__}")
        kind = json_tree.choice(source.get("kind"), "codec input: kind", ("series", "text"))
        read_input = SeriesCodec.from_json if kind == "series" else TextCodec.from_json
        if columns is not None:
            columns = _columns_from(columns)
        return SequenceCodec(read_input(source), target_from_json(tree["target"]), columns)


def _columns_from(tree: Any) -> Columns:
    later = (*_TIDY_ROLES, "ignored")
    given = {role for role in later if isinstance(tree, dict) and role in tree}
    roles = dict(json_tree.object_of(tree, "codec: columns", {*_ROLES, *given}))
    ignored = json_tree.texts(roles.pop("ignored", []), "codec: column ignored")
    for role, name in roles.items():
        if name is not None:
            json_tree.text(name, f"codec: column {role}")
    return Columns(**roles, ignored=tuple(ignored))


def task_of(cases: Cases, settings: DataSettings) -> str:
    """The task that the settings name, or, with "auto", the one that the targets ask for.

    Raises:
        DataError: "auto", and there are no targets to look at.
    """
    if settings.task != "auto":
        return settings.task
    if cases.target_kind is None:
        cases.target_values()
    if cases.target_kind == "steps":
        return "tag"
    return "regress" if cases.target_kind == "number" else "classify"


def fit_codec(
    cases: Cases,
    settings: DataSettings,
    task: str,
    *,
    dtype: Literal["float32", "float64"] = "float32",
) -> SequenceCodec:
    """The codec that the training part `cases` asks for.

    Args:
        cases: The training part, and nothing else.
        settings: `missing` and `winsorise` are read, for series; `symbol` and `min_count` for
            texts.
        task: "classify" or "regress".
        dtype: Of encoded series and numbers.

    Raises:
        DataError: a constant column or target, one class only, labels that are no numbers, ...
    """
    source: InputCodec
    if cases.kind == "series":
        source = SeriesCodec.fit(
            cases, dtype, missing=settings.missing, winsorise=settings.winsorise
        )
    else:
        for name in ("missing", "winsorise"):
            if getattr(settings, name) != type(settings).model_fields[name].default:
                raise DataError(f"{name} belongs to series, got texts: leave it out")
        # Byte-pair pieces are generate's: `refuse_foreign` has refused them.
        symbol: Literal["character", "word"]
        symbol = "word" if settings.symbol == "word" else "character"
        source = TextCodec.fit(cases, symbol, settings.min_count)
    target: TargetCodec
    target = LabelCodec.fit(cases) if task == "classify" else ValueCodec.fit(cases, dtype)
    return SequenceCodec(source, target, cases.columns)
