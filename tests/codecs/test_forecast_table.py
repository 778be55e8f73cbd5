"""A table becomes series with targets, covariates and times, or its faulty line is named."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from recurra.codecs import read_cases
from recurra.codecs.forecast_fit import fit_forecast_codec
from recurra.codecs.forecast_table import SeriesCases
from recurra.errors import DataError
from recurra.spec.settings import DataSettings, Settings

Write = Callable[..., Path]
TABLE = (
    "store,day,sales,price,offer\n"
    + "".join(f"a,2024-01-{d:02d},{d},{d / 2},0\n" for d in range(1, 9))
    + "".join(f"b,2024-01-{d:02d},{2 * d},,1\n" for d in range(1, 7))
)


def read(path: Path, **settings: Any) -> SeriesCases:
    cases = read_cases(path, DataSettings(task="forecast", **settings))
    assert isinstance(cases, SeriesCases)
    return cases


def test_series_of_a_long_table(write: Write) -> None:
    cases = read(
        write(TABLE), id="store", time="day", target="sales", features=("price",), known=("offer",)
    )
    assert cases.ids == ("a", "b")
    assert cases.features == ("sales", "price", "offer")
    assert (cases.target_names, cases.past_names, cases.known_names) == (
        ("sales",),
        ("price",),
        ("offer",),
    )
    assert cases.dated
    assert cases.times is not None
    assert np.diff(cases.times[1]).tolist() == [86400.0] * 5
    assert cases.inputs[1][:, 0].tolist() == [2, 4, 6, 8, 10, 12]
    assert np.isnan(cases.inputs[1][:, 1]).all()


def test_one_series_needs_neither_id_nor_names(write: Write) -> None:
    cases = read(write("Month,Passengers\n1949-01,112\n1949-02,118\n1949-03,132\n"))
    assert cases.target_names == ("Passengers",)
    assert cases.ids == ("0",)
    assert cases.dated
    assert cases.columns is not None
    assert cases.columns.time == "Month"


def test_several_targets_are_named_with_commas(write: Write) -> None:
    path = write('t,A,B,"A,B"\n1,1,2,3\n2,4,5,6\n')
    assert read(path, target="A,B").target_names == ("A,B",)
    assert read(path, target="A, B").target_names == ("A", "B")
    assert not read(path, target="A").dated


def test_a_data_frame_too() -> None:
    frame = pl.DataFrame({"time": [0.0, 1.0, 2.0], "y": [1.0, None, float("nan")]})
    cases = read_cases(frame, DataSettings(task="forecast"))
    assert np.isnan(cases.inputs[0][1:]).all()


def test_a_model_finds_its_columns_again(write: Write) -> None:
    cases = read(write(TABLE), id="store", time="day", target="sales", known=("offer",))
    settings = Settings.from_flat({"task": "forecast", "horizon": 1, "lookback": 3, "season": 1})
    codec = fit_forecast_codec(cases, settings)
    again = read_cases(write(TABLE, "b.csv"), DataSettings(), expect=codec)
    assert again.features == ("sales", "offer")
    with pytest.raises(DataError, match="expected the column 'offer', which the model was trained"):
        read_cases(write("store,day,sales\na,2024-01-01,1\n"), DataSettings(), expect=codec)
    with pytest.raises(DataError, match="expected the id column 'store' as in training"):
        read_cases(write("day,sales,offer\n2024-01-01,1,0\n"), DataSettings(), expect=codec)


@pytest.mark.parametrize(
    ("content", "settings", "words"),
    [
        ("t,a,b\n1,2,3\n", {}, "expected one column to forecast, got 'a', 'b': name it with"),
        ("t,a\n1,2\n", {"target": "b"}, "as target says"),
        ("t,a,b\n1,2,3\n", {"target": "a,a"}, "column 'a'.*each target once"),
        ("t,a,b\n1,2,3\n", {"target": "a", "known": ("a",)}, "got target and known"),
        ("t,a\n1,2\n2,x\n", {"target": "a"}, "line 3, column 'a'.*got the text 'x'"),
        ("t,a\n1,2\n2,inf\n", {"target": "a"}, "line 3, column 'a'.*infinite"),
        ("t,a\n1,NA\n2,\n", {"target": "a"}, "without any value"),
        ("t,a\n2,1\n1,2\n", {"target": "a"}, "line 3, column 't'.*expected times that rise"),
        (
            "t,a\n2024-10-27 02:00,1\n2024-10-27 02:00,2\n",
            {"target": "a"},
            "line 3.*twice.*put back an hour, give times with their zone",
        ),
        ("id,t,a\n,1,1\n", {"target": "a"}, "line 2, column 'id'.*expected an id"),
    ],
)
def test_what_cannot_be_read_is_named(
    write: Write, content: str, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        read(write(content), **settings)


def test_other_sources_are_refused(write: Write) -> None:
    with pytest.raises(DataError, match=r"expected a table \(.csv, .tsv, .parquet\), got '.npz'"):
        read(write("", "a.npz"))
    with pytest.raises(DataError, match="expected a path or a data frame, got int"):
        read_cases(3, DataSettings(task="forecast"))


def test_times_with_a_zone_are_even_where_clocks_change(write: Write) -> None:
    rows = ("01:00+01:00", "03:00+02:00", "04:00+02:00")
    cases = read(write("t,a\n" + "".join(f"2024-03-31T{row},1\n" for row in rows)))
    assert cases.times is not None
    assert np.diff(cases.times[0]).tolist() == [3600.0, 3600.0]


@pytest.mark.parametrize(
    "days",
    [
        ["20240131", "20240201", "20240202"],
        ["2024/1/31", "2024/2/1", "2024/2/2"],
        ["2024年1月31日", "2024年2月1日", "2024年2月2日"],
    ],
)
def test_dates_as_people_write_them_are_a_day_apart(tmp_path: Path, days: list[str]) -> None:
    path = tmp_path / "sales.csv"
    path.write_text("date,sold\n" + "".join(f"{day},{k}\n" for k, day in enumerate(days)))
    cases = read_cases(path, DataSettings(task="forecast"))
    assert isinstance(cases, SeriesCases)
    assert cases.dated
    assert cases.times is not None
    assert np.diff(cases.times[0]).tolist() == [86400.0, 86400.0]
    path.write_text(f"date,sold\n{days[1]},1\n{days[0]},2\n")
    with pytest.raises(DataError, match=f"got {days[0]} after {days[1]}"):
        read_cases(path, DataSettings(task="forecast"))


def test_local_times_lack_an_hour_in_spring_and_have_one_twice_in_autumn(write: Write) -> None:
    """The hour that lacks is a hole; the one that comes twice cannot be told apart."""
    zone = ZoneInfo("Europe/Berlin")

    def hours(day: datetime) -> list[datetime]:
        begin = day.replace(tzinfo=zone).astimezone(UTC)
        return [(begin + timedelta(hours=k)).astimezone(zone) for k in range(40)]

    def table(times: list[str]) -> Path:
        return write("time,y\n" + "".join(f"{time},{k % 5}\n" for k, time in enumerate(times)))

    spring, autumn = hours(datetime(2024, 3, 30)), hours(datetime(2024, 10, 26))
    local = [time.replace(tzinfo=None).isoformat() for time in spring]
    found = read(table(local))
    assert found.times is not None
    assert sorted(np.diff(found.times[0]))[-2:] == [3600.0, 7200.0]
    with pytest.raises(DataError, match=r"2024-10-27T02:00:00 twice .*give times with their zone"):
        read(table([time.replace(tzinfo=None).isoformat() for time in autumn]))
    # A logger that is carried to another zone goes on; one that forgets its zone is refused.
    tokyo = ZoneInfo("Asia/Tokyo")
    moved = [t.astimezone(zone if k < 20 else tokyo).isoformat() for k, t in enumerate(autumn)]
    even = read(table(moved)).times
    assert even is not None
    np.testing.assert_array_equal(np.diff(even[0]), 3600.0)
    with pytest.raises(DataError, match="all with or all without a time zone"):
        read(table([*moved[:20], *local[20:]]))


def _hours(zone: str) -> str:
    rows = (f"2024-03-{1 + k // 24:02d}T{k % 24:02d}:00{zone},{k % 5}\n" for k in range(60))
    return "t,a\n" + "".join(rows)


@pytest.mark.parametrize(("trained", "wanted"), [("", "without"), ("+02:00", "with")])
def test_dates_whose_zones_are_not_as_in_training_are_refused(
    write: Write, trained: str, wanted: str
) -> None:
    settings = DataSettings(task="forecast")
    codec = fit_forecast_codec(read(write(_hours(trained))), Settings.from_flat({"horizon": 2}))
    assert codec.zoned == bool(trained)
    other = write(_hours("" if trained else "Z"), "other.csv")
    with pytest.raises(
        DataError, match=f"line 2, column 't'.*expected dates {wanted} a time zone, as in training"
    ):
        read_cases(other, settings, expect=codec)
    # Any zone says when it was.
    if trained:
        found = read_cases(write(_hours("-05:00"), "far.csv"), settings, expect=codec)
        assert isinstance(found, SeriesCases)
        assert found.zoned
    # Numbers are seconds since 1970-01-01 UTC.
    numbers = "t,a\n" + "".join(f"{1709280000 + 3600 * k},{k % 5}\n" for k in range(60))
    found = read_cases(write(numbers, "numbers.csv"), settings, expect=codec)
    assert isinstance(found, SeriesCases)
    assert found.zoned is None


def test_dates_are_refused_where_training_had_numbers(write: Write) -> None:
    numbers = "t,a\n" + "".join(f"{3600 * k},{k % 5}\n" for k in range(60))
    codec = fit_forecast_codec(read(write(numbers)), Settings.from_flat({"horizon": 2}))
    with pytest.raises(DataError, match=r"line 2, column 't'.*expected numbers as times"):
        read_cases(write(_hours(""), "dates.csv"), DataSettings(task="forecast"), expect=codec)
