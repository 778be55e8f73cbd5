"""What is learnt from held-out answers is the best of its kind, found by brute force here."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.decode import best_temperature, best_threshold, conformal_quantile, tempered
from recurra.decode.calibrate import conformal_sets
from recurra.errors import SpecError


def answers(seed: int, sharpness: float, cases: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are `sharpness` times too sure, and truths drawn from the honest ones."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(cases, 3))
    honest = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truth = np.array([random.choice(3, p=p) for p in honest])
    return tempered(honest, 1 / sharpness), truth


def loss(probabilities: np.ndarray, truth: np.ndarray) -> float:
    return float(-np.log(probabilities[np.arange(len(truth)), truth]).mean())


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_no_other_temperature_is_better(sharpness: float) -> None:
    probabilities, truth = answers(0, sharpness)
    found = best_temperature(probabilities, truth)
    assert found == pytest.approx(sharpness, rel=0.25)
    best = loss(tempered(probabilities, found), truth)
    for other in found * np.array([0.5, 0.9, 0.99, 1.01, 1.1, 2.0]):
        assert best <= loss(tempered(probabilities, float(other)), truth) + 1e-12
    assert (tempered(probabilities, found).argmax(1) == probabilities.argmax(1)).all()


def test_certain_answers_have_a_temperature_too() -> None:
    probabilities = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    found = best_temperature(probabilities, np.array([0, 1, 1]))
    assert math.isfinite(found)
    assert found > 1


def f1_of(called: np.ndarray, truth: np.ndarray) -> float:
    parts = []
    for label in (0, 1):
        hits = float(((called == label) & (truth == label)).sum())
        parts.append(2 * hits / max(1.0, float((called == label).sum() + (truth == label).sum())))
    return sum(parts) / 2


@given(
    rows=st.lists(
        st.tuples(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 1.0]), st.integers(0, 1)),
        min_size=1,
        max_size=12,
    )
)
@settings(deadline=None)
def test_no_other_threshold_is_better(rows: list[tuple[float, int]]) -> None:
    scores, truth = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    found = best_threshold(scores, truth)
    best = f1_of((scores > found).astype(int), truth)
    for other in (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 1.0):
        assert best >= f1_of((scores > other).astype(int), truth) - 1e-12


@given(scores=st.lists(st.floats(0, 1), min_size=1, max_size=40), coverage=st.floats(0.05, 0.95))
@settings(deadline=None)
def test_the_quantile_covers_and_no_smaller_score_does(
    scores: list[float], coverage: float
) -> None:
    found = conformal_quantile(np.array(scores), coverage)
    needed = math.ceil((len(scores) + 1) * coverage)
    if needed > len(scores):
        assert found == math.inf
        return
    assert sum(score <= found for score in scores) >= needed
    assert sum(score < found for score in scores) < needed


def test_a_set_is_what_cannot_be_ruled_out_and_what_was_called() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25]])
    found = conformal_sets(probabilities, np.array([0, 2]), 0.65)
    np.testing.assert_array_equal(found, [[True, False, False], [True, True, True]])
    found = conformal_sets(probabilities, np.array([0, 2]), 0.1)
    np.testing.assert_array_equal(found, [[True, False, False], [False, False, True]])
    with pytest.raises(SpecError, match="no sets: train it with coverage"):
        conformal_sets(probabilities, np.array([0, 2]), None)
