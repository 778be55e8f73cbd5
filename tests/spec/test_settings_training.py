"""Each of these settings says what it is, and its default is one of its values."""

import pytest

from recurra.errors import SettingsError
from recurra.spec.settings import Settings, refuse_foreign, tasks_of
from recurra.spec.settings_training import TrainingSettings
from recurra.tasks import TASKS


def test_each_has_a_description_and_a_default_that_holds() -> None:
    TrainingSettings()
    for name, field in TrainingSettings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


def test_a_setting_of_some_tasks_names_tasks_that_there_are() -> None:
    for name in TrainingSettings.model_fields:
        tasks = tasks_of(name)
        assert tasks is None or (tasks and set(tasks) <= set(TASKS)), name


@pytest.mark.parametrize("task", ["regress", "forecast", "generate", "transduce"])
def test_weights_of_classes_are_for_tasks_with_classes(task: str) -> None:
    chosen = Settings.from_flat({"class_weight": "balanced"})
    with pytest.raises(SettingsError, match="class_weight='balanced' belongs to classify, tag"):
        refuse_foreign(chosen, task)
    refuse_foreign(chosen, "classify")
