"""A window is what slicing its series by hand gives, alone or among others, to the bit."""

import numpy as np
import pytest

from recurra.codecs.windows import Cut, Track, Windows
from recurra.errors import ShapeError

RANDOM = np.random.default_rng(0)


def track(name: str, rows: int, *, holes: bool = False) -> Track:
    values = RANDOM.normal(0, 1, (rows, 3))
    shift, scale = np.array([5.0, -2.0]), np.array([2.0, 0.5])
    truth = values[:, :2] * scale + shift
    if holes:
        truth[::4] = np.nan
    return Track(name, values, truth, shift, scale, 100.0 + np.arange(rows))


CUT = Cut(targets=2, width=3, lookback=8, horizon=3, segment=4, ahead=3, dtype="float64")
TRACKS = (track("a", 20, holes=True), track("b", 31))
ORIGINS = np.array([(0, 7), (1, 30), (1, 12), (0, 19), (1, 27)])


def windows(cut: Cut = CUT) -> Windows:
    return Windows(TRACKS, ORIGINS, cut)


def test_a_window_is_a_slice_of_its_series() -> None:
    batch = windows().collate(range(5))
    assert batch.steps["x"].shape == (5, 2, 12)
    for k, (series, last) in enumerate(ORIGINS):
        own = TRACKS[series]
        assert (batch.steps["x"][k].reshape(8, 3) == own.values[last - 7 : last + 1]).all()
        ahead = own.values[last + 1 : last + 4, :2]
        y = batch.rows["y"][k].reshape(3, 2)
        weight = batch.rows["y_weight"][k].reshape(3, 2)
        seen = ~np.isnan(own.truth[last + 1 : last + 4])
        assert (weight[: len(ahead)] == seen).all()
        assert not weight[len(ahead) :].any()
        assert (y[: len(ahead)] == ahead).all()
        assert batch.rows["time"][k] == 100 + last


def test_separate_channels_are_rows_of_their_own() -> None:
    joint = windows().collate([1, 2])
    batch = windows().with_cut(channels="separate").collate([1, 2])
    assert batch.steps["x"].shape == (4, 2, 8)
    assert batch.lengths.tolist() == [2, 2, 2, 2]
    rows = joint.steps["x"].reshape(2, 8, 3)
    for k in range(2):
        for a in range(2):
            steps = batch.steps["x"][2 * k + a]
            assert (steps[:, :4].reshape(8) == rows[k, :, a]).all()
            assert (steps[:, 4:].reshape(8) == rows[k, :, 2]).all()
            assert (batch.rows["y"][2 * k + a] == joint.rows["y"][k].reshape(3, 2)[:, a]).all()


@pytest.mark.parametrize("normalise", ["last", "window"])
def test_what_is_normalised_comes_back_in_units(normalise: str) -> None:
    batch = windows().with_cut(normalise=normalise).collate(range(5))
    y = batch.rows["y"].reshape(5, 3, 2)
    units = y * batch.rows["scale"][:, None] + batch.rows["shift"][:, None]
    truth = windows().truth(range(5))
    seen = batch.rows["y_weight"].reshape(5, 3, 2) > 0
    np.testing.assert_allclose(units[seen], truth[seen])
    assert (np.isnan(truth) == ~seen).all()
    if normalise == "last":
        assert not batch.steps["x"][:, -1].reshape(5, 4, 3)[:, -1, :2].any()


@pytest.mark.parametrize("channels", ["joint", "separate"])
@pytest.mark.parametrize("normalise", ["none", "last", "window"])
def test_a_window_alone_is_the_window_among_others_to_the_bit(
    channels: str, normalise: str
) -> None:
    origins = np.array([(0, 0), (1, 30), (0, 5), (1, 2), (1, 9)])
    some = Windows(TRACKS, origins, CUT).with_cut(channels=channels, normalise=normalise)
    assert some.lengths.tolist() == [1, 2, 1, 1, 2]
    together = some.collate(range(5))
    each = some.cut.rows_each
    for k in range(5):
        alone = some.collate([k])
        steps = alone.steps["x"].shape[1]
        rows = slice(k * each, (k + 1) * each)
        assert alone.steps["x"].tobytes() == together.steps["x"][rows, :steps].tobytes()
        assert not together.steps["x"][rows, steps:].any()
        for name in ("shift", "scale"):
            assert alone.rows[name][0].tobytes() == together.rows[name][k].tobytes()


def test_a_history_shorter_than_a_segment_is_lengthened_by_its_first_row() -> None:
    short = Windows(TRACKS, np.array([(1, 1)]), CUT).collate([0])
    rows = short.steps["x"].reshape(4, 3)
    assert (rows == TRACKS[1].values[[0, 0, 0, 1]]).all()


def test_the_past_in_units() -> None:
    past = windows().past([1, 3], 5)
    np.testing.assert_allclose(past[0], TRACKS[1].truth[26:31])
    early = Windows(TRACKS, np.array([(1, 1)]), CUT).past([0], 4)
    np.testing.assert_allclose(early[0], TRACKS[1].truth[[0, 0, 0, 1]])


def test_rows_around_the_end_of_a_window() -> None:
    rows = windows().rows([0, 1], 2, 2)
    assert (rows[0] == TRACKS[0].values[6:10]).all()
    assert (rows[1] == TRACKS[1].values[[29, 30, 30, 30]]).all()


def test_the_digest_tells_windows_apart() -> None:
    digests = {
        windows().digest(),
        windows().with_cut(normalise="last").digest(),
        Windows(TRACKS, ORIGINS[:4], CUT).digest(),
        Windows(TRACKS[::-1], ORIGINS, CUT).digest(),
    }
    assert len(digests) == 4
    assert windows().digest() == windows().digest()


def test_windows_are_a_sequence_of_cases() -> None:
    assert len(windows()[1:3]) == 2
    assert (windows()[1].steps["x"] == windows().collate([1]).steps["x"][0]).all()
    separate = windows().with_cut(channels="separate")[2].steps["x"]
    assert separate.shape == (2, 2, 8)
    with pytest.raises(IndexError):
        windows()[5]


def test_what_cannot_be_a_batch_is_refused() -> None:
    with pytest.raises(ShapeError, match="at least one window"):
        windows().collate([])
    with pytest.raises(ShapeError, match="T=1 cannot hold a window of 2 segments"):
        windows().collate([0], length=1)
    assert windows().collate([0], length=5).steps["x"].shape == (1, 5, 12)
