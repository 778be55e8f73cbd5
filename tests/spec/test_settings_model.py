"""Each of these settings says what it is, and its default is one of its values."""

from recurra.spec.settings import tasks_of
from recurra.spec.settings_model import ModelSettings
from recurra.tasks import TASKS


def test_each_has_a_description_and_a_default_that_holds() -> None:
    ModelSettings()
    for name, field in ModelSettings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


def test_a_setting_of_some_tasks_names_tasks_that_there_are() -> None:
    for name in ModelSettings.model_fields:
        tasks = tasks_of(name)
        assert tasks is None or (tasks and set(tasks) <= set(TASKS)), name
