"""`predict` answers every case in the format of the file's name and replaces nothing unasked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recurra import runtime
from recurra.cli import main
from recurra.codecs import read_cases
from recurra.spec.report import Predictions
from recurra.spec.settings import DataSettings

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_every_format_says_the_same(
    bundle: Path, table: Path, tmp_path: Path, ending: str, capsys: Capture
) -> None:
    out = tmp_path / f"answers.{ending}"
    assert main(["predict", str(bundle), str(table), "--out", str(out)]) == 0
    assert f"24 answers in {out}" in capsys.readouterr().out
    if ending == "csv":
        found = pl.read_csv(out)
    elif ending == "parquet":
        found = pl.read_parquet(out)
    else:
        lines = pl.read_ndjson(out)
        found = lines.select("id", "prediction", pl.col("probability").struct.unnest()).rename(
            {"high": "probability_high", "low": "probability_low"}
        )
    model = runtime.load(bundle)
    cases = read_cases(table, DataSettings(), need_target=False, expect=model.codec)
    assert found["id"].to_list() == list(cases.ids)
    assert found["prediction"].to_list() == list(model.predict(cases))
    shares = found.select("probability_high", "probability_low").to_numpy()
    np.testing.assert_array_equal(shares, model(cases))


def test_json_says_what_a_file_says(
    bundle: Path, table: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "answers.jsonl"
    assert main(["predict", str(bundle), str(table), "--json", "--out", str(out)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert set(said) == set(Predictions.__annotations__)
    assert said["task"] == "classify"
    assert said["n"] == 24
    assert said["answers"] == [json.loads(line) for line in out.read_text("utf-8").splitlines()]


def test_a_horizon_is_of_forecasts(
    bundle: Path, table: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "answers.csv"
    for more in ([str(table), "--out", str(out)], ["--stream"]):
        assert main(["predict", str(bundle), *more, "--horizon", "2"]) == 2
        assert "for the task 'classify': --horizon is of forecasts" in capsys.readouterr().err
    assert not out.exists()


def test_the_target_is_not_needed(bundle: Path, table: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.csv"
    bare.write_text("\n".join(line.rsplit(",", 1)[0] for line in table.read_text().splitlines()))
    assert main(["predict", str(bundle), str(bare), "--out", str(tmp_path / "a.csv")]) == 0
    assert main(["predict", str(bundle), str(table), "--out", str(tmp_path / "b.csv")]) == 0
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_an_existing_file_is_kept(
    bundle: Path, table: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "a.csv"
    out.write_text("mine")
    assert main(["predict", str(bundle), str(table), "--out", str(out)]) == 2
    assert out.read_text() == "mine"
    assert "--force" in capsys.readouterr().err
    assert main(["predict", str(bundle), str(table), "--out", str(out), "--force"]) == 0
    assert out.read_text().startswith("id,prediction,")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "--stream"),
        (["x.csv"], "--out"),
        (["--stream", "--json"], "leave --json out"),
        (["x.csv", "--stream"], "leave DATA and --out out"),
        (["x.csv", "--out", "y.xlsx"], ".csv, .jsonl, .parquet"),
        (["x.csv", "--out", "y.csv"], "x.csv"),
    ],
)
def test_wrong_usage(
    bundle: Path,
    arguments: list[str],
    sentence: str,
    capsys: Capture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["predict", str(bundle), *arguments]) == 2
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
