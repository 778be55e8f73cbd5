"""A printed command is whole: read again, it gives the very settings that were given."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from recurra.cli.flags import settings_flags
from recurra.cli.hints import again, flags_of
from recurra.spec.settings import Settings

GIVEN: dict[str, Any] = {
    "task": "forecast",
    "id": "门店 编号",
    "target": "a,b",
    "features": ("温度", 'with "quotes", and a comma'),
    "labels": Path("标签 表.csv"),
    "bidirectional": True,
    "bias": False,
    "learning_rate": 0.003,
    "convolution": (8, 16),
    "levels": (0.1, 0.9),
    "hidden": 7,
}


def test_flags_say_the_settings_again() -> None:
    seen: dict[str, Any] = {}

    @click.command()
    @settings_flags()
    def command(**flags: Any) -> None:
        seen.update({name: value for name, value in flags.items() if value is not None})

    words = shlex.split(" ".join(flags_of({**GIVEN, "cell": None})))
    done = CliRunner().invoke(command, words, standalone_mode=False)
    assert done.exception is None
    assert Settings.from_flat(seen) == Settings.from_flat(GIVEN)


@pytest.mark.parametrize("config", [None, Path("设 置.toml")])
def test_a_training_is_gone_on_with_by_its_own_command(config: Path | None) -> None:
    line = again(Path("a b.csv"), config, None, Path("模型"), {"task": "tag", "cell": None})
    named = [] if config is None else ["--config", "设 置.toml"]
    assert shlex.split(line) == [
        *["recurra", "fit", "a b.csv", *named, "--out", "模型", "--task", "tag", "--resume"]
    ]
