"""Forecasts by command: fit, evaluate, predict, stream, resume; bad input in one sentence."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.cli import main

Capture = pytest.CaptureFixture[str]
SMALL = [
    *("--task", "forecast", "--horizon", "4", "--lookback", "12", "--hidden", "6"),
    *("--epochs", "2", "--threads", "1", "--quiet"),
]


def rows(count: int, *, begin: str = "2024-01-01T00", step: int = 1) -> list[str]:
    times = np.datetime64(begin) + step * np.arange(count)
    values = np.sin(np.arange(count) / 3)
    return [
        f"{time},{value:.4f},{k % 5 == 0:d}"
        for k, (time, value) in enumerate(zip(times, values, strict=True))
    ]


def write(path: Path, lines: list[str], head: str = "time,load,holiday") -> Path:
    path.write_text("\n".join([head, *lines]) + "\n", "utf-8")
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("forecast") / "load.csv", rows(120))


@pytest.fixture(scope="module")
def bundle(table: Path) -> Path:
    out = table.parent / "load"
    flags = ["--target", "load", "--known", "holiday", "--distribution", "gaussian"]
    assert main(["fit", str(table), *SMALL, *flags, "--levels", "0.1,0.9", "--out", str(out)]) == 0
    return out


def test_evaluate_stands_beside_naive_forecasts(bundle: Path, table: Path, capsys: Capture) -> None:
    assert main(["evaluate", str(bundle), str(table), "--json", "--stride", "7"]) == 0
    out, err = capsys.readouterr()
    figures = json.loads(out)
    assert figures["n"] == len(range(11, 116, 7))
    assert figures["interval"] == pytest.approx(0.8)
    for name in ("last_value", "seasonal_naive", "linear"):
        loses = figures[f"{name}_mase"] < figures["mase"]
        assert (f"the network loses to {name.replace('_', ' ')}" in err) == loses
    assert main(["evaluate", str(bundle), str(table)]) == 0
    assert "seasonal naive" in capsys.readouterr().out


def test_predict_wants_the_future_of_known_covariates_only(
    bundle: Path, table: Path, tmp_path: Path, capsys: Capture
) -> None:
    future = [f"2024-01-06T{hour:02d},,1" for hour in range(4)]
    whole = write(tmp_path / "whole.csv", rows(120) + future)
    out = tmp_path / "next.csv"
    assert main(["predict", str(bundle), str(whole), "--out", str(out)]) == 0
    lines = out.read_text("utf-8").splitlines()
    assert lines[0] == "id,step,time,load,load_0.1,load_0.9"
    assert lines[1].startswith("0,1,2024-01-06T00:00:00,")
    assert len(lines) == 5
    capsys.readouterr()
    assert main(["predict", str(bundle), str(table), "--out", str(tmp_path / "x.csv")]) == 2
    assert "add the known covariates of the whole horizon below" in capsys.readouterr().err


def test_predict_and_evaluate_refuse_a_zone_that_training_had_not(
    bundle: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoned = [line.replace(",", ":00+02:00,", 1) for line in rows(40)]
    path, out = write(tmp_path / "zoned.csv", zoned), tmp_path / "next.csv"
    for command in (
        ["predict", str(bundle), str(path), "--out", str(out)],
        ["evaluate", str(bundle), str(path)],
    ):
        assert main(command) == 2
        err = capsys.readouterr().err
        assert f"{path}, line 2, column 'time': expected dates without a time zone" in err
        assert "leave the zone out" in err
    assert not out.exists()
    line = b'{"x": [0.5, 0], "time": "2024-01-01T00:00+02:00"}\n'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(line)))
    assert main(["predict", str(bundle), "--stream"]) == 2
    assert "expected a date without a time zone" in json.loads(capsys.readouterr().out)["error"]


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """The table with the future of its known covariate."""
    future = [f"2024-01-06T{hour:02d},,1" for hour in range(4)]
    return write(tmp_path / "whole.csv", rows(120) + future)


def test_predict_gives_the_first_rows_of_a_horizon(
    bundle: Path, whole: Path, tmp_path: Path, capsys: Capture
) -> None:
    every, some = tmp_path / "all.csv", tmp_path / "some.csv"
    assert main(["predict", str(bundle), str(whole), "--out", str(every)]) == 0
    given = ["predict", str(bundle), str(whole), "--horizon", "2"]
    assert main([*given, "--out", str(some)]) == 0
    lines = every.read_text("utf-8").splitlines()
    assert len(lines) == 5
    assert some.read_text("utf-8").splitlines() == lines[:3]
    capsys.readouterr()
    assert main([*given, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["task"], said["n"]) == ("forecast", 1)
    (answer,) = said["answers"]
    assert answer["time"] == ["2024-01-06T00:00:00", "2024-01-06T01:00:00"]
    assert answer["forecast"]["load"] == [float(line.split(",")[3]) for line in lines[1:3]]
    assert len(answer["0.9"]["load"]) == 2


@pytest.mark.parametrize("horizon", ["0", "5", "-1"])
def test_predict_refuses_a_horizon_that_the_bundle_does_not_give(
    bundle: Path, whole: Path, tmp_path: Path, capsys: Capture, horizon: str
) -> None:
    out = tmp_path / "none.csv"
    given = ["predict", str(bundle), str(whole), "--out", str(out), "--horizon", horizon]
    assert main(given) == 2
    assert f"1 to 4 rows, for which the model was trained, got {horizon}" in capsys.readouterr().err
    assert not out.exists()
    assert main(["predict", str(bundle), "--stream", "--horizon", horizon]) == 2
    assert "1 to 4 rows" in capsys.readouterr().err


def test_a_stream_gives_the_first_rows_too(
    bundle: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"[0.5, 0]\n")))
    assert main(["predict", str(bundle), "--stream", "--horizon", "3"]) == 0
    (answer,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(answer["forecast"]["load"]) == len(answer["0.1"]["load"]) == 3


def test_a_stream_answers_row_by_row(
    bundle: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = b'{"load": 0.5, "holiday": 0}\n[null, 1]\n{"load": 1}\n[0.1, 0]\n'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
    assert main(["predict", str(bundle), "--stream"]) == 2
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "got none for 'holiday'" in answers[2]["error"]
    for answer in (answers[0], answers[1], answers[3]):
        assert len(answer["forecast"]["load"]) == 4
        assert set(answer) == {"forecast", "0.1", "0.9"}


def test_a_stopped_training_goes_on_to_the_same_bits(table: Path, tmp_path: Path) -> None:
    flags = ["--target", "load", "--epochs", "3"]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert main(["fit", str(table), *SMALL, *flags, "--out", str(whole)]) == 0
    assert main(["fit", str(table), *SMALL, *flags, "--out", str(cut)]) == 0
    assert main(["fit", str(table), *SMALL, *flags, "--out", str(cut), "--resume"]) == 0
    weights = [next(folder.glob("weights-*")).read_bytes() for folder in (whole, cut)]
    assert weights[0] == weights[1]


def test_info_says_what_a_stream_keeps(bundle: Path, capsys: Capture) -> None:
    assert main(["info", str(bundle)]) == 0
    assert "the last 12 rows are kept and read anew" in capsys.readouterr().out


GOOD = rows(60)


@pytest.mark.parametrize(
    ("lines", "flags", "words"),
    [
        (GOOD[:15], ["--target", "load"], "at least lookback + horizon = 16 rows, got 15"),
        (GOOD, ["--target", "load", "--horizon", "100"], "lookback + horizon = 112 rows"),
        (
            [*GOOD, *rows(9, begin="2024-01-03T11:30", step=30)],
            ["--target", "load"],
            "the frequency changes; resample the series",
        ),
        (
            [*GOOD[:30], GOOD[29], *GOOD[30:]],
            ["--target", "load"],
            "line 32, column 'time'",
        ),
        (
            [*GOOD[:30], GOOD[30].replace("T06", "T06:00+01:00"), *GOOD[31:]],
            ["--target", "load"],
            "all with or all without a time zone",
        ),
        (GOOD, [], "expected one column to forecast, got 'load', 'holiday'"),
        (GOOD, ["--target", "lode"], "did you mean 'load'?"),
        (GOOD, ["--target", "load", "--known", "weather"], "column 'weather'"),
        (GOOD, ["--target", "load", "--segment", "5"], "must be a multiple of segment=5"),
        (GOOD, ["--target", "load", "--calendar", "moon"], "calendar"),
        (GOOD, ["--target", "load", "--levels", "0.5,1.5", "--distribution", "student"], "levels"),
        (
            GOOD,
            ["--target", "load", "--features", "holiday", "--decoding", "recursive"],
            "nothing forecasts the covariate 'holiday'",
        ),
        ([*GOOD[:9], "2024-01-01T09,much,0", *GOOD[10:]], ["--target", "load"], "the text 'much'"),
        ([f"{line.split(',')[0]},,0" for line in GOOD], ["--target", "load"], "without any value"),
        (GOOD, ["--target", "load", "--pool", "max"], "pool"),
    ],
)
def test_bad_input_is_one_sentence(
    lines: list[str], flags: list[str], words: str, tmp_path: Path, capsys: Capture
) -> None:
    path = write(tmp_path / "bad.csv", lines)
    given: list[Any] = ["fit", str(path), *SMALL, *flags, "--out", str(tmp_path / "b")]
    assert main(given) == 2
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert words in err.splitlines()[-1]
    assert not (tmp_path / "b").exists()
