"""`recurra doctor` reads a training's own files, in words and as JSON; `fit` ends with the same."""

import json

import numpy as np
import pytest

from recurra.cli import main
from recurra.spec.report import Diagnosis, Finding


@pytest.fixture
def table(tmp_path):
    random = np.random.default_rng(0)
    lines = ["id,heat,state"]
    for case in range(60):
        for _ in range(6):
            lines.append(f"{case},{random.normal() + 2 * (case % 2):.4f},{'ab'[case % 2]}")
    path = tmp_path / "readings.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def fit(table, *flags):
    out = table.parent / "model"
    arguments = ["fit", str(table), "--out", str(out), "--quiet", "--threads", "1", "--hidden", "4"]
    return main([*arguments, *flags]), out


def test_a_healthy_training_is_said_to_be_so(table, capsys):
    code, out = fit(table, "--epochs", "12")
    assert code == 0
    assert "doctor: nothing found" in capsys.readouterr().out
    assert main(["doctor", str(out)]) == 0
    told = capsys.readouterr().out
    assert "classify, 12 epochs; the training ended by epochs" in told
    assert "nothing found that looks wrong" in told


def test_a_rate_of_three_is_found_with_its_flag(table, capsys):
    code, out = fit(table, "--epochs", "6", "--learning-rate", "30", "--schedule", "constant")
    assert code == 0
    told = capsys.readouterr().out
    assert "to look at, the worst first" in told
    assert main(["doctor", f"{out}.run", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == set(Diagnosis.__annotations__)
    assert set(found["findings"][0]) == set(Finding.__annotations__)
    assert "learning_rate_high" in [finding["name"] for finding in found["findings"]]
    assert main(["doctor", str(out)]) == 0
    assert "try: " in capsys.readouterr().out


def test_the_findings_are_in_the_report_too(table, capsys):
    code, out = fit(table, "--epochs", "3", "--learning-rate", "1e-6", "--json")
    assert code == 0
    (finding, *_) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["name"] == "learning_rate_low"
    report = json.loads((out.parent / "model.run" / "report.json").read_text("utf-8"))
    assert report["findings"][0]["settings"] == finding["settings"]


def test_a_folder_without_a_training_is_refused(tmp_path, capsys):
    assert main(["doctor", str(tmp_path)]) == 2
    assert "expected the working files of a training" in capsys.readouterr().err
