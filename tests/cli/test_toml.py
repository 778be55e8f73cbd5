"""The annotated file holds every key with its description and reads back as the same settings."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.cli.toml import annotated
from recurra.spec.settings import SECTIONS, Settings

words = st.text(st.characters(codec="utf-8"), max_size=8)


@settings(max_examples=40, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "id": words,
            "features": st.lists(words, max_size=3).map(tuple),
            "learning_rate": st.floats(1e-12, 1e12),
            "dropout": st.floats(0, 0.999),
            "bidirectional": st.booleans(),
            "hidden": st.integers(1, 65536),
            "pool": st.permutations(("last", "mean", "max")).map(tuple),
            "labels": st.just(Path('odd "name"\\.csv')),
        },
    )
)
def test_nothing_is_lost(tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]) -> None:
    wanted = Settings.from_flat(values)
    file = tmp_path_factory.mktemp("toml") / "recurra.toml"
    file.write_text(annotated(wanted, "Made for this test\nof two lines"), "utf-8")
    assert Settings.from_toml(file) == wanted


def test_every_key_is_there_with_its_description() -> None:
    text = annotated(Settings(), "x")
    flowing = " ".join(text.replace("\n# ", " ").split())
    for section, model in SECTIONS.items():
        assert f"\n[{section}]\n" in text
        for name, field in model.model_fields.items():
            assert f"\n{name} = " in text or f"\n# {name} =\n" in text
            assert (field.description or "?") in flowing


def test_a_key_without_a_value_is_a_comment() -> None:
    assert "\n# target =\n" in annotated(Settings(), "x")
    assert "target" not in tomllib.loads(annotated(Settings(), "x"))["data"]


def test_no_line_is_longer_than_an_editor() -> None:
    assert max(map(len, annotated(Settings(), "x").splitlines())) <= 100
