"""`info` tells which kernels run and why; of a bundle, what it is and what was certified."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recurra import kernels, runtime
from recurra.cli import info, main
from recurra.spec.report import CERTIFICATE_CLAIMS

Capture = pytest.CaptureFixture[str]


def test_the_installation(capsys: Capture) -> None:
    assert main(["info", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["kernels"]["backend"] == kernels.backend()
    assert told["kernels"]["isa"] == kernels.isa()
    assert told["kernels"]["why"] == kernels.why()
    assert told["kernels"]["step_us"] > 0
    assert told["packages"]["numpy"]
    assert main(["info"]) == 0
    said = capsys.readouterr().out
    assert kernels.why() in said
    assert f"{told['packages']['torch']}" in said


def test_what_is_not_installed_is_said_with_what_it_takes(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(info, "PACKAGES", ("numpy", "torch", "accelerate", "no-such-package"))
    monkeypatch.setattr(info, "_version", lambda name: None if name == "torch" else "1")
    assert main(["info"]) == 0
    said = capsys.readouterr().out
    assert "not installed" in said
    assert 'pip install "recurra[train]"' in said


def test_a_bundle(bundle: Path, capsys: Capture) -> None:
    assert main(["info", str(bundle), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    model = runtime.load(bundle)
    assert told["fingerprint"] == model.fingerprint
    assert told["labels"] == ["high", "low"]
    assert told["features"] == ["left", "right"]
    assert told["streams"] is True
    assert told["parameters"] == sum(w.size for w in model.parts.weights.values())
    assert set(told["certificate"]["claims"]) == set(CERTIFICATE_CLAIMS)
    assert main(["info", str(bundle)]) == 0
    said = capsys.readouterr().out
    for claim in CERTIFICATE_CLAIMS:
        assert claim.replace("_", " ") in said
