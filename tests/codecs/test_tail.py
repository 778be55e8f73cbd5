"""Law: what was learnt last stands ahead of what comes next, once and in its order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra.codecs import after, corpus_cases, fit_codec, tail_arrays, tail_from_arrays, tail_of
from recurra.codecs.arrays import cases_from_arrays
from recurra.codecs.corpus import CorpusCodec
from recurra.codecs.forecast_fit import fit_forecast_codec
from recurra.codecs.forecast_table import SeriesCases
from recurra.errors import BundleError
from recurra.spec.settings import DataSettings, Settings

ROWS = np.arange(60.0)
HOURS = 1_704_067_200.0 + 3600.0 * np.arange(60)


def series(*parts: slice, names: tuple[str, ...] = ("p", "q"), clock: bool = True) -> SeriesCases:
    return SeriesCases(
        "series",
        tuple(np.stack([ROWS[part], -(ROWS[part] ** 2)], axis=1) for part in parts),
        ("a", "b"),
        names[: len(parts)] if len(parts) > 1 else ("0",),
        "f",
        times=tuple(HOURS[part] for part in parts) if clock else None,
        target_names=("a", "b"),
        dated=clock,
    )


def forecast_codec(cases: SeriesCases) -> Any:
    chosen = {"task": "forecast", "horizon": 2, "lookback": 6, "season": 2}
    return fit_forecast_codec(cases, Settings.from_flat(chosen))


def test_each_series_goes_on_from_its_own_rows() -> None:
    cases = series(slice(0, 40), slice(0, 30))
    codec = forecast_codec(cases)
    tail = tail_of(codec, cases, 99)
    assert [history.series for history in tail] == ["p", "q"]
    newer = series(slice(30, 34), slice(42, 44), names=("q", "p"))
    found = after(codec, tail, newer)
    assert found.ids == ("q", "p")
    assert found.times is not None
    np.testing.assert_array_equal(found.inputs[0][:, 0], ROWS[24:34])
    np.testing.assert_array_equal(found.times[0], HOURS[24:34])
    # Two rows are absent: the clock says it, the codec makes holes of them.
    np.testing.assert_array_equal(found.inputs[1][:, 0], [*ROWS[34:40], *ROWS[42:44]])
    other = series(slice(30, 34), slice(42, 44), names=("r", "s"))
    assert after(codec, tail, other).inputs[0] is other.inputs[0]


@pytest.mark.parametrize(
    ("rows", "begin"), [(slice(40, 42), 34), (slice(36, 42), 34), (slice(30, 42), 30)]
)
def test_no_row_stands_twice(rows: slice, begin: int) -> None:
    codec = forecast_codec(series(slice(0, 40)))
    found = after(codec, tail_of(codec, series(slice(0, 40)), 1), series(rows))
    np.testing.assert_array_equal(found.inputs[0][:, 0], ROWS[begin:42])


def test_without_a_clock_rows_follow_and_long_gaps_carry_nothing() -> None:
    plain = series(slice(0, 40), clock=False)
    codec = forecast_codec(plain)
    found = after(codec, tail_of(codec, plain, 1), series(slice(50, 52), clock=False))
    np.testing.assert_array_equal(found.inputs[0][:, 0], [*ROWS[34:40], *ROWS[50:52]])
    assert found.times is None
    clocked = forecast_codec(series(slice(0, 40)))
    tail = tail_of(clocked, series(slice(0, 40)), 1)
    assert len(after(clocked, tail, series(slice(47, 50))).inputs[0]) == 3
    assert len(after(clocked, tail, series(slice(45, 50))).inputs[0]) == 11
    # One side alone with times: nothing says how they lie to one another.
    assert len(after(clocked, tail, series(slice(45, 50), clock=False)).inputs[0]) == 5


def test_a_running_text_ends_in_whole_symbols() -> None:
    text = "one two  three four"
    for symbol, steps, expected in [
        ("character", 6, "e four"),
        ("word", 1, "four"),
        ("word", 99, text),
    ]:
        cases = corpus_cases(text)
        codec = CorpusCodec.fit(cases, DataSettings(task="generate", symbol=symbol))  # type: ignore[arg-type]  # each is one of the literals
        assert tail_of(codec, cases, steps) == (expected,)
        assert after(codec, (expected,), corpus_cases(" five")).inputs == (expected + " five",)
    several = corpus_cases(["ab", "ba"])
    ends = CorpusCodec.fit(several, DataSettings(task="generate"))
    assert tail_of(ends, several, 3) == ()
    assert after(ends, ("x",), several) is several


def test_sequences_that_end_have_none() -> None:
    cases = cases_from_arrays([np.arange(4.0)[:, None], np.ones((2, 1))], [0, 1])
    codec = fit_codec(cases, DataSettings(), "classify")
    assert tail_of(codec, cases, 9) == ()
    assert after(codec, (), cases) is cases


def test_a_tail_survives_its_file_and_forged_ones_are_refused() -> None:
    cases = series(slice(0, 40), slice(0, 30))
    codec = forecast_codec(cases)
    tail = tail_of(codec, cases, 1)
    arrays = tail_arrays(codec, tail)
    again = tail_from_arrays(codec, arrays)
    for one, other in zip(tail, again, strict=True):
        assert one.series == other.series
        np.testing.assert_array_equal(one.values, other.values)
        np.testing.assert_array_equal(one.times, other.times)
    text = CorpusCodec.fit(corpus_cases("abc"), DataSettings(task="generate"))
    assert tail_from_arrays(text, tail_arrays(text, ("abc",))) == ("abc",)
    renamed = {path.replace("1.", "2.", 1): array for path, array in arrays.items()}
    for wrong in (
        renamed,
        {"x": np.zeros(1)},
        {"0.values": np.zeros((2, 2)), "0.more": np.ones(1)},
    ):
        with pytest.raises(BundleError):
            tail_from_arrays(codec, wrong)
