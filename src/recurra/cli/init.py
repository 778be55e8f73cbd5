"""`recurra init`: look at a file, say what it holds, write it down as settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recurra.cli.flags import DEFAULT_CONFIG, SectionedCommand, settings_flags
from recurra.cli.printed import counted, quoted
from recurra.errors import OutputError
from recurra.spec.settings import DataSettings, Settings

if TYPE_CHECKING:
    from recurra.codecs import Inspection

__all__ = ["command"]


@click.command(cls=SectionedCommand)
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=DEFAULT_CONFIG,
    show_default=True,
    help="File to write.",
)
@click.option("--force", is_flag=True, help="Replace OUT where it exists.")
@settings_flags(*DataSettings.model_fields)
def command(data: Path, out: Path, force: bool, **flags: Any) -> None:
    """Look at the sequences of DATA and write an annotated recurra.toml.

    What the flags do not say is inferred: the task, the columns, their sizes.
    """
    from recurra.cli.toml import annotated
    from recurra.codecs import inspect
    from recurra.spec.disk import write_atomic

    if out.exists() and not force:
        raise OutputError(f"{out} exists: choose another name with --out, or use --force")
    settings = Settings.from_flat({name: v for name, v in flags.items() if v is not None})
    found = inspect(data, settings.data)
    lines = described(found)
    also = "" if out == DEFAULT_CONFIG else f" --config {quoted(out)}"
    fit = f"recurra fit {quoted(data)}{also}"
    opening = "\n".join([f"Settings for `{fit}`, made by `recurra init`.", "", *lines])
    write_atomic(out, _encoded(annotated(inferred(found, settings), opening)))
    print("\n".join(lines))
    print(f"\nwritten to {out}; what to run next:\n  {fit}")


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        name = text[error.start - 1 : error.end + 1]
        raise OutputError(
            f"expected names of files in UTF-8, got one with {name!a}: rename the file"
        ) from None


def described(found: Inspection) -> list[str]:
    """What was found, a line each."""
    short, median, long = found.lengths
    unit = "characters" if found.kind == "text" else "steps"
    lines = [
        f"{found.source}: {counted(found.cases, 'sequence')} of {short:,} to {long:,} {unit} "
        f"(median {median:,g})",
        *(f"  {role:<8} {name}" for name, role in found.roles if role not in _LISTED),
    ]
    for role, heading in _LISTED.items():
        names = [name for name, its in found.roles if its == role]
        if names:
            lines.append(f"  {heading:<8} {_some(names)}")
    if found.classes is not None:
        counts = [f"{label} ({count:,})" for label, count in found.classes]
        lines.append(f"  task     classify, {len(counts)} classes: {_some(counts)}")
    elif found.span is not None:
        lines.append(f"  task     regress, from {found.span[0]:g} to {found.span[1]:g}")
    elif found.task is not None:
        lines.append(f"  task     {found.task}")
    return lines + [f"  look at: {warning}" for warning in found.warnings]


def inferred(found: Inspection, settings: Settings) -> Settings:
    """`settings` with what the file tells: task and, for tables, the columns' roles."""
    values: dict[str, Any] = {} if found.task is None else {"task": found.task}
    if {role for _, role in found.roles} & {"id", "text"}:
        values |= {
            role: name
            for role in ("id", "time", "target", "text")
            if (name := found.role_of(role)) is not None
        }
        if found.features:
            values["features"] = found.features
    return Settings.from_flat(values, settings)


# Roles that many columns can have, with what they are called.
_LISTED = {"feature": "features", "ignored": "not read"}
_MOST_SHOWN = 12


def _some(names: list[str]) -> str:
    rest = len(names) - _MOST_SHOWN
    return ", ".join(names[:_MOST_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
