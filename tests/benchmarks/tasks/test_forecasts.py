"""The rows of a forecasting benchmark are printed and written as JSON that any reader takes."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.tasks.forecasts import Row, fitted, naive_rows, run
from recurra import SequenceForecaster

SERIES = np.sin(np.arange(120) / 3)


def test_rows_are_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def measure(folder: Path, settings: dict[str, object], quick: bool) -> list[Row]:
        assert (folder, quick) == (tmp_path, True)
        assert settings == {"hidden": 2, "epochs": 1, "seed": 3}
        return [Row("d", "m", 0.5, 0.25, 1.5, None, 2.0), Row("d", "p", None, None, None, 0.4)]

    path = tmp_path / "rows.json"
    argv = ["--data", str(tmp_path), "--seed", "3", "--json", str(path), "--quick"]
    run("test", "A test.", measure, {"hidden": 4}, {"hidden": 2, "epochs": 1}, argv)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["data", "model", "MSE", "MAE", "MASE", "published", "CPU", "s"]
    assert lines[1].split() == ["d", "m", "0.5000", "0.2500", "1.500", "2"]
    assert lines[2].split() == ["d", "p", "0.400", "0"]
    tree = json.loads(path.read_text("utf-8"))
    assert (tree["seed"], tree["quick"]) == (3, True)
    assert tree["rows"][1]["mse"] is None


def test_a_forecaster_stands_beside_naive_ones() -> None:
    forecaster = SequenceForecaster(horizon=2, season=6, hidden=4, epochs=1, threads=1)
    row, figures = fitted("d", "GRU", forecaster, SERIES[60:], lambda: forecaster.fit(SERIES[:60]))
    assert row.mse == figures["mse"]
    assert row.cpu_seconds > 0
    assert [r.model for r in naive_rows("d", figures)] == [
        "last value",
        "seasonal naive",
        "linear map",
    ]
