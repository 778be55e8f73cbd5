"""The table's norms are the library's own and agree with differences; the picture shows them."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from benchmarks.papers import adding
from benchmarks.papers.gradient_flow import QUICK, SETTINGS, checked, main
from benchmarks.papers.synthetic import begun, learn
from recurra.explain import Flow, flow


def test_the_command_measures_every_cell_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, drawn = tmp_path / "rows.json", tmp_path / "flow.svg"
    rows = main(["--quick", "--json", str(path), "--picture", str(drawn)])
    assert json.loads(path.read_text("utf-8"))["rows"] == rows
    # Five networks, two of them with two slots, at two times.
    assert len(rows) == 2 * (3 + 2 * 2)
    assert {row["of"] for row in rows if row["model"].startswith("lstm")} == {"h", "c"}
    for row in rows:
        assert row["difference"] < 1e-6
        assert row["curve"][0] == 0
        assert len(row["curve"]) == QUICK["length"]
        assert (row["loss"] is None) is not row["trained"]
    assert "differences" in capsys.readouterr().out
    lines = ElementTree.parse(drawn).getroot().iter("{http://www.w3.org/2000/svg}path")
    assert len(list(lines)) == len(rows)


def test_the_start_is_that_of_the_training() -> None:
    settings = SETTINGS | QUICK | {"cell": "gru", "chrono_length": 20}
    first = begun(adding.problem(20), settings, 3)
    learnt = learn(adding.problem(20), settings | {"steps": 1, "learning_rate": 0.0}, 3)
    for ours, theirs in zip(first.parameters(), learnt.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_wrong_norm_is_found() -> None:
    settings = SETTINGS | QUICK | {"cell": "gru", "chrono_length": 20}
    model = begun(adding.problem(20), settings, 0)
    x, _ = adding.problem(20).cases(2, torch.Generator().manual_seed(0))
    found = flow(model.layer, x, dtype=torch.float64)
    assert checked(model, x, found) < 1e-6
    wrong = Flow({"h": found.log10["h"] + 0.01}, "spectral")
    assert checked(model, x, wrong) > 0.02
