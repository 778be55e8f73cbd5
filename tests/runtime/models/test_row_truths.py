"""Law: a truth judges the set or the interval that its answer was given, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.codecs import LabelCodec, ValueCodec
from recurra.decode import ClassDecoder, TagDecoder, ValueDecoder
from recurra.errors import ObservationError, SpecError
from recurra.runtime.models.row_truths import number_of, row_truths, tag_truths
from recurra.runtime.truths import Truths

LABELS = LabelCodec((1, 2, 3))
SHARES = np.array([0.6, 0.3, 0.1])


def judged(truths: Truths | None, y: Any, answer: Any, limit: float) -> tuple[float, bool]:
    assert truths is not None
    scores, held = truths.judge(y, np.asarray(answer, np.float64), np.array([limit]))
    return float(scores[0]), bool(held[0])


def test_a_class_is_held_where_it_is_probable_enough_or_called() -> None:
    truths = row_truths(ClassDecoder(classes=3, doubt=0.5), LABELS, None, 1)
    assert judged(truths, 2, SHARES, 0.7) == (0.7, True)
    assert judged(truths, np.int64(2), SHARES, 0.69) == (0.7, False)
    assert judged(truths, "1", SHARES, 0.0) == (0.4, True)


def test_a_number_is_held_within_its_margin_in_the_scale_of_training() -> None:
    truths = row_truths(ValueDecoder(margin=0.5), ValueCodec(100.0, 20.0), None, 1)
    assert judged(truths, 110, [100.0], 0.5) == (0.5, True)
    assert judged(truths, 111, [100.0], 0.5) == (0.55, False)
    with pytest.raises(ObservationError, match="as a finite number"):
        judged(truths, "110", [100.0], 0.5)


def test_a_tag_is_held_where_it_is_probable_enough_or_answered() -> None:
    truths = tag_truths(TagDecoder(tags=("1", "2", "3"), doubt=0.5), LABELS, None, 1)
    assert judged(truths, 3, [*SHARES, 2], 0.0) == (0.9, True)
    assert judged(truths, 1, [*SHARES, 2], 0.3) == (0.4, False)


def test_what_has_no_limits_has_no_truths() -> None:
    assert row_truths(ClassDecoder(classes=3), LABELS, None, 1) is None
    assert tag_truths(TagDecoder(tags=("1", "2", "3")), LABELS, None, 1) is None
    with pytest.raises(SpecError, match="no sets or intervals"):
        row_truths(ClassDecoder(classes=3), LABELS, "none", 1)
    with pytest.raises(SpecError, match="no sets or intervals"):
        tag_truths(TagDecoder(tags=("1", "2", "3")), LABELS, None, 2)
    with pytest.raises(ObservationError, match="expected a label seen in training"):
        number_of(4, LABELS)
