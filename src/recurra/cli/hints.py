"""Commands to run next, whole: what is printed can be pasted and runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recurra.cli.printed import quoted
from recurra.spec.settings import SECTIONS

__all__ = ["again", "flags_of"]


def again(
    data: Path, config: Path | None, valid: Path | None, out: Path, settings: Mapping[str, Any]
) -> str:
    """The command that goes on with an interrupted training, every flag of it as it was given.

    Args:
        data: DATA.
        config: --config.
        valid: --valid.
        out: Where the bundle is.
        settings: Setting -> value, None where the flag was not given.
    """
    named = {"config": config, "valid": valid, "out": out}
    places = [f"--{name} {quoted(path)}" for name, path in named.items() if path is not None]
    return " ".join(["recurra fit", quoted(data), *places, *flags_of(settings), "--resume"])


def flags_of(settings: Mapping[str, Any]) -> list[str]:
    """The flags that say these settings, in the order of the settings."""
    order = [name for section in SECTIONS.values() for name in section.model_fields]
    return [_flag(name, settings[name]) for name in order if settings.get(name) is not None]


def _flag(name: str, value: Any) -> str:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{flag}" if value else f"--no-{flag}"
    if isinstance(value, tuple):
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(value)
        value = line.getvalue()
    return f"--{flag} {quoted(str(value))}"
