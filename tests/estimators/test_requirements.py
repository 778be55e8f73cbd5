"""Without the packages that train, asking for an estimator or for `fit` says what to install."""

from __future__ import annotations

from typing import Any

import pytest

import recurra
from recurra import errors
from recurra.cli import main
from recurra.estimators import requirements


@pytest.fixture
def _without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_spec(name: str) -> Any:
        return None if name == "torch" else object()

    monkeypatch.setattr(requirements, "find_spec", find_spec)


def test_all_is_there() -> None:
    requirements.require_train_extra()


@pytest.mark.usefixtures("_without_torch")
def test_an_estimator_asks_for_the_extra() -> None:
    with pytest.raises(errors.DependencyError, match=r'torch.*pip install "recurra\[train\]"'):
        recurra.SequenceClassifier  # noqa: B018  getting it is what is tested


@pytest.mark.usefixtures("_without_torch")
def test_the_command_asks_for_the_extra(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "x.csv"]) == 2
    assert 'pip install "recurra[train]"' in capsys.readouterr().err
