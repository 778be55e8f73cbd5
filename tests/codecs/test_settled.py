"""Left to itself a target is a number only where a fraction or many values say so."""

from typing import Any

import numpy as np
import pytest

from recurra.codecs.settled import MOST_CLASSES, settle_targets
from recurra.errors import DataError


def settle(values: list[Any], task: Any = "auto") -> tuple[Any, str]:
    return settle_targets(values, task, lambda i, message: DataError(message, line=i))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2"], "class"),
        (["1.0", "2.0"], "class"),
        (["1.5", "2"], "number"),
        (["1.5", "u"], "class"),
        ([str(k) for k in range(MOST_CLASSES)], "class"),
        ([str(k) for k in range(MOST_CLASSES + 1)], "number"),
        ([f"u{k}" for k in range(MOST_CLASSES + 1)], "class"),
        ([1, 2], "class"),
        ([1.0, 2.0], "class"),
        ([1.0, 2.5], "number"),
        ([True, False], "class"),
        (list(range(MOST_CLASSES + 1)), "number"),
    ],
)
def test_auto(values: list[Any], kind: str) -> None:
    assert settle(values)[1] == kind


def test_the_task_decides_where_it_is_said() -> None:
    assert settle(["1.5", "2"], "classify") == (("1.5", "2"), "class")
    values, kind = settle(["1", "2"], "regress")
    assert kind == "number"
    assert np.array_equal(values, [1.0, 2.0])


def test_the_error_points_at_the_case() -> None:
    with pytest.raises(DataError, match="line 1: expected a number as target, got 'u'"):
        settle(["1", "u"], "regress")
    with pytest.raises(DataError, match="line 1: expected a label or a number, got list"):
        settle(["1", []])
