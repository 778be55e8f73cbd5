"""`evaluate` prints one object with exactly the promised keys, or a table for people."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recurra import runtime
from recurra.cli import main
from recurra.spec.report import METRICS

Capture = pytest.CaptureFixture[str]


def test_json_has_the_promised_keys(bundle: Path, table: Path, capsys: Capture) -> None:
    assert main(["evaluate", str(bundle), str(table), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"task", "n", "seconds", *METRICS["classify"]}
    assert (told["task"], told["n"]) == ("classify", 24)
    assert 0 < told["seconds"] < 60
    for name in ("accuracy", "macro_f1", "auc"):
        assert 0 <= told[name] <= 1


def test_numbers_have_their_own_figures(
    tmp_path: Path, capsys: Capture, numbers: Path, small: list[str]
) -> None:
    out = tmp_path / "b"
    assert main(["fit", str(numbers), *small, "--quiet", "--out", str(out)]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(out), str(numbers), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"task", "n", "seconds", *METRICS["regress"]}
    values = [json.loads(line) for line in numbers.read_text().splitlines()]
    model = runtime.load(out)
    errors = [float(model(np.array(case["x"]))) - case["y"] for case in values]
    assert told["mse"] == pytest.approx(np.mean(np.square(errors)))
    assert main(["evaluate", str(out), str(numbers)]) == 0
    assert "mae" in capsys.readouterr().out


def test_people_see_every_class(bundle: Path, table: Path, capsys: Capture) -> None:
    assert main(["evaluate", str(bundle), str(table)]) == 0
    said = capsys.readouterr().out
    for word in ("24 sequences", "accuracy", "precision", "recall", "high", "low"):
        assert word in said


def test_the_answers_are_needed(bundle: Path, table: Path, tmp_path: Path, capsys: Capture) -> None:
    bare = tmp_path / "bare.csv"
    bare.write_text("\n".join(line.rsplit(",", 1)[0] for line in table.read_text().splitlines()))
    assert main(["evaluate", str(bundle), str(bare)]) == 2
    assert "target" in capsys.readouterr().err


def test_torch_is_not_loaded(bundle: Path, table: Path) -> None:
    run = (
        "import sys; from recurra.cli import main;"
        f"code = main(['evaluate', {str(bundle)!r}, {str(table)!r}, '--json'])"
        f" or main(['predict', {str(bundle)!r}, {str(table)!r}, '--out', '/dev/null/x.csv']) != 2"
        f" or main(['info', {str(bundle)!r}]) or main(['info']);"
        "sys.exit(code or 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
