"""The table of promises names the figures that the code and the tests hold."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from recurra.runtime import golden
from recurra.train.certificate import PROMISED_TORCH

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "guarantees.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("| ")
][1:]


def how_same(claim: str) -> str:
    (cell,) = (row[2] for row in ROWS if row[0] == claim)
    return cell


def figures(claim: str) -> dict[str, float]:
    """dtype -> tolerance, as the row says."""
    return {
        dtype: float(number)
        for number, dtype in re.findall(r"(\de-\d+) \((float\d\d)\)", how_same(claim))
    }


def tolerance_in(test: str) -> dict[str, float]:
    """The TOLERANCE of a file of laws, without running it."""
    for node in ast.parse((ROOT / "tests" / "laws" / test).read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "TOLERANCE":
            assert isinstance(node.value, ast.Dict)
            pairs = zip(node.value.keys, node.value.values, strict=True)
            return {
                ast.unparse(key).removeprefix("torch."): ast.literal_eval(value)
                for key, value in pairs
                if key is not None
            }
    raise AssertionError(f"{test} has no TOLERANCE")


def test_the_figures_are_those_that_are_checked() -> None:
    """Certificate, golden pair and laws take the very numbers of the table."""
    assert figures("runtime = torch, whole model") == dict(PROMISED_TORCH)
    assert figures("golden pair at load") == golden._TOLERANCES
    assert figures("native = reference") == tolerance_in("draws.py")
    assert figures("runtime = torch, each kind of node") == tolerance_in("test_parity.py")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_promise_names_the_tests_that_hold_it(row: list[str]) -> None:
    """Each file or folder it names is there and holds tests."""
    named = re.findall(r"`(tests/[\w./-]+)`", row[3])
    assert named
    for name in named:
        path = ROOT / name
        files = sorted(path.glob("test_*.py")) if path.is_dir() else [path]
        assert any("def test_" in file.read_text("utf-8") for file in files), name
