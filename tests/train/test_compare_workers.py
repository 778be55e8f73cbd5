"""Several processes give the results of one, to the bit, and hand their refusals over."""

import os
from pathlib import Path

import pytest

from recurra.errors import DataError, OutputError
from recurra.train import compare_workers
from recurra.train.compare_material import Files, material_of, read_parts
from recurra.train.compare_trial import Trial, finished
from recurra.train.compare_workers import run_here, run_in_processes
from train.comparing import Told, settings, written

TRIALS = [Trial("gru", 3, 2, seed) for seed in (0, 1)]


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_processes_give_what_one_gives(tmp_path: Path) -> None:
    files = Files(written(tmp_path / "waves.csv"), None)
    cases, test = read_parts(files, settings())
    material = material_of(cases, settings(), test=test, test_fraction=0.2)
    told, here = Told(), Told()
    run_here(material, TRIALS, tmp_path / "here", here)
    run_in_processes(files, settings(), 0.2, TRIALS, tmp_path / "there", told, 2)
    assert sorted(told.trials) == sorted(here.trials) == [trial.name for trial in TRIALS]
    assert sorted(told.epochs) == sorted(here.epochs)
    for trial in TRIALS:
        one, many = (finished(tmp_path / name / trial.name) for name in ("here", "there"))
        assert one is not None
        assert many is not None
        assert one["scores"] == many["scores"]
        assert one["figures"] == many["figures"]
        weights = [
            next((tmp_path / name / trial.name / "bundle").glob("weights-*")).name
            for name in ("here", "there")
        ]
        assert weights[0] == weights[1]


def test_a_refusal_comes_back_as_what_it_was(tmp_path: Path) -> None:
    files = Files(tmp_path / "nowhere.csv", None)
    with pytest.raises(DataError, match="nowhere"):
        run_in_processes(files, settings(), 0.2, TRIALS, tmp_path / "runs", Told(), 1)


def test_a_process_that_dies_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one does that the system killed for its memory."""
    started = compare_workers._started

    def dying():
        process = started()
        process.kill()
        process.wait()
        return process

    monkeypatch.setattr(compare_workers, "_started", dying)
    files = Files(written(tmp_path / "waves.csv"), None)
    with pytest.raises(OutputError, match="a process died"):
        run_in_processes(files, settings(), 0.2, TRIALS, tmp_path / "runs", Told(), 1)
    assert os.environ["OMP_NUM_THREADS"] == "1"
