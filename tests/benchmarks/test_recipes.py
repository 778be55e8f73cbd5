"""What a recipe drops of its inputs is what its published figure was measured with."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.papers import jsb_chorales as paper_chorales
from benchmarks.papers import make_classification, mnist1d
from benchmarks.tasks import (
    airline,
    beijing_forecast,
    beijing_pm25,
    etth1,
    jsb_chorales,
    physionet2012,
    resume_ner,
    sst2,
    tinyshakespeare,
    ud_en_ewt,
    waimai_10k,
)
from recurra.spec.node import Signal
from recurra.spec.nodes import Dropout
from recurra.spec.settings import ModelSettings
from recurra.tasks.encoder import encoder_steps

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NUMBERS, SYMBOLS = Signal("steps", 3), Signal("steps", 9, "token")
MEAN = physionet2012.SETTINGS | physionet2012.CHANGES["GRU-mean"]


def dropped(recipe: dict[str, Any], signal: Signal) -> float:
    """The share that is dropped of what the recurrent layers read."""
    own = {name: value for name, value in recipe.items() if name in ModelSettings.model_fields}
    for step in encoder_steps(ModelSettings(**own), {"x": signal}):
        if step.name == "input_dropout":
            assert isinstance(step.node, Dropout)
            return step.node.rate
    return 0.0


@pytest.mark.parametrize(
    ("recipe", "signal", "rate"),
    [
        pytest.param(recipe, signal, rate, id=name)
        for name, recipe, signal, rate in (
            ("airline", airline.SETTINGS, NUMBERS, 0.0),
            ("beijing_forecast", beijing_forecast.SETTINGS, NUMBERS, 0.0),
            ("beijing_pm25", beijing_pm25.SETTINGS, NUMBERS, 0.0),
            ("etth1", etth1.SETTINGS, NUMBERS, 0.0),
            ("jsb_chorales", jsb_chorales.SETTINGS, NUMBERS, 0.0),
            ("physionet2012", physionet2012.SETTINGS, NUMBERS, 0.3),
            ("physionet2012, mean", MEAN, NUMBERS, 0.1),
            ("resume_ner", resume_ner.SETTINGS, SYMBOLS, 0.6),
            ("sst2", sst2.SETTINGS, SYMBOLS, 0.5),
            ("tinyshakespeare", tinyshakespeare.SETTINGS, SYMBOLS, 0.1),
            ("ud_en_ewt", ud_en_ewt.SETTINGS, SYMBOLS, 0.4),
            ("waimai_10k", waimai_10k.SETTINGS, SYMBOLS, 0.4),
            ("mnist1d", mnist1d.SETTINGS, NUMBERS, 0.0),
            ("make_classification", make_classification.SETTINGS, NUMBERS, 0.2),
            *(
                (f"chorales, {name}", recipe, NUMBERS, 0.0)
                for name, recipe in paper_chorales.NETWORKS.items()
            ),
        )
    ],
)
def test_what_is_dropped_of_the_inputs(recipe: dict[str, Any], signal: Signal, rate: float) -> None:
    assert dropped(recipe, signal) == rate


def test_the_demonstration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    spec = importlib.util.spec_from_file_location("examples_demo", EXAMPLES / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass asks for the module that it stands in.
    monkeypatch.setitem(sys.modules, "examples_demo", module)
    spec.loader.exec_module(module)
    assert dropped(module.SETTINGS, NUMBERS) == 0.3
