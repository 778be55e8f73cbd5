"""`tune` prints what it found, `fit` takes it, and what cannot be searched is one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recurra.cli import main
from recurra.spec.report import Tuning

Capture = pytest.CaptureFixture[str]


def tune(table: Path, out: Path, roles: list[str], small: list[str], *more: str) -> int:
    return main(["tune", str(table), *roles, *small, "--trials", "2", "--out", str(out), *more])


@pytest.fixture(scope="module")
def done(
    table: Path, roles: list[str], small: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("tuned") / "out"
    assert tune(table, out, roles, small, "--quiet", "--space", "zoneout") == 0
    return out


def test_a_person_sees_the_best_and_what_to_run_next(
    done: Path, table: Path, roles: list[str], small: list[str], capsys: Capture
) -> None:
    assert tune(table, done, roles, small, "--space", "zoneout") == 0
    out, err = capsys.readouterr()
    assert "classify: 2 trials, 2 finished, 0 pruned, 0 failed" in out
    assert "zoneout=" in out
    assert f"recurra fit {table} --config {done / 'best.toml'} --out {done / 'model'}" in out
    assert "search: 2 trials, 2 of them finished before" in err


def test_json_is_one_object_and_fit_gives_its_figure(
    done: Path, table: Path, roles: list[str], small: list[str], capsys: Capture, tmp_path: Path
) -> None:
    assert tune(table, done, roles, small, "--space", "zoneout", "--json", "--quiet") == 0
    out, err = capsys.readouterr()
    found: dict[str, Any] = json.loads(out)
    assert err == ""
    assert set(found) == set(Tuning.__annotations__)
    fit = ["fit", str(table), "--config", found["config"], "--out", str(tmp_path / "model")]
    assert main([*fit, "--json", "--quiet"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["best_metric"] == found["best"]["value"]
    assert report["parameters"] == found["best"]["parameters"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--space", "hiden=3"], "unknown setting 'hiden'; did you mean 'hidden'?"),
        (["--space", "hidden"], "hidden has a value and a range to search"),
        (["--space", "seed=1,2"], "seed cannot be searched"),
        (["--only"], "nothing is left to search"),
        (["--trials", "0"], "trials must be at least 1"),
        (["--valid", "nowhere.csv"], "nowhere.csv"),
        (["--valid-fraction", "0"], "judges by held-out sequences, and there are none"),
        (["--study", "mine"], "give --storage URL too"),
        (["--space", "window"], "window is to be searched, and its trials fail: window=16"),
        (["--space", "window=16..240"], "set truncated=True, or leave it out"),
        (["--space", "embedding"], "is for symbols, and the network reads numbers"),
        (["--storage", "here"], "is no URL of a database"),
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
    assert tune(table, tmp_path / "out", roles, small, *wrong) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.strip().splitlines()) == 1


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

    monkeypatch.setattr("recurra.train.tune.run_trial", stopped)
    assert tune(table, tmp_path / "out", roles, small) == 130
    assert "the same command, without --force, goes on from here" in capsys.readouterr().err


def test_the_extra_is_named(
    table: Path,
    tmp_path: Path,
    roles: list[str],
    small: list[str],
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("recurra.train.extra.find_spec", lambda name: None)
    assert tune(table, tmp_path / "out", roles, small) == 2
    assert 'pip install "recurra[tune]"' in capsys.readouterr().err
