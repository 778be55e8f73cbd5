"""Every network of the table is measured on the same chorales, with and without first frames."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.papers import jsb_chorales


def test_the_command_measures_every_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part, count in (("train", 6), ("valid", 3), ("test", 3)):
        tunes = [{"frames": [[40 + k, 52], [47], []] * 8} for k in range(count)]
        text = "".join(f"{json.dumps(tune)}\n" for tune in tunes)
        (tmp_path / f"{part}.jsonl").write_text(text, "utf-8")
    path = tmp_path / "rows.json"
    rows = jsb_chorales.main(["--data", str(tmp_path), "--json", str(path), "--quick"])
    assert json.loads(path.read_text("utf-8"))["rows"] == rows
    assert [row["model"] for row in rows] == list(jsb_chorales.NETWORKS)
    for row in rows:
        assert row["nll"] > 0
        assert row["nll_after_first"] != row["nll"]
        assert row["published"] == jsb_chorales.PUBLISHED[row["model"]]
    assert "Chung 2014 8.54" in capsys.readouterr().out


def test_the_sizes_are_the_paper_s() -> None:
    """100, 46 and 36 units: about 20,000 parameters each, as Chung's table 1 counts them."""
    sizes = {name: network["hidden"] for name, network in jsb_chorales.NETWORKS.items()}
    assert (sizes["tanh"], sizes["GRU"], sizes["LSTM"]) == (100, 46, 36)
