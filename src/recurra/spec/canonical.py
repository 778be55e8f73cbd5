"""JSON in one form only: what is read back must be byte for byte what was written.

Keys keep their order, none may occur twice, and numbers that JSON does not know (NaN, Infinity)
are refused.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from recurra.errors import BundleError

__all__ = ["json_from_bytes", "json_to_bytes"]


def json_to_bytes(tree: Any, *, indent: int | None = 1, sort_keys: bool = False) -> bytes:
    """The tree as ASCII text; the same tree always gives the same bytes.

    Raises:
        ValueError: the tree holds NaN or an infinity.
    """
    separators = (",", ":") if indent is None else None
    text = json.dumps(
        tree, indent=indent, sort_keys=sort_keys, separators=separators, allow_nan=False
    )
    return text.encode("ascii")


def json_from_bytes(raw: bytes, where: str) -> Any:
    """The tree that `raw` spells, whatever its spacing.

    Args:
        raw: UTF-8 text.
        where: What is being read, for the message.

    Raises:
        BundleError: not UTF-8, not JSON, a key twice in one object, or nested too deep.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        tree = dict(pairs)
        if len(tree) != len(pairs):
            raise ValueError("a key occurs twice")
        return tree

    def refuse(word: str) -> NoReturn:
        raise ValueError(f"{word} is not a JSON number")

    def finite(word: str) -> float:
        value = float(word)
        return value if math.isfinite(value) else refuse(word)

    try:
        return json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=unique,
            parse_constant=refuse,
            parse_float=finite,
        )
    except RecursionError:
        raise BundleError(f"{where}: nested deeper than any that recurra writes") from None
    except ValueError as error:  # UnicodeDecodeError and JSONDecodeError are both of this kind
        raise BundleError(f"{where}: not readable as JSON ({error}): copy it again") from None
