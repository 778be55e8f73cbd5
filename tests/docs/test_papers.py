"""Every command of the papers' page is there, and the page names every one that is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "papers.md").read_text("utf-8")


def test_the_page_and_the_commands_are_the_same() -> None:
    named = set(re.findall(r"python -m benchmarks\.papers\.(\w+)", PAGE))
    there = {
        path.stem
        for path in (ROOT / "benchmarks" / "papers").glob("*.py")
        if "def main(" in path.read_text("utf-8")
    }
    assert named == there


def test_its_pictures_are_there() -> None:
    for name in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", PAGE):
        assert (ROOT / "docs" / name).exists(), name
