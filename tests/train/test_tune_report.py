"""The best trial is the best that finished, and of equal ones the first."""

from __future__ import annotations

from typing import Any

from recurra.spec.report import TunedTrial
from recurra.train.tune_report import best_of


def trial(number: int, value: float | None, state: str = "finished") -> TunedTrial:
    plain: dict[str, Any] = dict.fromkeys(("best_epoch", "parameters", "seconds", "why"))
    return TunedTrial(trial=number, state=state, value=value, epochs=1, settings={}, **plain)


def test_the_best_one_is_found_either_way() -> None:
    trials = [trial(0, 0.5), trial(1, 0.75), trial(2, 0.25), trial(3, 0.75)]
    for direction, number in (("max", 1), ("min", 2)):
        best = best_of(trials, direction)  # type: ignore[arg-type]  # the two words
        assert best is not None
        assert best["trial"] == number


def test_only_what_finished_counts() -> None:
    assert best_of([trial(0, 0.9, "pruned"), trial(1, None, "failed")], "max") is None
    best = best_of([trial(0, 0.9, "pruned"), trial(1, 0.1)], "max")
    assert best is not None
    assert best["trial"] == 1
