"""The estimators' parameters are the settings' own names, types and defaults, and nothing else."""

from __future__ import annotations

import inspect
from typing import get_type_hints

import pytest

from recurra.errors import SettingsError
from recurra.estimators.parameters import (
    FIELDS,
    Parameters,
    checked,
    described,
    fields_of,
    signature,
)
from recurra.spec.settings import (
    DataSettings,
    ModelSettings,
    Settings,
    TrainingSettings,
    tasks_of,
)


def test_what_type_checkers_read_equals_the_settings() -> None:
    hints = get_type_hints(Parameters)
    assert list(hints) == list(FIELDS)
    assert hints == {name: field.annotation for name, field in FIELDS.items()}


def test_every_setting_of_the_network_and_the_training_is_a_parameter() -> None:
    names = {*ModelSettings.model_fields, *TrainingSettings.model_fields} - {
        "track",
        "checkpoint_every",
    }
    assert names <= set(FIELDS)
    assert set(FIELDS) - names == set(DataSettings.model_fields) - {
        "task",
        "labels",
        "encoding",
    }


@pytest.mark.parametrize("task", ["classify", "regress"])
def test_the_signature_shows_each_default(task: str) -> None:
    parameters = list(signature(task).parameters.values())[1:]
    assert {p.name: p.default for p in parameters} == {
        name: Settings().flat()[name] for name in fields_of(task)
    }
    assert {p.kind for p in parameters} == {inspect.Parameter.KEYWORD_ONLY}


def test_the_docstring_describes_each_parameter() -> None:
    for name, field in fields_of("classify").items():
        assert f"    {name}: {field.description}" in described("classify").splitlines()


def test_a_task_has_the_settings_that_it_understands() -> None:
    for name in FIELDS:
        tasks = tasks_of(name)
        for task in ("classify", "regress"):
            assert (name in fields_of(task)) == (tasks is None or task in tasks)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(SettingsError, match="unknown parameter 'hiden'; did you mean 'hidden'"):
        checked({"hiden": 3}, "classify")
