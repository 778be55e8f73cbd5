"""`compare` prints what it found, goes on where it was, and refuses in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.conftest import waves
from recurra.cli import main
from recurra.spec.report import Comparison

Capture = pytest.CaptureFixture[str]


def compare(table: Path, out: Path, roles: list[str], small: list[str], *more: str) -> int:
    return main(["compare", str(table), *roles, *small, "--out", str(out), *more])


@pytest.fixture(scope="module")
def judging(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 other sequences, with a column that the first file has not."""
    path = tmp_path_factory.mktemp("judging") / "others.csv"
    rows = waves(24, 1).splitlines()
    path.write_text("".join(f"{row},{k if k else 'place'}\n" for k, row in enumerate(rows)))
    return path


@pytest.fixture(scope="module")
def done(
    table: Path,
    judging: Path,
    roles: list[str],
    small: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    out = tmp_path_factory.mktemp("compared") / "out"
    more = ("--cells", "rnn, gru", "--seeds", "2", "--test", str(judging), "--quiet")
    assert compare(table, out, roles, small, *more) == 0
    return out


def test_a_person_sees_tables_and_a_verdict(
    done: Path, table: Path, judging: Path, roles: list[str], small: list[str], capsys: Capture
) -> None:
    more = ("--cells", "rnn,gru", "--seeds", "2", "--test", str(judging))
    assert compare(table, done, roles, small, *more) == 0
    out, err = capsys.readouterr()
    for word in ("equal parameters", "equal training time", "95% interval", "logistic", "µs", "kB"):
        assert word in out
    assert "has the best accuracy" in out
    assert "noise" in out or "real" in out
    assert str(done / "curves.svg") in out
    assert "4 trainings, 4 of them finished before" in err
    assert max(map(len, out.split("\n\nlearning")[0].split("\n\n")[0].splitlines())) <= 80


def test_json_is_one_object(
    done: Path, table: Path, judging: Path, roles: list[str], small: list[str], capsys: Capture
) -> None:
    more = ("--cells", "rnn,gru", "--seeds", "2", "--test", str(judging), "--quiet", "--json")
    assert compare(table, done, roles, small, *more) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert set(found) == set(Comparison.__annotations__)
    assert err == ""
    assert found["sequences"]["test"] == 24
    assert json.loads((done / "comparison.json").read_text())["verdict"] == found["verdict"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--cells", "rnn,gruu"], "unknown cell 'gruu'; did you mean 'gru'?"),
        (["--cells", ","], "expected at least one of the cells"),
        (["--seeds", "0"], "seeds must be at least 1"),
        (["--jobs", "0"], "jobs must be at least 1"),
        (["--test", "nowhere.csv"], "nowhere.csv"),
        (["--test-fraction", "2"], "test_fraction must be in (0, 1)"),
        (["--test-fraction", "0.3", "--test", "t.csv"], "leave one of them out"),
        (["--parameters", "90", "--hidden", "3"], "--parameters says how large networks are"),
        (
            ["--valid-fraction", "0", "--patience", "3"],
            "goes by held-out cases, and there are none",
        ),
        (["--symbol", "word"], "is for symbols, and the network reads numbers"),
        (["--constraint", "unit_norm", "--cells", "gru,mingru"], "give --constrained input_weight"),
    ],
)
def test_refusals_are_one_sentence(
    wrong: list[str],
    said: str,
    table: Path,
    tmp_path: Path,
    roles: list[str],
    small: list[str],
    capsys: Capture,
) -> None:
    assert compare(table, tmp_path / "out", roles, small, *wrong) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_one_seed_in_two_processes(
    table: Path,
    tmp_path: Path,
    roles: list[str],
    small: list[str],
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    more = ("--cells", "rnn,gru", "--seeds", "1", "--jobs", "2", "--no-equal-time")
    assert compare(table, tmp_path / "out", roles, small, *more) == 0
    out, err = capsys.readouterr()
    assert "one seed gives no interval" in out
    assert "2/2" in err
    assert "equal training time" not in out


def test_a_stop_says_how_to_go_on(
    table: Path,
    tmp_path: Path,
    roles: list[str],
    small: list[str],
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("recurra.train.compare.run_here", stopped)
    assert compare(table, tmp_path / "out", roles, small, "--cells", "gru") == 130
    assert "the same command" in capsys.readouterr().err


def test_the_file_that_is_learnt_from_judges_nothing(
    table: Path, tmp_path: Path, roles: list[str], small: list[str], capsys: Capture
) -> None:
    assert compare(table, tmp_path / "out", roles, small, "--test", str(table)) == 2
    assert "every one of the 24 sequences to test by is learnt from too" in capsys.readouterr().err


def test_networks_of_another_kind_stand_beside_the_cells(
    table: Path, tmp_path: Path, roles: list[str], small: list[str], capsys: Capture
) -> None:
    more = ("--cells", "gru", "--against", "tcn,transformer", "--seeds", "1", "--quiet")
    assert compare(table, tmp_path / "out", roles, small, *more) == 0
    out = capsys.readouterr().out
    tables = out.split("equal training time")
    assert len(tables) == 2
    assert all(name in part for part in tables for name in ("gru", "tcn", "transformer"))
    assert compare(table, tmp_path / "no", roles, small, "--against", "tnc") == 2
    assert "unknown rival 'tnc'; did you mean 'tcn'?" in capsys.readouterr().err
