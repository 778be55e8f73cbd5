"""The split is by sequence, a function of the seed, and leaves every class in training."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.errors import DataError, SettingsError
from recurra.tasks.split import split, split_classes


@settings(max_examples=50, deadline=None)
@given(
    cases=st.integers(2, 60),
    fraction=st.floats(0, 0.95),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_sequence_is_on_one_side(cases: int, fraction: float, seed: int) -> None:
    train, valid = split(cases, fraction, seed)
    assert sorted([*train, *valid]) == list(range(cases))
    assert len(train) >= 1
    assert (len(valid) == 0) == (fraction == 0)


@settings(max_examples=50, deadline=None)
@given(
    classes=st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=60),
    fraction=st.floats(0, 0.95),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_class_stays_in_training(classes: list[str], fraction: float, seed: int) -> None:
    train, valid = split_classes(classes, fraction, seed)
    assert sorted([*train, *valid]) == list(range(len(classes)))
    assert {classes[k] for k in train} == set(classes)


def test_classes_keep_their_shares() -> None:
    classes = [0] * 100 + [1] * 50 + [2] * 10
    _, valid = split_classes(classes, 0.2, 3)
    assert np.bincount([classes[k] for k in valid]).tolist() == [20, 10, 2]


def test_a_class_of_one_is_never_held_out() -> None:
    classes = [0] * 20 + [1]
    assert all(20 not in split_classes(classes, 0.5, seed)[1] for seed in range(20))


def test_many_small_classes_still_give_the_wanted_number() -> None:
    classes = list(range(30)) * 2
    _, valid = split_classes(classes, 0.15, 0)
    assert len(valid) == 9


def test_the_seed_decides() -> None:
    classes = [k % 3 for k in range(60)]
    first, again, other = (split_classes(classes, 0.3, seed)[1].tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert split(60, 0.3, 1)[1].tolist() != split(60, 0.3, 2)[1].tolist()


def test_the_split_does_not_touch_the_callers_random_state() -> None:
    np.random.seed(5)
    wanted = np.random.random()
    np.random.seed(5)
    split(10, 0.5, 0)
    assert np.random.random() == wanted


def test_too_little_is_refused_with_what_to_do() -> None:
    with pytest.raises(DataError, match="valid_fraction=0"):
        split(1, 0.1, 0)
    with pytest.raises(DataError, match="at least one sequence"):
        split(0, 0.1, 0)
    with pytest.raises(SettingsError, match=r"\[0, 1\)"):
        split(10, 1.0, 0)
