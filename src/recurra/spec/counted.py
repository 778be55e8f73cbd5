"""Counted nouns, as every message and report says them: 1 case, 2,000 cases, 1 class, 3 classes."""

from __future__ import annotations

__all__ = ["counted"]

_HISSING = ("s", "x", "ch", "sh")


def counted(number: int, unit: str) -> str:
    """1 sequence, 2,000 sequences; 1 series, 2 series; 1 class, 2 classes.

    Args:
        number: How many.
        unit: The noun in the singular; what it ends in says its plural.
    """
    return f"{number:,} {unit if number == 1 else _plural(unit)}"


def _plural(unit: str) -> str:
    if unit.endswith("series"):
        return unit
    return f"{unit}es" if unit.endswith(_HISSING) else f"{unit}s"
