"""A comparison trains each cell with each seed once, whatever is asked for afterwards."""

import json
from pathlib import Path

import pytest

from recurra.errors import OutputError, SettingsError
from recurra.spec.report import Comparison
from recurra.train.compare import CELLS, compare_cases, read_cells
from recurra.train.compare_material import Files
from train.comparing import Told, settings, waves, written


def compared(folder: Path, told: Told | None = None, **choices: object) -> Comparison:
    asked = {"cells": ("rnn", "gru"), "seeds": 2, "equal_time": False, **choices}
    given = asked.pop("settings", settings())
    return compare_cases(waves(), given, folder, told or Told(), **asked)  # type: ignore[arg-type]  # as each test says


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared") / "out"
    compared(folder, equal_time=True)
    return folder


def test_everything_is_in_the_folder(folder: Path) -> None:
    found = json.loads((folder / "comparison.json").read_text())
    assert set(found) == set(Comparison.__annotations__)
    assert [entry["cell"] for entry in found["results"]] == ["rnn", "gru"]
    for entry in found["results"]:
        assert len(entry["seeds"]) == 2
        assert entry["parameters"] == pytest.approx(found["parameters"], rel=0.2)
        for seed in entry["seeds"]:
            assert (Path(seed["bundle"]) / "manifest.json").is_file()
    assert [b["name"] for b in found["baselines"]] == [
        "majority",
        "last_value",
        "linear",
        "logistic",
    ]
    assert (folder / "curves.svg").read_text().startswith("<svg")
    assert found["sequences"] == {"train": 27, "watched": 5, "test": 8}


def test_equal_time_never_takes_longer_than_asked(folder: Path) -> None:
    found = json.loads((folder / "comparison.json").read_text())
    chosen = json.loads((folder / "equal_time.json").read_text())
    assert found["equal_time"]["seconds"] == chosen["seconds"]
    assert max(chosen["epochs"].values()) == 2
    epochs = {entry["cell"]: entry["epochs"] for entry in found["equal_time"]["results"]}
    assert epochs == chosen["epochs"]


def test_what_is_finished_is_not_repeated(folder: Path) -> None:
    before = json.loads((folder / "comparison.json").read_text())
    told = Told()
    again = compared(folder, told, equal_time=True)
    assert told.trials == told.epochs == []
    assert again["verdict"] == before["verdict"]
    assert told.tables[0] == ("equal parameters", 4, 4)


def test_further_seeds_and_cells_are_added(tmp_path: Path) -> None:
    compared(tmp_path / "out", seeds=1, cells=("gru",))
    told = Told()
    found = compared(tmp_path / "out", told, seeds=2, cells=("gru", "rnn"))
    assert told.tables == [("equal parameters", 4, 1)]
    assert len(told.trials) == 3
    assert [len(entry["seeds"]) for entry in found["results"]] == [2, 2]


def test_other_settings_are_not_mixed_in(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"with learning_rate 0.02, not 0.5.*--force"):
        compared(folder, settings=settings(learning_rate=0.5))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(OutputError, match="not empty"):
        compared(tmp_path / "mine")


def test_force_begins_anew(tmp_path: Path) -> None:
    compared(tmp_path / "out", seeds=1, cells=("gru",))
    told = Told()
    changed = settings(learning_rate=0.5)
    compared(tmp_path / "out", told, seeds=1, cells=("gru",), settings=changed, force=True)
    assert len(told.trials) == 1


@pytest.mark.parametrize("force", [False, True])
def test_a_persons_own_files_are_never_replaced(force: bool, tmp_path: Path) -> None:
    mine = {"curves.svg": "my drawing", "plan.json": '{"holidays": 3}', "runs/first/notes": "dear"}
    for name, text in mine.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with pytest.raises(
        OutputError, match=r"no comparison of recurra \(curves.svg, plan.json, runs"
    ):
        compared(tmp_path, force=force)
    found = {str(p.relative_to(tmp_path)): p.read_text() for p in tmp_path.rglob("*.*")}
    assert found | {"runs/first/notes": (tmp_path / "runs/first/notes").read_text()} == mine


def test_one_seed_says_that_there_is_no_interval(tmp_path: Path) -> None:
    found = compared(tmp_path / "out", seeds=1)
    assert all(entry["interval"] is None for entry in found["results"])
    assert "no interval" in found["verdict"]


def test_seeds_begin_with_the_settings_own(tmp_path: Path) -> None:
    found = compared(tmp_path / "out", cells=("gru",), settings=settings(seed=5))
    assert [run["seed"] for run in found["results"][0]["seeds"]] == [5, 6]


def test_unknown_cells_are_refused_with_the_nearest() -> None:
    with pytest.raises(SettingsError, match="did you mean 'gru'"):
        read_cells(["gruu"])
    with pytest.raises(SettingsError, match="at least one"):
        read_cells([])
    assert read_cells(["gru", "rnn", "gru"]) == ("gru", "rnn")
    assert CELLS == ("gru", "lstm", "rnn", "mingru")


@pytest.mark.parametrize(
    "wrong",
    [
        {"seeds": 0},
        {"jobs": 0},
        {"test_fraction": 1.0},
        {"jobs": 2},
        {"parameters": 0},
        {"parameters": 9},
    ],
)
def test_impossible_choices_are_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        compared(tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()


@pytest.mark.deep
def test_jobs_do_not_change_the_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    path = written(tmp_path / "waves.csv")
    from recurra.codecs import read_cases

    cases = read_cases(path, settings().data)
    found = [
        compare_cases(
            cases,
            settings(),
            tmp_path / str(jobs),
            Told(),
            cells=("rnn", "gru"),
            seeds=1,
            equal_time=False,
            jobs=jobs,
            files=Files(path, None),
        )
        for jobs in (1, 2)
    ]
    one, two = ([entry["figures"] for entry in report["results"]] for report in found)
    assert one == two
