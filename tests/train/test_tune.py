"""A search is judged on one held-out part, goes on when killed, and gives what `fit` takes."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from recurra.errors import DependencyError, OutputError, SettingsError, TrainingError
from recurra.spec.report import TunedTrial, Tuning
from recurra.spec.settings import Settings
from recurra.train.fit import fit_cases
from recurra.train.tune import tune_cases
from recurra.train.tune_trial import Silent
from train.comparing import settings, waves
from train.joint_series import OWN, cases_of

SERIES = Path(__file__).with_name("search_series.py")
TASKS = ("classify", "regress", "tag", "generate", "transduce", "forecast")


def search(folder: Path, watch: Silent | None = None, **more: Any) -> Tuning:
    chosen = {"trials": 3, "fixed": ["hidden", "batch_size", "cell"], **more}
    epochs = chosen.pop("epochs", 3)
    seed = chosen.pop("seed", 0)
    given = settings(epochs=epochs, seed=seed)
    return tune_cases(waves(), given, folder, watch or Silent(), **chosen)


def timeless(found: Tuning) -> list[dict[str, Any]]:
    return [{**trial, "seconds": None} for trial in found["trials"]]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tuning]:
    folder = tmp_path_factory.mktemp("search") / "out"
    return folder, search(folder, trials=7, epochs=5)


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What killed and joined searches came to."""
    root = tmp_path_factory.mktemp("series")
    command = [sys.executable, "-W", "error", str(SERIES), str(root)]
    tests = str(SERIES.parents[1])
    paths = [tests, *filter(None, sys.path)]
    run = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env={"PYTHONPATH": ":".join(paths)}
    )
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    found["said"] = run.stderr
    return found


def test_the_file_gives_the_very_figure_of_the_trial(done: tuple[Path, Tuning]) -> None:
    folder, found = done
    best = found["best"]
    assert best is not None
    taken = Settings.from_toml(folder / "best.toml")
    assert {name: taken.flat()[name] for name in best["settings"]} == best["settings"]
    fitted = fit_cases(waves(), taken)
    assert fitted.best_metric == best["value"]
    assert fitted.best_epoch == best["best_epoch"]
    assert fitted.parameters == best["parameters"]


def test_the_best_is_the_best_of_those_that_finished(done: tuple[Path, Tuning]) -> None:
    _, found = done
    finished = [t["value"] for t in found["trials"] if t["state"] == "finished"]
    assert found["best"] is not None
    assert found["best"]["value"] == max(v for v in finished if v is not None)
    assert found["finished"] == len(finished)
    assert found["finished"] + found["pruned"] + found["failed"] == 7


def test_the_tables_and_the_picture_tell_the_same(done: tuple[Path, Tuning]) -> None:
    folder, found = done
    with (folder / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (folder / "trials.jsonl").read_text().splitlines()]
    assert lines == found["trials"]
    assert json.loads((folder / "tune.json").read_text()) == found
    assert [int(row["trial"]) for row in rows] == list(range(7))
    for row, trial in zip(rows, found["trials"], strict=True):
        assert row["state"] == trial["state"]
        assert float(row["dropout"]) == trial["settings"]["dropout"]
    picture = (folder / "tune.svg").read_text()
    assert picture.count("<circle") == 7 * (1 + len(found["trials"][0]["settings"]))


def test_one_process_with_one_seed_searches_alike(
    done: tuple[Path, Tuning], tmp_path: Path
) -> None:
    again = search(tmp_path / "again", trials=7, epochs=5)
    assert timeless(again) == timeless(done[1])
    other = search(tmp_path / "other", trials=1, epochs=1, seed=1)
    assert other["trials"][0]["settings"] != again["trials"][0]["settings"]


def test_a_search_that_was_stopped_goes_on_alike(done: tuple[Path, Tuning], tmp_path: Path) -> None:
    class Stops(Silent):
        def on_epoch(self, number: int, epoch: int, epochs: int) -> None:
            if (number, epoch) == (3, 2):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "out", Stops(), trials=7, epochs=5)
    assert timeless(search(tmp_path / "out", trials=7, epochs=5)) == timeless(done[1])
    # More trials are added to what is there.
    more = search(tmp_path / "out", trials=8, epochs=5)
    assert timeless(more)[:7] == timeless(done[1])


def test_killed_it_goes_on_to_the_same_trials(series: dict[str, Any]) -> None:
    """kill -9 in the midst of a trial, before its end is told, while the journal is written."""
    ends = [tuple(end) for end in series["ends"]]
    assert ends[:5] == [("whole", 0), *[("killed", -9)] * 3, ("killed", 0)], series["said"]
    assert series["killed"] == series["whole"]
    assert len(series["whole"]) == 7


def test_a_database_gives_the_same_trials(series: dict[str, Any]) -> None:
    assert ["base", -9] in series["ends"], series["said"]
    assert ["base", 0] in series["ends"]
    assert series["base"] == series["whole"]


@pytest.mark.parametrize("name", ["shared", "joined"])
def test_two_processes_share_the_work(name: str, series: dict[str, Any]) -> None:
    assert [name, 0, 0] in series["ends"] or [name, 0, -9] in series["ends"], series["said"]
    assert [trial["trial"] for trial in series[name]] == list(range(7))
    assert "running" not in {trial["state"] for trial in series[name]}


def test_what_diverges_is_counted_and_said(tmp_path: Path) -> None:
    space = ["learning_rate=0.02,1e30"]
    found = search(tmp_path / "out", trials=5, space=space, only=True, prune=False)
    states = Counter(t["state"] for t in found["trials"])
    assert states["failed"] > 0
    assert states["finished"] > 0
    for trial in found["trials"]:
        assert (trial["why"] is not None) == (trial["state"] == "failed")
        assert (trial["settings"]["learning_rate"] == 1e30) == (trial["state"] == "failed")


def test_a_search_of_nothing_but_failures_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        TrainingError, match=r"all 2 trials failed, the first one because: the loss became nan"
    ):
        search(tmp_path / "out", trials=2, space=["learning_rate=1e30"], only=True)


def test_the_worse_half_is_given_up(tmp_path: Path) -> None:
    space = ["learning_rate=0.05,1e-7"]
    found = search(tmp_path / "out", trials=12, epochs=6, space=space, only=True)
    pruned = [trial for trial in found["trials"] if trial["state"] == "pruned"]
    assert pruned
    for trial in pruned:
        assert trial["epochs"] < 6
        assert trial["settings"] == {"learning_rate": 1e-7}


@pytest.mark.parametrize("task", TASKS)
def test_every_task_can_be_searched(task: str, tmp_path: Path) -> None:
    base = {"epochs": 1, "hidden": 3, **OWN.get(task, {}), "task": task}
    base.pop("window", None)
    own = {"generate": "window=4,8", "transduce": "attention=dot,additive", "tag": "crf"}
    given = Settings.from_flat(base)
    found = tune_cases(
        cases_of(task),
        given,
        tmp_path / "out",
        Silent(),
        trials=2,
        space=[own.get(task, "dropout")],
        fixed=list(base),
    )
    assert found["finished"] == 2, found["trials"]
    assert found["best"] is not None
    fitted = fit_cases(cases_of(task), Settings.from_toml(tmp_path / "out" / "best.toml"))
    assert fitted.best_metric == found["best"]["value"]


def test_settings_that_contradict_each_other_fail_alone(tmp_path: Path) -> None:
    given = Settings.from_flat({"epochs": 1, "hidden": 3, "task": "generate", **OWN["generate"]})
    space = ["bidirectional=no,yes"]
    found = tune_cases(
        cases_of("generate"), given, tmp_path / "out", Silent(), trials=4, space=space, only=True
    )
    assert {t["state"] for t in found["trials"]} == {"finished", "failed"}
    assert found["best"] is not None
    assert found["best"]["settings"] == {"bidirectional": False}


def test_held_out_cases_of_their_own_judge(tmp_path: Path) -> None:
    found = search(tmp_path / "out", trials=1, valid=waves(10, seed=5))
    best = found["best"]
    assert best is not None
    taken = Settings.from_toml(tmp_path / "out" / "best.toml")
    assert fit_cases(waves(), taken, valid=waves(10, seed=5)).best_metric == best["value"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"trials": 0}, "trials must be at least 1, got 0"),
        ({"storage": "study.db"}, "is no URL of a database: expected one such as sqlite:///"),
        ({"storage": "redis://host"}, "is no URL of a database"),
        ({"storage": "sqlite:////no/such/place.db"}, "cannot be opened"),
        ({"space": ["seed=1,2"]}, "seed cannot be searched"),
    ],
)
def test_what_cannot_be_done_is_refused(more: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        search(tmp_path / "out", **more)
    assert said in str(refused.value)


def test_another_search_is_not_gone_on_with(tmp_path: Path) -> None:
    search(tmp_path / "out", trials=1)
    with pytest.raises(OutputError, match="holds a search with epochs 3, not 4"):
        search(tmp_path / "out", trials=1, epochs=4)
    with pytest.raises(OutputError, match=r"holds a search with dropout '0\.\.0\.6', not 0\.2"):
        search(tmp_path / "out", trials=1, fixed=["hidden", "batch_size", "cell", "dropout"])
    anew = search(tmp_path / "out", trials=1, epochs=4, force=True)
    assert len(anew["trials"]) == 1
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    with pytest.raises(OutputError, match="is not empty"):
        search(tmp_path / "full")


@pytest.mark.parametrize("force", [False, True])
def test_a_persons_own_files_are_never_replaced(force: bool, tmp_path: Path) -> None:
    mine = {"trials.csv": "my table", "study/thesis.tex": "dear", "trials/1/notes": "old"}
    for name, text in mine.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with pytest.raises(OutputError, match=r"no search of recurra \(study, trials, trials.csv\)"):
        search(tmp_path, force=force)
    found = {str(p.relative_to(tmp_path)): p for p in tmp_path.rglob("*") if p.is_file()}
    assert {name: path.read_text() for name, path in found.items()} == mine


def test_without_a_held_out_part_nothing_judges(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="judges by held-out sequences, and there are none"):
        tune_cases(waves(), settings(valid_fraction=0.0), tmp_path / "out", Silent())
    assert not (tmp_path / "out").exists()


def test_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recurra.train.extra.find_spec", lambda name: None)
    with pytest.raises(DependencyError, match=r'tuning needs optuna, .+pip install "recurra\[tune'):
        search(tmp_path / "out")


def test_every_trial_says_the_same_words() -> None:
    assert set(TunedTrial.__annotations__) >= {"trial", "state", "value", "settings", "why"}


def test_names_of_optimisers_are_checked_ahead_of_the_first_trial(tmp_path: Path) -> None:
    for given, said in (("adam,adamv", "did you mean 'adam'"), ("adam,LBFGS", "several times")):
        with pytest.raises(SettingsError, match=said):
            search(tmp_path / "out", space=[f"optimiser={given}"], only=True)
    assert not (tmp_path / "out").exists()
