"""A model of rows answers in the target's own words, and refuses parts of different models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from recurra.errors import BundleError
from recurra.runtime import Parts, RowModel, model_of

Arguments = Callable[..., dict[str, Any]]
NAMES = ("task", "graphs", "weights", "codec", "decoder")


def row_model(arguments_of: Arguments, **choices: Any) -> RowModel:
    arguments = arguments_of(**choices)
    model = model_of(Parts(**{name: arguments[name] for name in NAMES}))
    assert isinstance(model, RowModel)
    return model


def test_an_object_names_the_best_and_every_class(arguments_of: Arguments) -> None:
    model = row_model(arguments_of)
    assert model.labels == ("blue", "green", "red")
    assert model.object_of(np.array([0.25, 0.7, 0.05])) == {
        "prediction": "green",
        "probability": {"blue": 0.25, "green": 0.7, "red": 0.05},
    }
    # Ties go to the lowest index.
    assert model.object_of(np.array([0.5, 0.5, 0.0]))["prediction"] == "blue"


def test_a_table_has_a_column_a_class(arguments_of: Arguments) -> None:
    found = row_model(arguments_of).table_of(["a"], np.array([[0.25, 0.75, 0.0]]))
    assert found.rows(named=True) == [
        {
            "id": "a",
            "prediction": "green",
            "probability_blue": 0.25,
            "probability_green": 0.75,
            "probability_red": 0.0,
        }
    ]


def test_a_task_without_a_model_is_refused(arguments_of: Arguments) -> None:
    arguments = arguments_of()
    parts = {name: arguments[name] for name in NAMES} | {"task": "dream"}
    with pytest.raises(BundleError, match="task must be one of classify, regress"):
        model_of(Parts(**parts))
