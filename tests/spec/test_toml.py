"""The plain file holds every value and reads back as the same settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurra.spec.settings import Settings
from recurra.spec.toml import literal, plain_toml


def test_nothing_is_lost(tmp_path: Path) -> None:
    wanted = Settings.from_flat(
        {
            "features": ('odd "name"', "täglich"),
            "labels": Path("a\\b.csv"),
            "learning_rate": 0.1 + 0.2,
            "bidirectional": True,
            "pool": ("max",),
            "lookback": None,
        }
    )
    file = tmp_path / "best.toml"
    file.write_text(plain_toml(wanted, "Two\nlines"), "utf-8")
    assert Settings.from_toml(file) == wanted
    assert file.read_text("utf-8").startswith("# Two\n# lines\n\n[data]\n")


def test_what_no_setting_is_has_no_form() -> None:
    with pytest.raises(TypeError, match="of type dict has no TOML form"):
        literal({})
