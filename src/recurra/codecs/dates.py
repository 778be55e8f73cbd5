"""ISO dates as seconds since 1970-01-01 UTC; a date without a zone counts as UTC.

A month, 2024-05, is its first day. A time of day or a span, 07:30 or 47:59:30, is its seconds since
zero.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

__all__ = ["seconds_of", "zoned"]

_MONTH = len("2024-05")
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


def zoned(field: str) -> bool:
    """Whether an ISO date names its time zone."""
    moment = _moment(field)
    return moment is not None and moment.tzinfo is not None


def _moment(field: str) -> datetime | None:
    # "20240501" is an ISO date too, but in a column of times it is a number.
    if "-" not in field[1:]:
        return None
    if len(field) == _MONTH and field[4] == "-":
        field += "-01"
    try:
        return datetime.fromisoformat(field)
    except ValueError:
        return None
