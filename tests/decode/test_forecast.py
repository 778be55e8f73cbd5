"""Numbers become points with ordered quantiles, those of the textbook, row by row."""

import json
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from scipy import stats

from recurra.decode.forecast import LEAST_SCALE, ForecastDecoder, student_quantile
from recurra.decode.read import decoder_from_json
from recurra.errors import BundleError, ShapeError, SpecError

RANDOM = np.random.default_rng(0)
LEVELS = (0.1, 0.5, 0.9)


def decoder(distribution: Any, **more: Any) -> ForecastDecoder:
    levels = () if distribution == "point" else LEVELS
    fields = {"ahead": 2, "outputs": 3, "levels": levels} | more
    return ForecastDecoder(distribution=distribution, **fields)


def softplus(x: Any) -> Any:
    return np.log1p(np.exp(x))


def test_points_are_the_numbers() -> None:
    head = RANDOM.normal(size=(4, 6)).astype(np.float32)
    values = decoder("point").decode({"head": head})
    assert values.shape == (4, 2, 3, 1)
    assert (values.reshape(4, 6) == head).all()


def test_gaussian_quantiles() -> None:
    head = RANDOM.normal(size=(4, 12))
    values = decoder("gaussian").decode({"head": head})
    mean, raw = head.reshape(4, 2, 3, 2)[..., 0], head.reshape(4, 2, 3, 2)[..., 1]
    for k, level in enumerate(LEVELS, start=1):
        expected = mean + NormalDist().inv_cdf(level) * (softplus(raw) + LEAST_SCALE)
        np.testing.assert_allclose(values[..., k], expected)
    assert (values[..., 0] == mean).all()


def test_student_quantiles() -> None:
    head = RANDOM.normal(size=(4, 18)) * 3
    values = decoder("student").decode({"head": head})
    mean, scale, freedom = np.moveaxis(head.reshape(4, 2, 3, 3), 3, 0)
    for k, level in enumerate(LEVELS, start=1):
        t = stats.t.ppf(level, 2 + softplus(freedom))
        expected = mean + t * (softplus(scale) + LEAST_SCALE)
        np.testing.assert_allclose(values[..., k], expected, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("level", [0.001, 0.05, 0.3, 0.5, 0.6, 0.975, 0.999])
def test_quantiles_of_students_t(level: float) -> None:
    freedom = np.array([2.001, 2.1, 2.5, 3, 4, 4.9, 5, 7, 10, 30, 300, 1e6])
    expected = stats.t.ppf(level, freedom)
    np.testing.assert_allclose(student_quantile(level, freedom), expected, rtol=2e-3, atol=1e-12)


def test_learnt_quantiles_are_put_in_order() -> None:
    head = RANDOM.normal(size=(5, 18))
    values = decoder("quantiles").decode({"head": head})
    assert (np.diff(values[..., 1:], axis=-1) >= 0).all()
    assert (values[..., 0] == values[..., 2]).all()
    assert (np.sort(head.reshape(5, 2, 3, 3)) == values[..., 1:]).all()


@pytest.mark.parametrize("distribution", ["point", "gaussian", "student", "quantiles"])
def test_a_row_does_not_depend_on_its_neighbours(distribution: str) -> None:
    own = decoder(distribution)
    head = RANDOM.normal(size=(7, own.width)) * 5
    whole = own.decode({"head": head})
    for k in range(7):
        assert own.decode({"head": head[k : k + 1]})[0].tobytes() == whole[k].tobytes()


def test_large_numbers_do_not_overflow() -> None:
    head = np.tile([0.0, 1e4, -1e4], 6)[None]
    assert np.isfinite(decoder("student").decode({"head": head})).all()


@pytest.mark.parametrize("distribution", ["point", "gaussian", "student", "quantiles"])
def test_json_gives_the_same_decoder_back(distribution: str) -> None:
    own = decoder(distribution)
    assert decoder_from_json(json.loads(json.dumps(own.to_json()))) == own


@pytest.mark.parametrize(
    "fields",
    [
        {"ahead": 0},
        {"outputs": True},
        {"distribution": "cauchy"},
        {"levels": (0.9, 0.1)},
        {"levels": (0.0, 0.5)},
        {"levels": ("0.5",)},
        {"levels": (0.1, 0.9)},
        {"distribution": "point"},
        {"distribution": "point", "levels": (0.1, 0.9)},
        {"distribution": "point", "levels": (0.1, 0.9), "margins": (-1.0,)},
        {"margins": (1.0,)},
    ],
)
def test_a_decoder_that_cannot_be_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="decoder:"):
        ForecastDecoder(
            **({"ahead": 2, "outputs": 1, "distribution": "quantiles", "levels": LEVELS} | fields)
        )
    with pytest.raises(BundleError):
        decoder_from_json(decoder("quantiles").to_json() | {"ahead": -1})


def test_margins_survive_json() -> None:
    own = decoder("point", levels=(0.1, 0.9), margins=(0.5, 1.5))
    assert decoder_from_json(json.loads(json.dumps(own.to_json()))) == own


def test_a_head_of_another_width_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"expected head \[B, 6\]"):
        decoder("point").decode({"head": np.zeros((1, 5))})
