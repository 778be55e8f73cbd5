"""A study deals out each trial once, the killed ones first, and stumbles over no kill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest

from recurra.errors import DependencyError, OutputError, SettingsError
from recurra.spec.space import Choice, Range
from recurra.train.tune_study import PLACE, STUDY, Shared, begin_study, is_search, quiet_optuna

SPACE = {"hidden": Range(4, 8, whole=True), "dropout": Range(0.0, 0.5), "cell": Choice(("gru",))}


@pytest.fixture(autouse=True)
def quiet() -> Any:
    with quiet_optuna():
        yield


def opened(folder: Path, **more: Any) -> Shared:
    folder.mkdir(parents=True, exist_ok=True)
    begin_study(folder)
    plain: dict[str, Any] = {
        "storage": None,
        "name": "x",
        "direction": "max",
        "space": SPACE,
        "seed": 0,
        "epochs": 10,
        "prune": True,
        "identity": {"a": 1},
    }
    return Shared.open(folder, **(plain | more))


def test_a_trial_has_a_value_for_everything(tmp_path: Path) -> None:
    shared = opened(tmp_path)
    with shared.next_trial(1) as trial:
        assert trial is not None
        assert set(trial.params) == set(SPACE)
        assert trial.params["cell"] == "gru"
        assert 4 <= trial.params["hidden"] <= 8
        shared.study.tell(trial, 1.0)
    with shared.next_trial(1) as none:
        assert none is None
    assert shared.finished() == 1


def test_what_is_being_trained_is_left_and_what_was_killed_is_taken_up(tmp_path: Path) -> None:
    """A running trial whose folder nobody holds was killed."""
    first, second = opened(tmp_path), opened(tmp_path)
    with first.next_trial(2) as one:
        assert one is not None
        with second.next_trial(2) as other:
            assert other is not None
            assert (one.number, other.number) == (0, 1)
            with opened(tmp_path).next_trial(2) as none:
                assert none is None
    # Neither was told of: both are taken up, with the values that they had.
    with first.next_trial(2) as again:
        assert again is not None
        assert (again.number, again.params) == (0, one.params)


def test_a_trial_of_another_folder_is_left_alone(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    here, there = (opened(tmp_path / n, storage=storage) for n in ("here", "there"))
    with here.next_trial(2) as one:
        assert one is not None
    with there.next_trial(2) as two:
        assert two is not None
        assert two.number == 1


def test_draws_depend_on_seed_and_number_alone(tmp_path: Path) -> None:
    def drawn(name: str, seed: int) -> list[dict[str, Any]]:
        found = []
        for _ in range(12):
            # A study that is opened anew for each, as after a kill.
            shared = opened(tmp_path / name, seed=seed)
            with shared.next_trial(12) as trial:
                assert trial is not None
                found.append(trial.params)
                shared.study.tell(trial, trial.params["dropout"])
        return found

    once = drawn("once", 0)
    assert drawn("again", 0) == once
    assert drawn("other", 1) != once
    assert len({str(values) for values in once}) == 12


def test_half_a_line_of_the_journal_is_mended(tmp_path: Path) -> None:
    shared = opened(tmp_path)
    with shared.next_trial(3) as trial:
        shared.study.tell(trial, 1.0)
    journal = tmp_path / STUDY / "journal.jsonl"
    whole = journal.read_bytes()
    with journal.open("ab") as file:
        file.write(b'{"op_code":5,')
    again = opened(tmp_path)
    with again.next_trial(3) as trial:
        again.study.tell(trial, 2.0)
    assert journal.read_bytes().startswith(whole + b"{")
    assert opened(tmp_path).finished() == 2


def test_a_lock_that_a_kill_left_blocks_nobody(tmp_path: Path) -> None:
    """Files named like locks mean nothing; what the system holds does."""
    opened(tmp_path)
    for folder in (tmp_path, tmp_path / STUDY):
        (folder / "lock").write_text("process 1 on nowhere")
    assert opened(tmp_path).finished() == 0


def test_other_settings_are_refused(tmp_path: Path) -> None:
    opened(tmp_path)
    with pytest.raises(OutputError, match="holds a search with a 1, not 2: give what it was begun"):
        opened(tmp_path, identity={"a": 2})
    assert opened(tmp_path, identity={"a": 2}, anew=True).study.user_attrs["identity"] == {"a": 2}


def test_pruning_is_a_choice(tmp_path: Path) -> None:
    with_it, without = opened(tmp_path / "a"), opened(tmp_path / "b", prune=False)
    assert isinstance(with_it.study.pruner, optuna.pruners.MedianPruner)
    assert isinstance(without.study.pruner, optuna.pruners.NopPruner)


def test_optuna_is_as_talkative_as_before() -> None:
    before = optuna.logging.get_verbosity()
    with quiet_optuna():
        assert optuna.logging.get_verbosity() == optuna.logging.ERROR
    assert optuna.logging.get_verbosity() == before


def test_a_search_is_known_by_its_mark(tmp_path: Path) -> None:
    (tmp_path / STUDY).mkdir()
    assert is_search(tmp_path)  # killed between the folder and its mark
    (tmp_path / STUDY / "thesis.tex").touch()
    assert not is_search(tmp_path)
    (tmp_path / STUDY / PLACE).write_text("{}")
    assert not is_search(tmp_path)
    (tmp_path / STUDY / PLACE).unlink()
    begin_study(tmp_path)
    mark = (tmp_path / STUDY / PLACE).read_bytes()
    assert is_search(tmp_path)
    begin_study(tmp_path)
    assert (tmp_path / STUDY / PLACE).read_bytes() == mark


@pytest.mark.parametrize("anew", [False, True])
def test_a_study_of_something_else_is_neither_joined_nor_deleted(
    anew: bool, tmp_path: Path
) -> None:
    storage = f"sqlite:///{tmp_path / 'theirs.db'}"
    theirs = optuna.create_study(storage=storage, study_name="x")
    theirs.tell(theirs.ask(), 1.0)
    with pytest.raises(OutputError, match="'x' that is no search of recurra: give another name"):
        opened(tmp_path / "out", storage=storage, anew=anew)
    assert len(optuna.load_study(study_name="x", storage=storage).trials) == 1
    opened(tmp_path / "out", storage=storage, anew=anew, name="y")


@pytest.mark.parametrize(
    ("module", "package"),
    [("psycopg", "psycopg[binary]"), ("psycopg2", "psycopg2-binary"), ("oracledb", "oracledb")],
)
def test_a_missing_driver_is_named_with_its_package_and_no_password(
    module: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(*_: object, **__: object) -> None:
        raise ImportError("no driver") from ModuleNotFoundError(name=module)

    monkeypatch.setattr(optuna.storages, "RDBStorage", without)
    with pytest.raises(DependencyError) as refused:
        opened(tmp_path, storage="postgresql://me:secret@host/name")
    assert f"the driver {module}, which is not installed" in str(refused.value)
    assert f'pip install "{package}"' in str(refused.value)
    assert "secret" not in str(refused.value)


def test_what_a_database_says_is_cut_to_its_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        opened(tmp_path, storage="sqlite:////no/such/place.db")
    assert "unable to open database file: look at its address" in str(refused.value)
    assert "sqlalche.me" not in str(refused.value)
