"""Settings as the text of a TOML file that `Settings.from_toml` reads back without loss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from recurra.spec.settings import SECTIONS, Settings

__all__ = ["literal", "plain_toml"]


def plain_toml(settings: Settings, opening: str) -> str:
    """`opening` as a comment, then each section with the keys that have a value."""
    lines = [f"# {line}".rstrip() for line in opening.splitlines()]
    for section in SECTIONS:
        values = dict(getattr(settings, section))
        lines += ["", f"[{section}]"]
        lines += [f"{name} = {literal(v)}" for name, v in values.items() if v is not None]
    return "\n".join(lines) + "\n"


def literal(value: Any) -> str:
    """A setting's value as TOML spells it.

    Raises:
        TypeError: no setting has a value of this type.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, str | Path):
        # JSON's string is TOML's, but for DEL, which TOML wants escaped.
        return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
    raise TypeError(f"a setting of type {type(value).__name__} has no TOML form here")
