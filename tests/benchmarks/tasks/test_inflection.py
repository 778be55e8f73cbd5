"""The command trains on lemmas with features and writes what it promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.tasks import inflection


def test_it_measures_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a handful of made-up forms, small and for two epochs."""
    lines = [
        f"{lemma}\tpos=N,num={n}\t{lemma}{'n' * (n == 'PL')}"
        for lemma in ("see", "auge", "ei")
        for n in ("SG", "PL")
    ]
    for part in ("train", "dev", "test"):
        (tmp_path / f"german-task1-{part}").write_text("\n".join(lines * 5), "utf-8")
    path = tmp_path / "inflection.json"
    inflection.main(["--data", str(tmp_path), "--json", str(path), "--quick"])
    record = json.loads(path.read_text("utf-8"))
    assert record["task"] == "inflection"
    assert 0 <= record["rows"][0]["accuracy"] <= 100
    assert record["rows"][0]["published"] == 95.8
    assert "floor 90.0" in capsys.readouterr().out
