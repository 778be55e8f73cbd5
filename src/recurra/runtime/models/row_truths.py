"""What a truth says of the set of a class or a tag, or of a number's interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.codecs import LabelCodec
from recurra.codecs.target import TargetCodec, check_label
from recurra.decode import Adapt, Calibrator, ClassDecoder, TagDecoder
from recurra.errors import DataError, ObservationError
from recurra.runtime.truths import Truths, refuse_choices

__all__ = ["number_of", "row_truths", "tag_truths"]

Array = npt.NDArray[Any]


def row_truths(
    decoder: Any, target: TargetCodec, adapt: Adapt | None, pending: int
) -> Truths | None:
    """The truths of a stream of classes or numbers; None where it has no sets or intervals.

    Args:
        decoder: With a doubt or a margin.
        target: Of the model.
        adapt: Of the calibrator; None: "none".
        pending: Of the calibrator.

    Raises:
        SpecError: something is to be adapted, and there is nothing.
    """
    limit = getattr(decoder, "doubt" if isinstance(decoder, ClassDecoder) else "margin", None)
    if limit is None:
        refuse_choices(adapt, pending)
        return None
    classes = isinstance(target, LabelCodec)
    calibrator = Calibrator(
        limits=(float(limit),),
        width=target.size if classes else 1,
        pending=pending,
        adapt=adapt or "none",
        coverage=decoder.coverage,
        bounded=classes,
    )

    def judge_class(y: Any, answer: Array, limits: Array) -> tuple[Array, Array]:
        assert isinstance(target, LabelCodec)
        number = number_of(y, target)
        held = decoder.sets(answer[None], float(limits[0]))[0, number]
        return np.array([1.0 - answer[number]]), np.array([held])

    def judge_number(y: Any, answer: Array, limits: Array) -> tuple[Array, Array]:
        assert not isinstance(target, LabelCodec)
        try:
            value = float("nan") if isinstance(y, bool | str) else float(y)
        except (TypeError, ValueError, OverflowError):
            value = float("nan")
        if not np.isfinite(value):
            raise ObservationError(f"expected the truth as a finite number, got {y!r:.80}")
        score = abs(value - float(answer[0])) / target.scale
        if not np.isfinite(score):
            raise ObservationError(f"the truth {y!r:.80} is too far from the answer to be measured")
        return np.array([score]), np.array([score <= limits[0]])

    return Truths(calibrator, judge_class if classes else judge_number)


def tag_truths(
    decoder: TagDecoder, target: LabelCodec, adapt: Adapt | None, pending: int
) -> Truths | None:
    """As `row_truths`, of a stream of tags."""
    if decoder.doubt is None:
        refuse_choices(adapt, pending)
        return None
    calibrator = Calibrator(
        limits=(float(decoder.doubt),),
        width=target.size + 1,
        pending=pending,
        adapt=adapt or "none",
        coverage=decoder.coverage,
        bounded=True,
    )

    def judge(y: Any, answer: Array, limits: Array) -> tuple[Array, Array]:
        number, shares = number_of(y, target), answer[None, :-1]
        held = decoder.sets(shares, answer[-1:].astype(np.int64), float(limits[0]))[0, number]
        return np.array([1.0 - shares[0, number]]), np.array([held])

    return Truths(calibrator, judge)


def number_of(y: Any, target: LabelCodec) -> int:
    """The class of a true label (ObservationError: it is none that training has seen)."""
    try:
        label = y.item() if isinstance(y, np.generic) else y
        check_label(label)
        return target.index(label)
    except DataError as error:
        raise ObservationError(str(error)) from None
