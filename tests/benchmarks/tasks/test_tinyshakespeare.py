"""The command learns a text and writes what it promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.tasks import tinyshakespeare
from recurra import runtime


def test_it_measures_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a made-up text, small and for two epochs; the bundle is there to generate with."""
    (tmp_path / "input.txt").write_text("to be, or not to be: that is it.\n" * 120, "utf-8")
    path, out = tmp_path / "text.json", tmp_path / "bundle"
    given = ["--data", str(tmp_path), "--json", str(path), "--quick", "--out", str(out)]
    tinyshakespeare.main([*given, "--set", "epochs=1"])
    record = json.loads(path.read_text("utf-8"))
    assert (record["task"], record["seed"], record["quick"]) == ("tinyshakespeare", 0, True)
    assert record["rows"][0]["nll"] > 0
    assert record["rows"][0]["epochs"] == 1
    assert record["settings"]["epochs"] == 1
    shown = capsys.readouterr()
    assert f"{record['rows'][0]['nll']:.4f} nats a character" in shown.out
    assert "epoch 1: loss" in shown.err
    assert runtime.load(out).task == "generate"
