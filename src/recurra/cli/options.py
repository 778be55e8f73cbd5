"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["config_option", "json_option", "quiet_option"]

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Settings to start from; default: recurra.toml of this folder, where there is one.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="One JSON object on standard output."
)
quiet_option = click.option("--quiet", is_flag=True, help="No progress.")
