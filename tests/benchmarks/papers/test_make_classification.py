"""The experiment runs as its command says and measures every line of its table."""

import json
from pathlib import Path

from benchmarks.papers.make_classification import main


def test_the_command_measures_every_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    rows = main(["--quick", "--seeds", "1", "--json", str(path)])
    assert json.loads(path.read_text()) == rows
    names = [(row["model"], row["activation"]) for row in rows]
    networks = [(cell, activation) for cell in ("lstm", "gru") for activation in ("tanh", "relu")]
    assert names == [*networks, ("logistic regression", "")]
    # 200 cases: an accuracy is a multiple of 1/200, and a linear model is far from chance here.
    assert all(abs(row["accuracy"] * 200 - round(row["accuracy"] * 200)) < 1e-9 for row in rows)
    assert rows[-1]["accuracy"] > 0.8
