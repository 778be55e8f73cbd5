"""The benchmark runs on its real file, quickly, and its rows are all there."""

from pathlib import Path

import pytest

from benchmarks.tasks import airline

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "data" / "small_series"


@pytest.mark.data
def test_it_measures(capsys: pytest.CaptureFixture[str]) -> None:
    if not FOLDER.is_dir():
        pytest.skip(f"there is no {FOLDER}")
    rows = airline.main(["--data", str(FOLDER), "--quick"])
    assert len(capsys.readouterr().out.splitlines()) == len(rows) + 1
    names = [row.model for row in rows]
    for name in ("last value", "seasonal naive", "linear map"):
        assert name in names
    assert all(row.mse is None or row.mse > 0 for row in rows)
