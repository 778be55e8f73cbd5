"""The benchmark has enough faults and healthy runs, makes them by seed, and counts right."""

import json
import sys

import numpy as np
import pytest

from benchmarks.doctor import __main__ as command
from benchmarks.doctor.faults import faults
from benchmarks.doctor.healthy import healthy
from benchmarks.doctor.makers import classed
from benchmarks.doctor.sources import waves
from benchmarks.doctor.trial import Made, Trial, judged
from recurra.train.doctor.finding import RANKS


def test_there_are_enough_of_both_and_each_fault_has_a_finding() -> None:
    bad, good = faults(), healthy()
    assert len(bad) >= 60
    assert len(good) >= 40
    names = [trial.name for trial in [*bad, *good]]
    assert len(set(names)) == len(names)
    assert all(trial.expected and set(trial.expected) <= set(RANKS) for trial in bad)
    assert not any(trial.expected for trial in good)
    # Every finding but the two that follow from others is the aim of some fault.
    aimed = {name for trial in bad for name in trial.expected}
    assert set(RANKS) - aimed == {"flat_loss", "loses_to_baseline"}


def one(fault: str, expected: tuple[str, ...], **settings: object) -> Trial:
    make = classed(waves, {"count": 60}, **{"hidden": 8, "epochs": 3, **settings})
    return Trial(fault, fault or "fine", expected, make, ("accuracy", 0.0))


def test_a_trial_is_a_function_of_its_seed() -> None:
    trial = one("rate far too low", ("learning_rate_low",), learning_rate=1e-7)
    first, again, other = judged(trial, 1), judged(trial, 1), judged(trial, 2)
    assert first["figures"] == again["figures"]
    assert first["seen"] == again["seen"]
    assert first["seen"] != other["seen"]
    assert "learning_rate_low" in first["found"][:2]
    assert not first["healthy"]


def test_a_healthy_run_that_does_not_reach_its_figure_is_not_counted() -> None:
    trial = Trial("", "weak", (), one("", ()).make, ("accuracy", 1.01))
    assert not judged(trial, 1)["healthy"]
    assert judged(one("", ()), 1)["healthy"]


def run(fault: str, expected: list[str], found: list[str], healthy: bool = False) -> dict:
    return {
        "fault": fault,
        "expected": expected,
        "found": found,
        "healthy": healthy,
        "overhead": 0.02,
        "seconds": 1.0,
    }


def test_figures_count_first_second_and_alarms() -> None:
    found = command.figures(
        [
            run("leak", ["leak"], ["leak"]),
            run("leak", ["leak"], ["scaling", "leak"]),
            run("leak", ["leak"], ["a", "b", "leak"]),
            run("", [], [], healthy=True),
            run("", [], ["leak"], healthy=True),
            run("", [], ["leak"], healthy=False),
        ]
    )
    assert (found["faulty"], found["named_first"], found["named_first_or_second"]) == (3, 1, 2)
    assert (found["healthy"], found["false_alarms"], found["not_healthy"]) == (2, 1, 1)
    assert found["overhead"] == pytest.approx(0.02)


def test_the_command_writes_every_run(tmp_path, monkeypatch, capsys) -> None:
    path = tmp_path / "results.json"
    arguments = ["x", "--only", "leak: label in", "--seeds", "3", "--json", str(path)]
    monkeypatch.setattr(sys, "argv", arguments)
    command.main()
    written = json.loads(path.read_text("utf-8"))
    assert [r["found"][0] for r in written["runs"]] == ["leak"]
    assert written["figures"]["share_named"] == 1.0
    assert "1 of 1 faults named" in capsys.readouterr().out


def test_what_is_made_holds_cases_and_settings(tmp_path) -> None:
    for trial in faults():
        if trial.fault in ("wrong scale", "leak", "constant target", "window too short"):
            made = trial.make(np.random.default_rng(0), tmp_path)
            assert isinstance(made, Made)
            assert len(made.cases)


@pytest.mark.deep
def test_the_promised_shares_hold_on_seeds_that_no_limit_was_chosen_by() -> None:
    found = command.figures([judged(trial, 21) for trial in [*faults(), *healthy()]])
    assert found["share_named"] >= 0.9
    assert found["share_alarmed"] <= 0.05
