"""Each epoch sees every sequence once, beside others of like length, in an order of its own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.errors import SettingsError
from recurra.tasks.buckets import epoch_batches, even_batches


@settings(max_examples=50, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=200),
    batch_size=st.integers(1, 40),
    epoch=st.integers(1, 5),
)
def test_every_sequence_once(lengths: list[int], batch_size: int, epoch: int) -> None:
    for batches in (
        epoch_batches(lengths, batch_size, 0, epoch),
        even_batches(lengths, batch_size),
    ):
        assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
        assert len(batches) == -(-len(lengths) // batch_size)
        assert all(1 <= len(batch) <= batch_size for batch in batches)


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    lengths = np.random.default_rng(0).integers(1, 99, 300)

    def order(seed: int, epoch: int) -> list[int]:
        return np.concatenate(epoch_batches(lengths, 8, seed, epoch)).tolist()

    assert order(1, 1) == order(1, 1)
    assert len({tuple(order(seed, epoch)) for seed in (1, 2) for epoch in (1, 2)}) == 4


def test_padding_is_far_less_than_without_buckets() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, 2000)

    def padded(batches: list[np.ndarray]) -> int:
        return sum(int(lengths[batch].max()) * len(batch) for batch in batches)

    shuffled = np.random.default_rng(1).permutation(2000)
    plain = padded([shuffled[k : k + 32] for k in range(0, 2000, 32)])
    wasted, wasted_plain = (
        total - lengths.sum() for total in (padded(epoch_batches(lengths, 32, 0, 1)), plain)
    )
    assert wasted < 0.15 * wasted_plain


def test_batches_do_not_come_in_order_of_length() -> None:
    lengths = np.arange(1, 257)
    means = [lengths[batch].mean() for batch in epoch_batches(lengths, 16, 0, 1)]
    assert means != sorted(means)


def test_an_empty_batch_size_is_refused() -> None:
    with pytest.raises(SettingsError, match="at least 1"):
        epoch_batches([1, 2], 0, 0, 1)
