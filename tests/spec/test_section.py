"""A section of the settings is frozen, and refuses what it does not know."""

import pytest
from pydantic import ValidationError

from recurra.spec.section import Section


class Example(Section):
    """Two settings."""

    width: int = 3
    rate: float = 0.1


def test_a_section_is_a_frozen_value() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Example().width = 4  # type: ignore[misc]  # what is to be refused
    assert Example(width=3) == Example()


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ValidationError, match="depth"):
        Example.model_validate({"depth": 1})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_cannot_write_is_refused(value: float) -> None:
    with pytest.raises(ValidationError, match="finite number"):
        Example(rate=value)
