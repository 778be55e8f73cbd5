"""From Python a comparison is what it is from the command line, whatever holds the sequences."""

from pathlib import Path

import polars as pl
import pytest

import recurra
from recurra.errors import SettingsError
from train.comparing import waves, written

SMALL = {
    "hidden": 3,
    "epochs": 2,
    "cells": ["gru"],
    "seeds": 1,
    "equal_time": False,
    "threads": 1,
}


def test_file_table_and_arrays_give_the_same(tmp_path: Path) -> None:
    path = written(tmp_path / "waves.csv")
    cases = waves()
    given = {
        "file": (path,),
        "text": (str(path),),
        "table": (pl.read_csv(path),),
    }
    found = {
        name: recurra.compare(*x, out=tmp_path / name, target="speed", **SMALL)
        for name, x in given.items()
    }
    rounded = [x.round(5) for x in cases.inputs]
    y = cases.target_values()
    found["arrays"] = recurra.compare(rounded, y, out=tmp_path / "arrays", **SMALL)
    figures = [report["results"][0]["figures"] for report in found.values()]
    assert all(one == figures[0] for one in figures)
    assert found["file"]["results"][0]["parameters"] > 0


def test_the_test_part_may_be_a_pair(tmp_path: Path) -> None:
    train, test = waves(), waves(12, seed=3)
    found = recurra.compare(
        train.inputs,
        train.target_values(),
        out=tmp_path / "out",
        test=(test.inputs, test.target_values()),
        **SMALL,
    )
    assert found["sequences"]["test"] == 12


def test_numbers_are_compared_by_their_error(tmp_path: Path) -> None:
    x = waves().inputs
    found = recurra.compare(x, [k % 5 for k in range(40)], out=tmp_path, task="regress", **SMALL)
    assert (found["task"], found["metric"], found["direction"]) == ("regress", "mse", "min")
    assert [b["name"] for b in found["baselines"]] == ["mean", "last_value", "linear", "ridge"]


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "waves.csv")
    for wrong, said in (
        ({"cell": "gru"}, "cells="),
        ({"hiden": 3}, "did you mean 'hidden'"),
        ({"y": [1]}, "its own targets"),
    ):
        with pytest.raises(SettingsError, match=said):
            recurra.compare(path, out=tmp_path / "out", **wrong)
    x, y = waves().inputs, waves().target_values()
    with pytest.raises(SettingsError, match="in memory"):
        recurra.compare(x, y, out=tmp_path / "out", jobs=2)
