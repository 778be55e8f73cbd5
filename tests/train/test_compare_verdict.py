"""The sentence says real where an interval excludes nothing, noise elsewhere, and never more."""

from dataclasses import dataclass

import pytest

from recurra.spec.report import Difference
from recurra.train.baselines import Baseline
from recurra.train.compare_verdict import number, verdict


@dataclass(frozen=True)
class Cell:
    name: str
    mean: float


CELLS = [Cell("rnn", 0.8), Cell("gru", 0.9), Cell("lstm", 0.89)]
LOGISTIC = Baseline("logistic", "", {"accuracy": 0.7})


def difference(first: str, second: str, mean: float, low: float, high: float) -> Difference:
    real = low > 0 or high < 0
    return Difference(first=first, second=second, difference=mean, interval=[low, high], real=real)


FOUND = [
    difference("gru", "rnn", 0.1, 0.05, 0.15),
    difference("gru", "lstm", 0.01, -0.02, 0.04),
    difference("lstm", "rnn", 0.09, 0.04, 0.14),
    difference("gru", "logistic", 0.2, 0.1, 0.3),
]


def test_real_and_noise_are_told_apart() -> None:
    assert verdict(CELLS, [LOGISTIC], FOUND, metric="accuracy", direction="max") == (
        "gru has the best accuracy, 0.9: its lead over rnn (0.1, 0.05 to 0.15) is real, that over "
        "lstm (0.01, -0.02 to 0.04) is noise; the best baseline, logistic (0.7), is really worse "
        "(by 0.2, 0.1 to 0.3)."
    )


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (-0.1, 0.1, "may be the wrong tool here"),
        (-0.3, -0.1, "really better (-0.2, -0.3 to -0.1): a gated network is the wrong tool"),
    ],
)
def test_a_network_that_loses_to_a_baseline_is_told(low: float, high: float, said: str) -> None:
    mean = (low + high) / 2
    found = [*FOUND[:3], difference("gru", "logistic", mean, low, high)]
    assert said in verdict(CELLS, [LOGISTIC], found, metric="accuracy", direction="max")


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.01, 0.05, "is real, so a gated network is the wrong tool here"),
        (-0.01, 0.05, "is noise, so nothing here speaks against a gated network"),
    ],
)
def test_a_network_of_another_kind_that_leads_is_told(low: float, high: float, said: str) -> None:
    cells = [Cell("gru", 0.9), Cell("tcn", 0.92), Cell("transformer", 0.91)]
    found = [
        difference("tcn", "gru", 0.02, low, high),
        difference("tcn", "transformer", 0.01, -0.1, 0.1),
        difference("tcn", "logistic", 0.0, -0.1, 0.1),
    ]
    others = ("tcn", "transformer")
    told = verdict(cells, [LOGISTIC], found, metric="accuracy", direction="max", others=others)
    assert said.split(", ")[1] in told
    assert "so a network may be the wrong tool here" in told
    behind = [difference("gru", "tcn", 0.02, 0.01, 0.05)]
    told = verdict(
        [Cell("gru", 0.94), cells[1]], [], behind, metric="accuracy", direction="max", others=others
    )
    assert "tool" not in told


def test_less_may_be_better() -> None:
    """Errors: the lowest is best, and a lead is told as a positive number."""
    cells = [Cell("rnn", 0.3), Cell("gru", 0.1)]
    found = [difference("gru", "rnn", -0.2, -0.3, -0.1)]
    said = verdict(cells, [], found, metric="mse", direction="min")
    assert said == "gru has the best mse, 0.1: its lead over rnn (0.2, 0.1 to 0.3) is real."


def test_one_seed_says_so() -> None:
    blank = [Difference(first="gru", second="rnn", difference=0.1, interval=None, real=None)]
    said = verdict(CELLS[:2], [], blank, metric="accuracy", direction="max")
    assert "one seed gives no interval" in said
    assert "--seeds 5" in said


def test_failures_are_named() -> None:
    said = verdict(CELLS[1:2], [], [], metric="accuracy", direction="max", failed=["rnn", "lstm"])
    assert said == "gru has the best accuracy, 0.9; rnn and lstm failed and are not ranked."
    assert "No cell" in verdict([], [], [], metric="accuracy", direction="max", failed=["rnn"])


def test_figures_have_four_digits() -> None:
    assert (number(0.123456), number(1234567.0), number(1.0)) == ("0.1235", "1.235e+06", "1")
