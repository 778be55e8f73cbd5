"""An exported bundle is the trained model: the runtime loads it and answers as torch does."""

import json
from pathlib import Path

import numpy as np
import pytest

from recurra import runtime
from recurra.codecs import Cases, cases_from_arrays
from recurra.errors import CertificateError, OutputError
from recurra.spec.settings import Settings
from recurra.train import certificate
from recurra.train.evaluate import model_in_torch
from recurra.train.fit import Fitted, fit_cases


def cases() -> Cases:
    generator = np.random.default_rng(1)
    x = [generator.normal(size=(int(generator.integers(2, 9)), 2)) + k % 2 for k in range(20)]
    return cases_from_arrays(x, ["a" if k % 2 else "b" for k in range(20)])


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return fit_cases(cases(), Settings.from_flat({"epochs": 2, "hidden": 4}))


def test_the_runtime_answers_as_torch_does(fitted: Fitted, tmp_path: Path) -> None:
    folder = fitted.export(tmp_path / "bundle")
    model = runtime.load(folder)
    theirs = model_in_torch(fitted.module, fitted.task, fitted.graphs, fitted.codec)
    np.testing.assert_allclose(model(cases()), theirs(cases()), rtol=0, atol=1e-5)


def test_card_and_certificate_are_there(fitted: Fitted, tmp_path: Path) -> None:
    folder = fitted.export(tmp_path / "bundle")
    claims = json.loads((folder / "certificate.json").read_text())["claims"]
    assert claims["step_vs_whole"]["max_abs_diff"] == 0.0
    assert "accuracy" in (folder / "README.md").read_text()


def test_what_stands_there_is_replaced_only_by_force(fitted: Fitted, tmp_path: Path) -> None:
    folder = fitted.export(tmp_path / "bundle")
    before = (folder / "manifest.json").read_bytes()
    with pytest.raises(OutputError, match="force"):
        fitted.export(folder)
    assert (folder / "manifest.json").read_bytes() == before
    fitted.export(folder, force=True)
    runtime.load(folder)


def test_a_broken_promise_writes_nothing(
    fitted: Fitted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificate, "PROMISED_TORCH", {"float32": -1.0})
    with pytest.raises(CertificateError, match="runtime_vs_torch"):
        fitted.export(tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()
