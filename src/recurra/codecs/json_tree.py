"""Strict reading of a codec's JSON: exact keys, exact types, finite numbers, no doubles."""

from __future__ import annotations

import math
from typing import Any

from recurra.errors import BundleError

__all__ = ["choice", "names", "numbers", "object_of", "text", "texts"]


def object_of(tree: Any, where: str, keys: set[str]) -> dict[str, Any]:
    """An object with exactly these keys."""
    if not isinstance(tree, dict):
        raise BundleError(f"{where} must be an object, got {type(tree).__name__}")
    if set(tree) != keys:
        wrong = sorted(map(str, keys ^ set(tree)))
        raise BundleError(f"{where} must have exactly the keys {sorted(keys)}; at odds: {wrong}")
    return tree


def text(value: Any, where: str) -> str:
    """A text that can be written as UTF-8."""
    if not isinstance(value, str) or not _is_unicode(value):
        raise BundleError(f"{where} must be a text, got {value!r}")
    return value


def choice(value: Any, where: str, choices: tuple[str, ...]) -> str:
    """One of a few words."""
    if not isinstance(value, str) or value not in choices:
        raise BundleError(f"{where} must be one of {', '.join(choices)}; got {value!r}")
    return value


def texts(value: Any, where: str) -> tuple[str, ...]:
    """Different, non-empty texts."""
    if not isinstance(value, list):
        raise BundleError(f"{where} must be a list, got {type(value).__name__}")
    found = tuple(text(entry, where) for entry in value)
    if len(set(found)) != len(found) or "" in found:
        raise BundleError(f"{where} must hold different, non-empty texts")
    return found


def names(value: Any, where: str) -> tuple[str, ...]:
    """As `texts`, and at least one."""
    found = texts(value, where)
    if not found:
        raise BundleError(f"{where} must hold at least one name")
    return found


def numbers(
    value: Any, where: str, *, count: int | None = None, positive: bool = False
) -> list[float]:
    """Finite numbers, `count` of them where it is given."""
    if not isinstance(value, list) or (count is not None and len(value) != count):
        wanted = "numbers" if count is None else f"{count} numbers"
        raise BundleError(f"{where} must be a list of {wanted}")
    for entry in value:
        # A whole number beyond float64's range would overflow in float(): compare before.
        if (
            isinstance(entry, bool)
            or not isinstance(entry, int | float)
            or (isinstance(entry, int) and abs(entry) > 2**1000)
            or not math.isfinite(entry)
            or (positive and entry <= 0)
        ):
            kind = "finite positive numbers" if positive else "finite numbers"
            raise BundleError(f"{where} must hold {kind}, got {entry!r}")
    return [float(entry) for entry in value]


def _is_unicode(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
