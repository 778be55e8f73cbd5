"""A named instruction set is the one that runs, or an error; never silently another."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from recurra import kernels
from recurra.errors import BackendError
from recurra.kernels import choice


def test_the_named_instruction_set_runs(each_isa):
    assert kernels.isa() == each_isa
    assert each_isa in kernels.why()


def test_one_that_the_processor_has_not_is_refused():
    before = kernels.isa()
    with pytest.raises(BackendError, match="altivec"):
        kernels.set_isa("altivec")
    assert kernels.isa() == before


@pytest.mark.parametrize("name", [*kernels.isas(), "altivec"])
def test_the_environment_names_one_too(name):
    run = subprocess.run(
        [sys.executable, "-c", "from recurra import kernels; print(kernels.isa(), kernels.why())"],
        env={**os.environ, "RECURRA_ISA": name},
        capture_output=True,
        text=True,
    )
    if name == "altivec":
        assert "BackendError" in run.stderr
        assert "RECURRA_ISA" in run.stderr
    else:
        assert run.stdout.startswith(name + " ")
        assert "RECURRA_ISA named it" in run.stdout or kernels.backend() == "portable"


def test_what_only_the_extension_does_says_so(monkeypatch):
    monkeypatch.setattr(choice, "_NATIVE", None)
    monkeypatch.setattr(choice, "_ABSENT", "no such file")
    assert kernels.backend() == "portable"
    assert "no such file" in kernels.why()
    with pytest.raises(BackendError, match="a backward pass needs the native kernels"):
        choice.require_native("a backward pass")
