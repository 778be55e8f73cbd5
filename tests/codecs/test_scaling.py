"""Scaling has the figures of its name, holes take no part, and a window knows only its own rows."""

import json
from typing import Any

import numpy as np
import pytest

from recurra.codecs.scaling import Scaling, window_figures
from recurra.errors import BundleError, DataError

RANDOM = np.random.default_rng(0)
A, B = RANDOM.normal(5, 2, (50, 2)), RANDOM.normal(-100, 30, (80, 2))


def fitted(kind: Any = "standard") -> Scaling:
    return Scaling.fit(kind, ("a", "b"), (A, B), ("x", "y"))


@pytest.mark.parametrize(
    ("kind", "shift", "scale"),
    [
        ("standard", A.mean(0), A.std(0)),
        (
            "robust",
            np.median(A, 0),
            (np.quantile(A, 0.75, 0) - np.quantile(A, 0.25, 0)) / 1.3489795003921634,
        ),
        ("mean", [0, 0], np.abs(A).mean(0)),
        ("none", [0, 0], [1, 1]),
    ],
)
def test_each_kind_has_its_figures(kind: Any, shift: Any, scale: Any) -> None:
    own = fitted(kind).of("a")
    np.testing.assert_allclose(own[0], shift)
    np.testing.assert_allclose(own[1], scale)


def test_robust_is_standard_for_a_normal_distribution_and_ignores_outliers() -> None:
    x = np.random.default_rng(1).normal(3, 2, (20_000, 1))
    x[:100] = 1e9
    shift, scale = Scaling.fit("robust", ("s",), (x,), ("x",)).of("s")
    np.testing.assert_allclose([*shift, *scale], [3, 2], rtol=0.03)


def test_an_unknown_series_takes_the_figures_over_all() -> None:
    shift, scale = fitted().of("c")
    both = np.concatenate([A, B])
    np.testing.assert_allclose(shift, both.mean(0))
    np.testing.assert_allclose(scale, both.std(0))


def test_a_model_of_one_series_takes_every_series_as_that() -> None:
    one = Scaling.fit("standard", ("a",), (A,), ("x", "y"))
    assert one.of("other")[0].tolist() == one.of("a")[0].tolist()


def test_holes_take_no_part() -> None:
    holed = np.concatenate([A, np.full((9, 2), np.nan)])
    with_holes = Scaling.fit("standard", ("a",), (holed,), ("x", "y"))
    np.testing.assert_allclose(with_holes.of("a")[0], A.mean(0))
    empty = Scaling.fit("standard", ("a", "e"), (A, np.full((3, 2), np.nan)), ("x", "y"))
    np.testing.assert_allclose(empty.of("e")[0], A.mean(0))


def test_a_column_without_spread_keeps_its_unit() -> None:
    _, scale = Scaling.fit("standard", ("a",), (np.full((7, 1), 0.1),), ("x",)).of("a")
    assert scale.tolist() == [1.0]


@pytest.mark.parametrize(
    ("value", "words"), [(np.nan, "without any value"), (1e200, "change the column's unit")]
)
def test_what_cannot_be_scaled_is_named(value: float, words: str) -> None:
    x = np.array([[value], [-value]])
    with pytest.raises(DataError, match=f"column 'x'.*{words}"):
        Scaling.fit("standard", ("a",), (x,), ("x",))


def test_json_gives_the_same_scaling_back() -> None:
    tree = json.loads(json.dumps(fitted().to_json()))
    assert Scaling.from_json(tree, 2) == fitted()


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "best"},
        {"series": []},
        {"shift": [[0, 0]]},
        {"scale": [[1, 0], [1, 1], [1, 1]]},
        {"shift": [[0], [0], [0]]},
        {"extra": 1},
    ],
)
def test_a_forged_scaling_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BundleError):
        Scaling.from_json(fitted().to_json() | change, 2)


def test_windows_are_normalised_by_their_last_row_or_by_mean_and_spread() -> None:
    x = RANDOM.normal(3, 2, (4, 9, 2))
    rows = np.array([9, 9, 9, 9])
    shift, scale = window_figures("last", x, rows)
    assert (shift == x[:, -1]).all()
    assert (scale == 1).all()
    shift, scale = window_figures("window", x, rows)
    np.testing.assert_allclose(shift, x.mean(1))
    np.testing.assert_allclose(scale, np.sqrt(x.var(1) + 1e-5))
    shift, scale = window_figures("none", x, rows)
    assert not shift.any()
    assert (scale == 1).all()


@pytest.mark.parametrize("kind", ["last", "window"])
def test_a_window_depends_on_its_own_rows_alone_to_the_bit(kind: Any) -> None:
    x, rows = RANDOM.normal(3, 2, (5, 40, 1)), np.array([40, 7, 1, 33, 12])
    together = window_figures(kind, x, rows)
    for k, count in enumerate(rows):
        x[k, count:] = np.nan
        alone = window_figures(kind, x[k : k + 1, :count], rows[k : k + 1])
        for ours, theirs in zip(alone, together, strict=True):
            assert ours[0].tobytes() == theirs[k].tobytes()
