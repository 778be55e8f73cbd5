"""A model answers whole cases, each as if it were alone, and a session gives the same bits."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.codecs import cases_from_arrays
from recurra.decode import ClassDecoder
from recurra.errors import DataError, ShapeError, SpecError
from recurra.runtime import AbstractModel, Parts, load, model_of, write_bundle
from recurra.runtime import model as model_module

Arguments = Callable[..., dict[str, Any]]
NAMES = ("task", "graphs", "weights", "codec", "decoder")


def make(arguments: dict[str, Any]) -> AbstractModel:
    return model_of(Parts(**{name: arguments[name] for name in NAMES}))


def draw_cases(model: AbstractModel, count: int = 7) -> list[Any]:
    random = np.random.default_rng(5)
    if not model.features:
        return ["".join(random.choice([*"abcdéz"], int(n))) for n in random.integers(1, 9, count)]
    return [random.normal(0, 1, (int(n), 3)) for n in random.integers(1, 9, count)]


def test_one_is_as_in_many(arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    model = make(arguments)
    cases = draw_cases(model)
    many = model(cases)
    assert many.dtype == np.float64
    assert many.shape == ((7, 3) if model.labels else (7,))
    for case, answer in zip(cases, many, strict=True):
        assert np.array_equal(model(case), answer)
    assert np.array_equal(model(cases[::-1])[::-1], many)
    # Cut into small groups by length, the answers are the same and in the same order.
    monkeypatch.setattr(model_module, "_STEPS_AT_ONCE", 10)
    assert np.array_equal(model(cases), many)


def test_answers_are_in_their_units(arguments: dict[str, Any]) -> None:
    model = make(arguments)
    cases = draw_cases(model)
    answers = model(cases)
    if model.task == "regress":
        assert model.labels == ()
        values = (answers - 20.0) / 3.0
        assert np.abs(values).max() < 10
        assert np.array_equal(model.predict(cases), answers)
    else:
        np.testing.assert_allclose(answers.sum(axis=1), 1, rtol=1e-12)
        expected = [model.labels[k] for k in answers.argmax(axis=1)]
        assert model.predict(cases).tolist() == expected
        assert model.predict(cases[0]) == expected[0]


def test_a_session_is_the_model_over_every_prefix(arguments: dict[str, Any]) -> None:
    model = make(arguments)
    if model.why_not_streaming():
        with pytest.raises(SpecError, match=r"no sessions.*backward direction begins"):
            model.session()
        return
    for case in draw_cases(model):
        session = model.session()
        for t in range(len(case)):
            assert np.array_equal(session.feed(case[t]), model(case[: t + 1]))


def test_cases_of_every_form_are_taken(arguments_of: Arguments) -> None:
    model = make(arguments_of("series"))
    cases = np.random.default_rng(0).normal(0, 1, (4, 5, 3))
    answers = model(cases)
    assert np.array_equal(model(list(cases)), answers)
    assert np.array_equal(model([case.tolist() for case in cases]), answers)
    assert np.array_equal(model(cases_from_arrays(cases)), answers)
    # Labels that training has not seen take no part in predicting.
    unseen = cases_from_arrays(cases, ["mauve"] * 4)
    assert np.array_equal(model(unseen), answers)
    assert model.features == ("a", "b|<", "c")
    assert model.signals["x"].size == 3


def test_bad_cases_are_named(arguments_of: Arguments) -> None:
    model = make(arguments_of("series"))
    good = np.zeros((2, 3))
    with pytest.raises(DataError, match="case 1: "):
        model([good, good + np.nan])
    with pytest.raises(ShapeError, match="case 1: "):
        model([good, np.zeros((2, 4))])
    with pytest.raises(ShapeError, match="at least one case"):
        model([])
    with pytest.raises(ShapeError, match="expected a case"):
        model(np.zeros(3))


def test_ties_go_to_the_first_label(arguments_of: Arguments) -> None:
    arguments = arguments_of("series")
    weights = {name: np.zeros_like(w) for name, w in arguments["weights"].items()}
    model = make(arguments | {"weights": weights})
    assert model(np.zeros((2, 3))).tolist() == [1 / 3] * 3
    assert model.predict(np.zeros((2, 3))) == "blue"
    assert isinstance(model.decoder, ClassDecoder)


def test_the_callers_weights_may_change_afterwards(arguments_of: Arguments) -> None:
    arguments = arguments_of("series")
    model = make(arguments)
    before = model(np.ones((3, 3)))
    for weight in arguments["weights"].values():
        weight += 1
    assert np.array_equal(model(np.ones((3, 3))), before)


ALONE = """
import importlib.abc, sys

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top in sys.stdlib_module_names or top in ("numpy", "recurra") or top.startswith("_"):
            return None
        raise ImportError(f"the runtime imported {name}")

sys.meta_path.insert(0, Refuse())
from recurra.runtime import load
model = load(sys.argv[1])
session = model.session()
answers = [session.feed([0.1, -1.0, 90.0 + t]) for t in range(3)]
whole = model([[[0.1, -1.0, 90.0 + t] for t in range(3)]])[0]
assert (whole == answers[-1]).all()
state = type(session.state()).from_bytes(session.state().to_bytes())
session.restore(state)
assert "torch" not in sys.modules and "polars" not in sys.modules
print("alone")
"""


def test_a_bundle_runs_on_numpy_and_the_standard_library_alone(
    tmp_path: Path, arguments_of: Arguments
) -> None:
    write_bundle(tmp_path / "b", **arguments_of("series"))
    run = [sys.executable, "-W", "error", "-c", ALONE, str(tmp_path / "b")]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.stdout == "alone\n", done.stderr


def test_a_loaded_model_answers_as_the_one_that_was_written(
    tmp_path: Path, arguments: dict[str, Any]
) -> None:
    write_bundle(tmp_path / "b", **arguments)
    written, loaded = make(arguments), load(tmp_path / "b")
    cases = draw_cases(written)
    assert np.array_equal(written(cases), loaded(cases))
    assert written.fingerprint == loaded.fingerprint
    assert loaded.manifest is not None
