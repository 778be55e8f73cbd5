"""Options that several commands have are the same in each of them."""

from __future__ import annotations

import click
import pytest

from recurra.cli.compare import command as compare
from recurra.cli.doctor import command as doctor
from recurra.cli.find_lr import command as find_lr
from recurra.cli.fit import command as fit
from recurra.cli.tune import command as tune


def option(command: click.Command, name: str) -> dict[str, object]:
    (found,) = (p for p in command.params if p.name == name)
    return {key: found.to_info_dict()[key] for key in ("opts", "help", "default", "is_flag")}


@pytest.mark.parametrize(
    ("name", "commands"),
    [
        ("config", (fit, compare, tune, find_lr)),
        ("as_json", (fit, compare, tune, find_lr, doctor)),
        ("quiet", (fit, compare, tune)),
    ],
)
def test_an_option_is_one(name: str, commands: tuple[click.Command, ...]) -> None:
    first, *others = (option(command, name) for command in commands)
    assert first["opts"] == [{"config": "--config", "as_json": "--json", "quiet": "--quiet"}[name]]
    assert all(other == first for other in others)
