"""ISO dates as seconds since 1970-01-01 UTC; a date without a zone counts as UTC."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["seconds_of", "zoned"]


def seconds_of(field: str) -> float | None:
    """The seconds of an ISO date; None for anything else, plain numbers included."""
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
    try:
        return datetime.fromisoformat(field)
    except ValueError:
        return None
