"""A report's means are those of its trainings; a cell that failed once is not ranked."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.spec.report import CellResult, Comparison
from recurra.train.baselines import Baseline
from recurra.train.compare_report import Table, comparison
from recurra.train.compare_trial import Trial
from train.comparing import material, result


def table(scores: dict[str, list[list[float]]], **changes: Any) -> Table:
    rows: Table = []
    for cell, seeds in scores.items():
        for seed, row in enumerate(seeds):
            figures = {"accuracy": float(np.mean(row))}
            told = result(scores=row, figures=figures, **changes)
            rows.append((Trial(cell, 3, 2, seed), told))
    return rows


def report(rows: Table, timed: Table | None = None, baselines: list[Baseline] = []) -> Comparison:  # noqa: B006 - never changed
    return comparison(
        material(),
        rows,
        timed,
        seconds=1.5,
        parameters=30,
        baselines=baselines,
        step_us={"gru": 7.0},
        folder=Path("out"),
        picture=Path("out/curves.svg"),
    )


GOOD, BAD = [[1.0] * 9 + [0.0]] * 3, [[0.0, 1.0] * 5] * 3


def test_the_keys_are_those_that_are_promised() -> None:
    found = report(table({"gru": GOOD, "rnn": BAD}))
    assert set(found) == set(Comparison.__annotations__)
    assert set(found["results"][0]) == set(CellResult.__annotations__)
    gru, rnn = found["results"]
    assert (gru["cell"], gru["mean"], gru["step_us"], rnn["step_us"]) == ("gru", 0.9, 7.0, None)
    assert gru["training_seconds"] == 0.5
    assert [seed["seed"] for seed in gru["seeds"]] == [0, 1, 2]
    assert found["drawn"] == "seeds and test sequences"
    assert gru["interval"] is not None
    assert 0 <= gru["interval"][0] <= 0.9 <= gru["interval"][1] <= 1


def test_pairs_name_the_better_first() -> None:
    baseline = Baseline("logistic", "", {"accuracy": 0.2}, (0.0,) * 8 + (1.0,) * 2)
    found = report(table({"rnn": BAD, "gru": GOOD}), baselines=[baseline])
    pairs = [(d["first"], d["second"], round(d["difference"], 9)) for d in found["differences"]]
    assert pairs == [("gru", "rnn", 0.4), ("gru", "logistic", 0.7)]
    assert found["differences"][1]["real"] is True
    assert "gru has the best accuracy" in found["verdict"]
    # Case by case: on the last one the baseline is right and the network wrong.
    other = Baseline("logistic", "", {"accuracy": 0.2}, (1.0,) * 2 + (0.0,) * 8)
    again = report(table({"rnn": BAD, "gru": GOOD}), baselines=[other])
    assert again["differences"][1]["interval"] != found["differences"][1]["interval"]


def test_without_scores_of_cases_only_seeds_are_drawn() -> None:
    rows = table({"gru": [[0.9], [0.8]], "rnn": [[0.1], [0.3]]})
    bare: Table = [(trial, {**told, "scores": None}) for trial, told in rows]
    found = report(bare)
    assert found["drawn"] == "seeds"
    assert found["results"][0]["mean"] == pytest.approx(0.85)


def test_a_cell_that_failed_is_not_ranked() -> None:
    rows = table({"gru": GOOD, "rnn": BAD})
    trial, _ = rows[-1]
    rows[-1] = (trial, result(failed="the loss became nan", figures={}, scores=None))
    found = report(rows)
    gru, rnn = found["results"]
    assert (rnn["mean"], rnn["interval"]) == (None, None)
    assert rnn["failed"] == ["seed 2: the loss became nan"]
    assert [seed["seed"] for seed in rnn["seeds"]] == [0, 1]
    assert gru["mean"] == 0.9
    assert "rnn failed and is not ranked" in found["verdict"]


def test_baselines_that_a_task_measures_itself_are_found() -> None:
    rows = table({"gru": GOOD})
    rows = [
        (trial, {**told, "figures": {**told["figures"], "last_value_accuracy": 0.4}})
        for trial, told in rows
    ]
    found = report(rows)
    assert [(b["name"], b["mean"]) for b in found["baselines"]] == [("last_value", 0.4)]


def test_equal_time_is_a_table_of_its_own() -> None:
    found = report(table({"gru": GOOD, "rnn": BAD}), table({"gru": BAD, "rnn": GOOD}))
    assert found["equal_time"] is not None
    assert found["equal_time"]["seconds"] == 1.5
    assert found["equal_time"]["verdict"].startswith("rnn has the best")
    assert found["verdict"].startswith("gru has the best")
