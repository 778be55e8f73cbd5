"""ISO dates as seconds since 1970-01-01 UTC; a date without a zone counts as UTC.

A month, 2024-05, is its first day. With the year first a date may also be 2024/5/31, 2024.5.31 or
2024年5月31日, a time behind it. A time of day or a span, 07:30 or 47:59:30, is its seconds since
zero. A column of nothing but dates such as 20240531 is read as these.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

__all__ = ["are_compact", "seconds_of", "spelt_out", "zoned"]

_MONTH = len("2024-05")
_YEAR_FIRST = re.compile(r"([0-9]{4})([/.年])([0-9]{1,2})[/.月]([0-9]{1,2})日?(?:[T ]?(\S.*))?")
# Within these years eight digits are a date, and hardly ever a count.
_COMPACT = re.compile(r"(?:19|20)[0-9]{6}")
_SPAN = re.compile(r"([0-9]{1,5}):([0-5][0-9])(?::([0-5][0-9](?:\.[0-9]{1,9})?))?")


def seconds_of(field: str) -> float | None:
    """The seconds of an ISO date or a span; None for anything else, plain numbers included."""
    span = _SPAN.fullmatch(field)
    if span is not None:
        hours, minutes, seconds = span.groups("0")
        return 3600.0 * int(hours) + 60.0 * int(minutes) + float(seconds)
    moment = _moment(field)
    if moment is None:
        return None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except OverflowError:
        return None


def are_compact(fields: Iterable[str]) -> bool:
    """Whether all fields are dates of eight digits, 20240531: each of them, and at least one."""
    known = set(fields)
    return bool(known) and all(
        _COMPACT.fullmatch(field) is not None and _moment(spelt_out(field)) is not None
        for field in known
    )


def spelt_out(field: str) -> str:
    """20240531 as 2024-05-31."""
    return f"{field[:4]}-{field[4:6]}-{field[6:]}"


def zoned(field: str) -> bool:
    """Whether an ISO date names its time zone."""
    moment = _moment(field)
    return moment is not None and moment.tzinfo is not None


def _moment(field: str) -> datetime | None:
    year_first = _YEAR_FIRST.fullmatch(field)
    if year_first is not None:
        year, _, month, day, clock = year_first.groups()
        hours = "" if clock is None else f"T{'0' if clock[1:2] == ':' else ''}{clock}"
        field = f"{year}-{month:0>2}-{day:0>2}{hours}"
    # "20240501" is an ISO date too, but alone it may be any number.
    if "-" not in field[1:]:
        return None
    if len(field) == _MONTH and field[4] == "-":
        field += "-01"
    try:
        return datetime.fromisoformat(field)
    except ValueError:
        return None
