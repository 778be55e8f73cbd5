"""Settings as an annotated TOML file: every key with its description, read back without loss."""

from __future__ import annotations

import textwrap

from recurra.cli.flags import choices_of
from recurra.spec.settings import SECTIONS, Settings
from recurra.spec.toml import literal

__all__ = ["annotated"]

# Of a comment's text: with "# " before it a line fits an editor of 100 columns.
WIDTH = 98


def annotated(settings: Settings, opening: str) -> str:
    """The text of the file: `opening` as a comment, then each section with all its keys.

    A key that has no value stands there as a comment. `Settings.from_toml` gives equal settings.
    """
    lines = [f"# {line}".rstrip() for line in opening.splitlines()]
    for section, model in SECTIONS.items():
        lines += ["", f"[{section}]"]
        values = getattr(settings, section)
        for name, field in model.model_fields.items():
            choices = choices_of(field.annotation)
            comment = (
                f"{field.description} One of: {', '.join(choices)}."
                if choices
                else field.description
            )
            lines += [
                f"# {line}"
                for line in textwrap.wrap(comment or name, WIDTH, break_on_hyphens=False)
            ]
            value = getattr(values, name)
            lines.append(f"# {name} =" if value is None else f"{name} = {literal(value)}")
    return "\n".join(lines) + "\n"
