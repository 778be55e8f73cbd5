"""A forecasting codec is the same after its JSON, and a forged tree is refused."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recurra.codecs.forecast import ForecastCodec
from recurra.codecs.forecast_fit import fit_forecast_codec
from recurra.codecs.forecast_table import SeriesCases
from recurra.codecs.from_json import codec_from_json
from recurra.errors import BundleError
from recurra.spec.settings import Settings

TIMES = 86400.0 * np.arange(40)
VALUES = np.random.default_rng(0).normal(0, 1, (40, 3))


def codec(**settings: Any) -> ForecastCodec:
    cases = SeriesCases(
        "series",
        (VALUES, VALUES + 1),
        ("a", "b", "c"),
        ("p", "q"),
        "f.csv",
        times=(TIMES, TIMES),
        target_names=("a", "b"),
        known_names=("c",),
        dated=True,
    )
    chosen = {"task": "forecast", "horizon": 3, "lookback": 14, "calendar": ("weekday",)}
    return fit_forecast_codec(cases, Settings.from_flat(chosen | settings))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"segment": 1, "normalise": "none", "channels": "joint", "scaling": "robust"},
        {"decoding": "recursive", "normalise": "window"},
    ],
)
def test_json_gives_the_same_codec_back(settings: dict[str, Any]) -> None:
    own = codec(**settings)
    assert codec_from_json(json.loads(json.dumps(own.to_json()))) == own


def test_without_a_clock_too() -> None:
    cases = SeriesCases("series", (VALUES,), ("a",) * 3, ("0",), "X", target_names=("a", "b", "c"))
    own = fit_forecast_codec(cases, Settings.from_flat({"horizon": 2, "task": "forecast"}))
    assert codec_from_json(own.to_json()) == own


@pytest.mark.parametrize(
    "change",
    [
        {"targets": []},
        {"targets": ["a", "c"]},
        {"calendar": ["tide"]},
        {"lookback": 15},
        {"lookback": 2**30},
        {"horizon": 0},
        {"horizon": True},
        {"recursive": 1},
        {"carried": True},
        {"channels": "some"},
        {"normalise": "most"},
        {"frequency": None},
        {"frequency": {"step": 0.0, "months": 0}},
        {"frequency": {"step": 1.0, "months": -1}},
        {"naive_error": [[1.0, 1.0]]},
        {"naive_error": [[0.0, 1.0]] * 3},
        {"roles": {"id": 3, "time": None}},
        {"dtype": "float16"},
        {"kind": "sequence"},
        {"extra": 1},
    ],
)
def test_a_forged_tree_is_refused(change: dict[str, Any]) -> None:
    tree = codec(segment=7).to_json()
    with pytest.raises(BundleError):
        codec_from_json(tree | change)


def test_bundles_from_before_zones_were_told_say_nothing_of_them() -> None:
    own = codec()
    for zoned in (True, False, None):
        told = replace(own, zoned=zoned)
        assert codec_from_json(told.to_json()) == told
    tree = own.to_json()
    del tree["zoned"]
    found = codec_from_json(tree)
    assert isinstance(found, ForecastCodec)
    assert found.zoned is None
    for wrong in ({"zoned": "yes"}, {"zoned": True, "dated": False, "calendar": []}):
        with pytest.raises(BundleError, match="zoned must be true or false"):
            codec_from_json(own.to_json() | wrong)
