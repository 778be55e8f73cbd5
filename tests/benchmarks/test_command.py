"""Every command that trains takes the same options and writes the same JSON."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from benchmarks.command import Clock, Epochs, changes, options, write
from recurra.spec.report import EpochRecord


def test_named_settings_go_before_those_of_quick() -> None:
    parser = options("A test.", data="folder", quick="small")
    chosen = parser.parse_args(["--data", "d", "--quick", "--set", "hidden=4", 'cell="lstm"'])
    assert changes(chosen, {"hidden": 2, "epochs": 1}) == {"hidden": 4, "epochs": 1, "cell": "lstm"}
    chosen = parser.parse_args(["--data", "d"])
    assert (chosen.data, chosen.seed, changes(chosen, {"hidden": 2})) == (Path("d"), 0, {})


def test_a_command_without_data_asks_for_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert not hasattr(options("A test.").parse_args([]), "data")
    with pytest.raises(SystemExit):
        options("A test.", data="folder").parse_args([])
    assert "--data" in capsys.readouterr().err


def test_the_json_says_what_ran_and_where(tmp_path: Path) -> None:
    path = tmp_path / "row.json"
    chosen = options("A test.").parse_args(["--seed", "3", "--json", str(path)])
    write("jsb", chosen, {"hidden": 2}, [{"名": 1.5}], windows=7)
    tree = json.loads(path.read_text("utf-8"))
    machine = tree.pop("machine")
    assert tree == {
        "task": "jsb",
        "seed": 3,
        "quick": False,
        "settings": {"hidden": 2},
        "windows": 7,
        "rows": [{"名": 1.5}],
    }
    assert machine["cores"] >= 1
    write("jsb", options("A test.").parse_args([]), {}, [])
    assert list(tmp_path.iterdir()) == [path]


def test_the_clock_tells_wall_from_processor() -> None:
    with Clock() as clock:
        time.sleep(0.2)
    assert clock.seconds >= 0.2
    assert 0 <= clock.cpu_seconds <= clock.seconds


def test_an_epoch_is_a_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    record = EpochRecord(
        epoch=2,
        loss=1.25,
        valid_loss=1.5,
        metric=0.75,
        learning_rate=0.1,
        gradient_norm=1.0,
        clipped=0.0,
        seconds=1.0,
    )
    Epochs().on_epoch(record, best=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("epoch 2: loss 1.2500, watched 0.7500 (best), ")
