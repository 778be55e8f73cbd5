"""What an extra brings is asked for by name, before it is needed."""

from __future__ import annotations

import pytest

from recurra.errors import DependencyError
from recurra.train.extra import require_extra


def test_what_is_there_is_not_spoken_of() -> None:
    require_extra("json", "tune", "this")


def test_what_is_missing_is_named_with_its_extra() -> None:
    with pytest.raises(DependencyError) as refused:
        require_extra("no_such_module", "tune", "tuning")
    assert str(refused.value) == (
        'tuning needs no_such_module, which is not installed: pip install "recurra[tune]"'
    )
