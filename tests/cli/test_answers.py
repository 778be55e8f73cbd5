"""An answer is written under the same names in every format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recurra import runtime
from recurra.cli.answers import WRITERS, as_object, as_table, writer_for
from recurra.errors import OutputError


def test_an_object_names_the_best_and_every_class(bundle: Path) -> None:
    model = runtime.load(bundle)
    assert as_object(model, np.array([0.25, 0.75])) == {
        "prediction": "low",
        "probability": {"high": 0.25, "low": 0.75},
    }
    assert as_object(model, np.array([0.5, 0.5]))["prediction"] == "high"  # ties: the lowest index


def test_a_table_has_a_column_a_class(bundle: Path) -> None:
    found = as_table(runtime.load(bundle), ["a", "b"], np.array([[0.25, 0.75], [1.0, 0.0]]))
    assert found.rows(named=True) == [
        {"id": "a", "prediction": "low", "probability_high": 0.25, "probability_low": 0.75},
        {"id": "b", "prediction": "high", "probability_high": 1.0, "probability_low": 0.0},
    ]


def test_the_name_says_the_format() -> None:
    for ending, writer in WRITERS.items():
        assert writer_for(Path(f"a{ending.upper()}")) is writer
    with pytest.raises(OutputError, match="no ending"):
        writer_for(Path("answers"))
