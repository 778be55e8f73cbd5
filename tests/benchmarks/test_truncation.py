"""The measurement of memory runs as it is documented, and shows what windows are for."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import truncation


@pytest.mark.deep
def test_it_measures_both_tasks_both_ways(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    rows = truncation.main(["--steps", "1000,8000", "--json", str(path)])
    assert json.loads(path.read_text("utf-8"))["rows"] == rows
    found = {(row["task"], row["way"], row["steps"]): row["megabytes"] for row in rows}
    assert len(found) == 8
    if sys.platform == "linux":
        for task in ("classify", "generate"):
            window, whole = found[task, "windows", 8000], found[task, "whole", 8000]
            assert window is not None
            assert whole is not None
            assert window < whole / 3


def test_one_training_is_measured_in_its_process() -> None:
    megabytes = truncation.peak("classify", "windows", 300)
    assert (megabytes is None) is (sys.platform != "linux")
