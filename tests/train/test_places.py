"""Before any training it is sure that the results can be written and nothing will be lost."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from recurra.errors import OutputError
from recurra.spec.report import EpochRecord, FitReport
from recurra.train.checkpoint import CHECKPOINT
from recurra.train.places import Places, placed


def test_the_working_files_stand_beside_the_bundle(tmp_path: Path) -> None:
    places = Places.prepare(tmp_path / "a" / "model", resume=False, force=False)
    assert places == Places(tmp_path / "a" / "model", tmp_path / "a" / "model.run", False)
    assert places.run.is_dir()
    assert not places.bundle.exists()


def test_a_name_with_a_dot_keeps_it(tmp_path: Path) -> None:
    places = Places.prepare(tmp_path / "model.v2", resume=False, force=False)
    assert places.run.name == "model.v2.run"


def test_the_working_folder_itself_has_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path / "model")
    assert Places.prepare(Path(), resume=False, force=False).run == tmp_path / "model.run"


def test_the_root_is_refused() -> None:
    with pytest.raises(OutputError, match="choose another folder"):
        Places.prepare(Path("/"), resume=False, force=True)


def full(folder: Path) -> Path:
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    return folder


@pytest.mark.parametrize("resume", [False, True])
def test_what_stands_there_is_refused(tmp_path: Path, resume: bool) -> None:
    with pytest.raises(OutputError, match="--force"):
        Places.prepare(full(tmp_path / "model"), resume=resume, force=False)
    assert not (tmp_path / "model.run").exists()


def test_force_clears_the_old_runs_files_and_no_others(tmp_path: Path) -> None:
    run = tmp_path / "model.run"
    run.mkdir()
    ours = {CHECKPOINT, "history.jsonl", "report.json", ".recurra-0123456789abcdef.tmp"}
    for name in {*ours, "notes.txt"}:
        (run / name).write_text("old")
    places = Places.prepare(full(tmp_path / "model"), resume=False, force=True)
    assert places.replace
    assert len(list(run.iterdir())) == 5  # to be sure that it can be written removes nothing
    places.clear(continued=False)
    assert [path.name for path in run.iterdir()] == ["notes.txt"]
    assert (tmp_path / "model" / "manifest.json").exists()


@pytest.mark.parametrize("force", [False, True])
def test_resume_keeps_the_checkpoint(tmp_path: Path, force: bool) -> None:
    run = tmp_path / "model.run"
    run.mkdir()
    (run / CHECKPOINT).write_text("old")
    (run / ".recurra-0123456789abcdef.tmp").write_text("half")
    places = Places.prepare(full(tmp_path / "model"), resume=True, force=force)
    assert places.replace
    places.clear(continued=True)
    assert [path.name for path in run.iterdir()] == [CHECKPOINT]


def test_a_checkpoint_needs_a_decision(tmp_path: Path) -> None:
    run = tmp_path / "model.run"
    run.mkdir()
    (run / CHECKPOINT).write_text("old")
    with pytest.raises(OutputError, match=r"--resume continues it"):
        Places.prepare(tmp_path / "model", resume=False, force=False)
    assert (run / CHECKPOINT).read_text() == "old"


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("name", ["model", "model.run"])
def test_a_file_in_the_way_is_refused(tmp_path: Path, name: str, force: bool) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(OutputError, match="in the way"):
        Places.prepare(tmp_path / "model", resume=False, force=force)
    assert (tmp_path / name).read_text() == "mine"


def test_a_place_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(OutputError, match=r"model\.run: Permission denied: choose another place"):
        Places.prepare(tmp_path / "model", resume=False, force=False)


def test_history_is_one_record_a_line_and_replaced_as_a_whole(tmp_path: Path) -> None:
    places = Places.prepare(tmp_path / "model", resume=False, force=False)
    record = EpochRecord(
        epoch=1,
        loss=0.1,
        valid_loss=0.2,
        metric=0.3,
        learning_rate=0.4,
        gradient_norm=0.5,
        clipped=0.0,
        seconds=0.7,
    )
    for history in ([record], [record, {**record, "epoch": 2}]):
        places.write_history(history)
        lines = (places.run / "history.jsonl").read_text().splitlines()
        assert [json.loads(line) for line in lines] == history
        with (places.run / "history.csv").open(newline="") as file:
            rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
        assert rows == history


def test_the_report_is_one_object(tmp_path: Path) -> None:
    places = Places.prepare(tmp_path / "model", resume=False, force=False)
    report = FitReport(
        task="classify",
        cell="gru",
        parameters=1,
        epochs=2,
        best_epoch=2,
        metric="accuracy",
        best_metric=0.5,
        fit_seconds=1.0,
        stopped="epochs",
        bundle="model",
    )
    places.write_report(report)
    assert json.loads((places.run / "report.json").read_text()) == report


def test_a_second_training_of_the_same_place_is_refused_at_once(tmp_path: Path) -> None:
    holding = (
        "import sys\nfrom pathlib import Path\nfrom recurra.train.places import writing\n"
        "with writing(Path(sys.argv[1])):\n    print('mine', flush=True)\n    sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", holding, str(tmp_path / "model")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "mine\n"
    refused = pytest.raises(OutputError, match=r"another training .+ is writing into .+model\.run")
    with refused, placed(tmp_path / "model", resume=False, force=True):
        pass
    other.communicate()
    assert not (tmp_path / "model.run").exists()  # what holds nothing is taken away
    with placed(tmp_path / "model", resume=False, force=False) as places:
        assert places == Places(tmp_path / "model", tmp_path / "model.run", False)


def test_only_the_first_process_prepares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    with placed(tmp_path / "model", resume=False, force=False) as places:
        assert places == Places(tmp_path / "model", tmp_path / "model.run", False)
    assert list(tmp_path.iterdir()) == []
    with placed(None, resume=False, force=False) as nowhere:
        assert nowhere is None
