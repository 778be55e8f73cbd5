"""Parallel streams: every step once a pass, windows that continue one another, starts in place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.codecs.corpus_streams import CorpusStreams
from recurra.errors import ShapeError
from recurra.spec.batch import Encoded

SIZES = st.lists(st.integers(1, 12), min_size=1, max_size=6)


def corpus(sizes: list[int]) -> list[Encoded]:
    """Sequences whose every y is another number; x is y of the step before, 0 first."""
    cases, first = [], 1
    for size in sizes:
        y = np.arange(first, first + size)
        cases.append(Encoded({"x": np.concatenate([[0], y[:-1]]), "y": y}))
        first += size
    return cases


@given(sizes=SIZES, streams=st.integers(1, 5), window=st.integers(1, 7), overlap=st.integers(0, 5))
def test_every_step_counts_once(sizes: list[int], streams: int, window: int, overlap: int) -> None:
    """However it is cut, what counts in one pass is the corpus, step for step."""
    cut = CorpusStreams(corpus(sizes), streams=streams, window=window, overlap=overlap)
    assert [len(batch) for batch in cut.batches(0)] == [cut.streams] * (len(cut) // cut.streams)
    found = []
    for index in cut.batches(0):
        batch = cut.collate(index)
        within = np.arange(batch.steps["y"].shape[1]) < batch.lengths[:, None]
        found += batch.steps["y"][within & batch.steps["counted"]].tolist()
    assert sorted(found) == list(range(1, sum(sizes) + 1))


@given(sizes=SIZES, streams=st.integers(1, 4), window=st.integers(1, 7), number=st.integers(0, 3))
def test_windows_continue_one_another(
    sizes: list[int], streams: int, window: int, number: int
) -> None:
    """Row b of a batch goes on where row b of the batch before ended, or a sequence starts."""
    cut = CorpusStreams(corpus(sizes), streams=streams, window=window, seed=3)
    before = np.full(cut.streams, -1)
    for index in cut.batches(number):
        batch = cut.collate(index)
        for row in range(cut.streams):
            for t in range(batch.lengths[row]):
                x, y = batch.steps["x"][row, t], batch.steps["y"][row, t]
                assert batch.steps["starts"][row, t] == (x == 0)
                assert x == 0 or before[row] in (-1, x)
                before[row] = y


def test_each_pass_has_its_own_order_and_each_seed_its_own() -> None:
    """Passes differ from one another; the same seed gives the same passes."""

    def row(seed: int | None, number: int) -> list[int]:
        cut = CorpusStreams(corpus([4, 5, 6]), streams=1, window=20, seed=seed)
        (index,) = cut.batches(number)
        return [int(y) for y in cut.collate(index).steps["y"][0]]

    assert row(1, 0) == row(1, 0)
    assert row(1, 0) != row(1, 1)
    assert row(1, 0) != row(2, 0)
    assert row(None, 0) == row(None, 1) == list(range(1, 16))


def test_what_is_read_ahead_does_not_count() -> None:
    """Each stream but the first reads `overlap` steps before its own part."""
    cut = CorpusStreams(corpus([12]), streams=2, window=4, overlap=2)
    first = cut.collate(cut.batches(0)[0])
    assert first.steps["y"].tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert first.steps["counted"].tolist() == [[True] * 4, [False, False, True, True]]


def test_a_small_corpus_has_fewer_streams() -> None:
    """Each stream fills at least one window; one stream reads nothing ahead."""
    assert CorpusStreams(corpus([9]), streams=8, window=4).streams == 2
    alone = CorpusStreams(corpus([3]), streams=8, window=4, overlap=4)
    assert alone.streams == 1
    assert alone.collate([0]).steps["counted"].all()


def test_batches_say_where_their_answers_belong() -> None:
    """A window of a later pass has the place of the same window in the first."""
    cut = CorpusStreams(corpus([12]), streams=2, window=3, seed=0)
    assert cut.collate(cut.batches(5)[1]).index.tolist() == [2, 3]
    assert cut.lengths.tolist() == [3, 3, 3, 3]
    assert [case.length for case in cut[:2]] == [3, 3]


def test_frames_are_moved_within_their_width() -> None:
    """A transposed sequence keeps all its notes, x and y alike, and passes differ."""
    y = np.zeros((6, 8), np.float32)
    y[:, 2], y[3, 5] = 1, 1
    x = np.concatenate([np.zeros_like(y[:1]), y[:-1]])
    cut = CorpusStreams([Encoded({"x": x, "y": y})], streams=1, window=6, seed=0, transpose=9)
    found = set()
    for number in range(30):
        steps = cut.collate(cut.batches(number)[0]).steps
        assert steps["y"].sum() == y.sum()
        low = int(np.flatnonzero(steps["y"].any(axis=(0, 1)))[0])
        found.add(low)
        begins = int(np.flatnonzero(steps["starts"][0])[0])
        rolled = np.roll(y, (-begins, low - 2), axis=(0, 1))
        assert np.array_equal(np.roll(steps["y"][0], -begins, axis=0), np.roll(y, low - 2, axis=1))
        assert rolled.shape == y.shape
    assert found == {0, 1, 2, 3, 4}


def test_silence_can_be_transposed() -> None:
    """A sequence without a note has nothing to move."""
    silent = np.zeros((3, 4), np.float32)
    cut = CorpusStreams(
        [Encoded({"x": silent, "y": silent})], streams=1, window=3, seed=0, transpose=2
    )
    assert not cut.collate(cut.batches(0)[0]).steps["y"].any()


def test_the_digest_knows_the_corpus_and_the_cut() -> None:
    """A resumed training must find the same sequences, cut alike."""
    one = CorpusStreams(corpus([12]), streams=2, window=3)
    assert one.digest() == CorpusStreams(corpus([12]), streams=2, window=3).digest()
    assert one.digest() != CorpusStreams(corpus([12]), streams=2, window=4).digest()
    assert one.digest() != CorpusStreams(corpus([13]), streams=2, window=3).digest()


def test_an_empty_corpus_is_refused() -> None:
    """There must be something to read."""
    with pytest.raises(ShapeError, match="at least one sequence"):
        CorpusStreams([], streams=1, window=3)
    with pytest.raises(IndexError):
        CorpusStreams(corpus([3]), streams=1, window=3)[-1]


@given(
    sizes=SIZES,
    streams=st.integers(1, 4),
    window=st.integers(2, 9),
    shortest=st.integers(1, 4),
    number=st.integers(0, 3),
)
def test_drawn_windows_are_every_step_once_too(
    sizes: list[int], streams: int, window: int, shortest: int, number: int
) -> None:
    """As many in each pass, none longer than said, each pass at places of its own."""
    shortest = min(shortest, window)
    cut = CorpusStreams(corpus(sizes), streams=streams, window=window, shortest=shortest, seed=3)
    found, lengths = [], []
    for index in cut.batches(number):
        batch = cut.collate(index)
        within = np.arange(batch.steps["y"].shape[1]) < batch.lengths[:, None]
        found += batch.steps["y"][within].tolist()
        lengths += batch.lengths.tolist()
    assert sorted(found) == list(range(1, sum(sizes) + 1))
    assert max(lengths) <= window
    assert len(cut.batches(number)) == cut.count(number) == cut.count(0)


def test_drawn_windows_differ_from_pass_to_pass() -> None:
    cut = CorpusStreams(corpus([400]), streams=1, window=40, shortest=4, seed=1)
    lengths = [[int(cut.collate(b).lengths[0]) for b in cut.batches(n)] for n in (0, 1, 0)]
    assert lengths[0] == lengths[2] != lengths[1]
    assert min(lengths[0]) >= 4
    assert len(set(lengths[0])) > 5


def test_windows_grow_from_pass_to_pass() -> None:
    """A later pass has fewer and longer windows; beyond the last said the size stays."""
    cut = CorpusStreams(corpus([60]), streams=2, window=12, windows=(3, 6, 12), seed=1)
    lengths = [{int(n) for b in cut.batches(p) for n in cut.collate(b).lengths} for p in range(4)]
    assert lengths == [{3}, {6}, {12, 6}, {12, 6}]
    assert [cut.count(p) for p in range(4)] == [10, 5, 3, 3]
    counted = [len(b) * k for k, b in enumerate(cut.batches(3))]
    assert len(counted) == 3
    plain = CorpusStreams(corpus([60]), streams=2, window=12, seed=1)
    assert cut.digest() != plain.digest()
