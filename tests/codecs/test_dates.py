"""Dates are seconds since 1970, spans since zero; plain numbers and other dates are neither."""

import pytest

from recurra.codecs.dates import are_compact, seconds_of, spelt_out, zoned


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        ("1970-01-02", 86400.0),
        ("1970-01-01T00:01:00.5", 60.5),
        ("1970-01-01 00:01:00", 60.0),
        ("1970-01-01T02:00:00+02:00", 0.0),
        ("1969-12-31T23:59:59Z", -1.0),
        ("00:07", 420.0),
        ("7:30", 27000.0),
        ("47:59:30.5", 172770.5),
        ("12:60", None),
        ("12:5", None),
        ("-1:30", None),
        ("20240501", None),
        ("-5", None),
        ("1e-5", None),
        ("05/01/2024", None),
        ("1970/1/2", 86400.0),
        ("1970.01.02", 86400.0),
        ("1970年1月2日", 86400.0),
        ("1970/1/1 7:30", 27000.0),
        ("1970年1月1日07:30:00", 27000.0),
        ("1970/13/1", None),
        ("1970/1/1 noon", None),
        ("1.5", None),
        ("2024.5", None),
        ("2024-13-01", None),
        ("", None),
        ("0001-01-01T00:00:00+23:00", -62135679600.0),
    ],
)
def test_seconds_of_a_field(field: str, seconds: float | None) -> None:
    assert seconds_of(field) == seconds


def test_a_time_zone_is_noticed() -> None:
    assert zoned("1970-01-01T00:00:00Z")
    assert not zoned("1970-01-01")
    assert not zoned("5")
    assert not zoned("07:30")


def test_eight_digits_are_dates_where_all_of_them_can_be() -> None:
    assert are_compact(["20240229", "20240301"])
    assert seconds_of(spelt_out("19700102")) == 86400.0
    for fields in ([], ["20240230"], ["20240229", "20240299"], ["2024022"], ["30240101"], ["x"]):
        assert not are_compact(fields)
