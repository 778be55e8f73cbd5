"""Sampling: the stated maths, ties, seeds, independence of neighbours; stop strings."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.decode.sample import Sampler, Sampling, StopStrings, generated
from recurra.errors import SettingsError, ShapeError

SCORES = np.log(np.array([0.1, 0.4, 0.1, 0.3, 0.1]))


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(), [0.1, 0.4, 0.1, 0.3, 0.1]),
        (Sampling(temperature=0), [0, 1, 0, 0, 0]),
        (Sampling(top_k=2), [0, 4 / 7, 0, 3 / 7, 0]),
        (Sampling(top_k=3), [1 / 8, 4 / 8, 0, 3 / 8, 0]),
        (Sampling(top_p=0.4), [0, 1, 0, 0, 0]),
        (Sampling(top_p=0.41), [0, 4 / 7, 0, 3 / 7, 0]),
        (Sampling(top_p=0.75), [1 / 8, 4 / 8, 0, 3 / 8, 0]),
        (Sampling(temperature=0.5), np.array([1, 16, 1, 9, 1]) / 28),
        (Sampling(top_k=2, top_p=0.5), [0, 1, 0, 0, 0]),
        (Sampling(temperature=1e-300), [0, 1, 0, 0, 0]),
    ],
    ids=str,
)
def test_probabilities_by_hand(sampling: Sampling, expected: list[float]) -> None:
    """Temperature, then top-k, then top-p; the lower index wins among equals."""
    np.testing.assert_allclose(sampling.probabilities(SCORES), expected, atol=1e-12)


@given(
    scores=st.lists(st.floats(-30, 5), min_size=1, max_size=12),
    temperature=st.floats(0.05, 5),
    top_k=st.integers(0, 14),
    top_p=st.floats(0.01, 1),
)
def test_probabilities_are_a_distribution_over_the_best(
    scores: list[float], temperature: float, top_k: int, top_p: float
) -> None:
    """They sum to 1, at most k are left, and nothing left is less probable than what went."""
    row = np.array(scores)
    found = Sampling(temperature, top_k, top_p).probabilities(row)
    assert found.sum() == pytest.approx(1)
    kept = found > 0
    assert kept.sum() <= (top_k or len(row))
    if not kept.all() and kept.any():
        assert row[kept].min() >= row[~kept].max() - 745 * temperature  # exp underflows there


def test_draws_follow_the_probabilities() -> None:
    """Over many draws each symbol comes as often as it should."""
    sampler = Sampler(Sampling(seed=3), 1)
    drawn = np.array([sampler(SCORES[None])[0] for _ in range(4000)])
    shares = np.bincount(drawn, minlength=5) / len(drawn)
    # Four standard deviations of a share.
    np.testing.assert_allclose(shares, np.exp(SCORES), atol=4 * np.sqrt(0.25 / len(drawn)))


def test_a_row_draws_the_same_whatever_its_neighbours() -> None:
    """Row b depends on the seed and b alone; another seed draws otherwise."""
    rows = np.random.default_rng(0).normal(size=(20, 3, 8))
    alone, beside = Sampler(Sampling(seed=5), 1), Sampler(Sampling(seed=5), 3)
    other = Sampler(Sampling(seed=6), 1)
    first = [int(alone(step[:1])[0]) for step in rows]
    assert first == [int(beside(step)[0]) for step in rows]
    assert first != [int(other(step[:1])[0]) for step in rows]


def test_a_forbidden_symbol_never_comes() -> None:
    """-inf is never drawn, also at a high temperature."""
    row = np.array([[-np.inf, 0.0, -np.inf, -1.0]])
    sampler = Sampler(Sampling(temperature=50.0), 1)
    assert {int(sampler(row)[0]) for _ in range(200)} == {1, 3}


def test_frames_are_drawn_note_by_note() -> None:
    """A note's share is sigmoid(logit / temperature); at temperature 0 it is its best guess."""
    logits = np.array([[-2.0, 0.0, 3.0]])
    assert Sampler(Sampling(temperature=0), 1).frames(logits).tolist() == [[False, False, True]]
    sampler = Sampler(Sampling(temperature=2.0), 1)
    shares = np.mean([sampler.frames(logits)[0] for _ in range(4000)], axis=0)
    np.testing.assert_allclose(shares, 1 / (1 + np.exp(-logits[0] / 2)), atol=0.035)
    with pytest.raises(SettingsError, match="top_k and top_p"):
        Sampler(Sampling(top_k=2), 1).frames(logits)


def test_generated_feeds_back_what_it_drew() -> None:
    """The step after a symbol gets that symbol and the state before it, for every row."""
    seen: list[list[int]] = []

    def step(tokens: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        seen.append(tokens.tolist())
        state = state + tokens
        scores = np.full((2, 5), -np.inf)
        scores[np.arange(2), state % 5] = 0.0
        return scores, state

    first = np.full((2, 5), -np.inf)
    first[[0, 1], [1, 3]] = 0.0
    drawn = [t.tolist() for t in islice(generated(step, first, np.zeros(2, int), Sampling()), 4)]
    assert drawn == [[1, 3], [1, 3], [2, 1], [4, 2]]
    assert seen == drawn[:3]


@pytest.mark.parametrize(
    "given_",
    [
        {"temperature": -1},
        {"temperature": float("nan")},
        {"temperature": True},
        {"top_k": -1},
        {"top_k": 1.5},
        {"top_p": 0},
        {"top_p": 1.1},
        {"seed": -1},
    ],
)
def test_values_out_of_range_are_refused(given_: dict[str, float]) -> None:
    """Each setting says its own range."""
    with pytest.raises(SettingsError, match=next(iter(given_))):
        Sampling(**given_)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize("row", [[], [-np.inf, -np.inf], [0.0, np.nan], [[0.0]]])
def test_rows_without_a_choice_are_refused(row: list[float]) -> None:
    """No symbol, none possible, NaN, or another axis."""
    with pytest.raises(ShapeError, match="log-probabilities"):
        Sampling().probabilities(np.array(row))


def test_the_sampler_knows_its_rows() -> None:
    """B is fixed when the sampler is made."""
    with pytest.raises(ShapeError, match="B=2"):
        Sampler(Sampling(), 2)(SCORES[None])


@given(
    text=st.text("ab\n", max_size=30),
    stops=st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=3),
    cuts=st.lists(st.integers(1, 5), max_size=30),
)
def test_stop_strings_cut_where_the_whole_text_is_cut(
    text: str, stops: list[str], cuts: list[int]
) -> None:
    """However the text arrives, what is shown is what stands before the first stop string."""
    watch, shown, at = StopStrings(stops), "", 0
    for cut in [*cuts, len(text)]:
        shown += watch.feed(text[at : at + cut])
        at += cut
    shown += watch.end()
    # The first stop string to be complete ends the text: nothing after it is looked at.
    ends = [text.find(stop) + len(stop) for stop in stops if stop in text]
    assert watch.stopped == bool(ends)
    if ends:
        whole = [text.find(stop) for stop in stops if stop in text]
        assert text.startswith(shown)
        assert not any(stop in shown for stop in stops)
        assert len(shown) in whole
    else:
        assert shown == text


def test_stop_strings_hold_back_only_what_they_must() -> None:
    """A text is shown at once unless its end may be the beginning of a stop string."""
    watch = StopStrings(["\n\n"])
    assert watch.feed("one") == "one"
    assert watch.feed("\n") == ""
    assert watch.feed("two\n") == "\ntwo"
    assert watch.feed("\nthree") == ""
    assert watch.stopped
    assert watch.feed("four") == ""


@pytest.mark.parametrize("stops", ["ab", [""], [1]])
def test_stop_strings_are_texts(stops: object) -> None:
    """One text alone, an empty one or a number is a mistake."""
    with pytest.raises(SettingsError, match="stop expected"):
        StopStrings(stops)  # type: ignore[arg-type]  # wrong on purpose
