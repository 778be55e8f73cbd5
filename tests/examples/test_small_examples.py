"""The small examples run and do what they say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"examples_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_classify_then_stream(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = str(tmp_path / "bundle")
    assert example("classify").main(bundle) >= 0.9
    capsys.readouterr()
    example("stream").main(bundle)
    said = capsys.readouterr().out
    assert "again the same bits: True" in said
    assert "refused: " in said


def test_regress() -> None:
    assert example("regress").main() >= 0.8
