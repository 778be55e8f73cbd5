"""The guide to explanations runs as printed, and names functions that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

import recurra.explain

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "explain.md").read_text("utf-8")


def test_the_example_runs_as_printed() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    assert np.all(names["found"].log10["h"][:, -1] == 0)
    assert set(names["by_layer"]) == set(names["losses"]) == {"layers.0", "layers.1"}


def test_every_function_of_the_table_is_public() -> None:
    named = re.findall(r"^\| `(\w+)\(", GUIDE, re.MULTILINE)
    assert len(named) == 5
    assert set(named) <= set(recurra.explain.__all__)
