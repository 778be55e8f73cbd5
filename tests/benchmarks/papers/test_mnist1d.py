"""The lines are those of the package's default, and every model of the table is measured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mnist1d", reason="MNIST-1D comes with the extra `papers`")

from benchmarks.papers import mnist1d


def test_the_default_data_is_made_here() -> None:
    before = np.random.get_state()[1][:5].tolist()  # type: ignore[index]  # the older of two shapes
    found = mnist1d.lines()
    assert np.random.get_state()[1][:5].tolist() == before  # type: ignore[index]  # the older of two shapes
    assert found["x"].shape == (4000, 40, 1)
    assert found["x_test"].shape == (1000, 40, 1)
    assert set(found["y"].tolist()) == set(range(10))
    both = np.concatenate((found["x"], found["x_test"]))
    assert both.mean() == pytest.approx(0, abs=1e-9)
    assert both.std() == pytest.approx(1)
    assert np.array_equal(found["x"], mnist1d.lines()["x"])


def test_the_command_measures_every_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rows.json"
    rows = mnist1d.main(["--quick", "--json", str(path), "--set", "convolution=[4]"])
    assert json.loads(path.read_text("utf-8"))["rows"] == rows
    assert [row["model"] for row in rows] == ["logistic regression", *mnist1d.NETWORKS]
    # The published figure of the linear model says that the data is the same.
    assert rows[0]["accuracy"] == pytest.approx(0.32, abs=0.03)
    assert all(0 <= row["accuracy"] <= 1 for row in rows)
    assert "published 91%" in capsys.readouterr().out
