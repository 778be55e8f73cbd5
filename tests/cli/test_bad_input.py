"""Whatever is wrong with the input: one sentence, exit code 2, and nothing is overwritten."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recurra import runtime
from recurra.cli import main
from recurra.spec.manifest import BUNDLE_VERSION, Manifest

Capture = pytest.CaptureFixture[str]

# A table of four cases of three steps that can be learnt from; each test spoils it in one way.
ROWS = [
    f"c{case},{step},{case + 0.5 * step},{(case * 7 + step * 3) % 5},{'ab'[case % 2]}"
    for case in range(12)
    for step in range(3)
]
HEAD = "id,time,left,right,label"


def table(rows: list[str], head: str = HEAD) -> str:
    return "\n".join([head, *rows]) + "\n"


def spoiled(row: int, text: str) -> str:
    return table([*ROWS[:row], text, *ROWS[row + 1 :]])


def columns(change: Callable[[list[str]], list[str]], head: str = HEAD) -> str:
    return table([",".join(change(row.split(","))) for row in ROWS], head)


def refused(capture: Capture, arguments: list[str], *words: str) -> None:
    """The command ends with 2 and one sentence that holds all the words."""
    assert main(arguments) == 2
    out, err = capture.readouterr()
    assert out == ""
    sentences = [line for line in err.splitlines() if line.startswith("recurra: error: ")]
    assert sentences == err.splitlines()[-1:]
    assert "Traceback" not in err
    for word in words:
        assert word in sentences[0]


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("field", ["", "nan", "NA"])
def test_missing_values_are_learnt_from_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], field: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(spoiled(4, f"c1,1,{field},1,b"))
    out = str(tmp_path / "b")
    assert main(["fit", str(path), "--epochs", "1", "--hidden", "4", "--out", out]) == 0
    assert "look at: missing values: left " in capsys.readouterr().err


def test_the_table_itself_can_be_learnt(tmp_path: Path) -> None:
    """Or the refusals below would prove nothing."""
    path = tmp_path / "t.csv"
    path.write_text(table(ROWS))
    assert (
        main(["fit", str(path), "--epochs", "1", "--hidden", "4", "--out", str(tmp_path / "b")])
        == 0
    )


BAD_TABLES: dict[str, tuple[str | bytes, tuple[str, ...]]] = {
    "empty": ("", ("empty",)),
    "only_a_head": (HEAD + "\n", ("row",)),
    "not_text": (table(ROWS).encode() + b"\xff\xfe\x00\x80\n", ("UTF-8",)),
    "too_few_fields": (spoiled(4, "c1,1,2.0"), ("line 6", "5", "3")),
    "too_many_fields": (spoiled(4, "c1,1,2.0,1,b,more"), ("line 6", "5", "6")),
    "text_in_a_numeric_column": (spoiled(4, "c1,1,much,1,b"), ("line 6", "'left'", "much")),
    "an_infinite_value": (spoiled(4, "c1,1,inf,1,b"), ("line 6", "'left'")),
    "one_class_only": (columns(lambda f: [*f[:4], "a"]), ("two classes", "'a'")),
    "a_label_that_varies": (spoiled(4, "c1,1,2.0,1,a"), ("line 6", "'label'", "c1")),
    "a_constant_column": (columns(lambda f: [*f[:3], "7", f[4]]), ("'right'", "values that vary")),
    "an_all_missing_column": (columns(lambda f: [*f[:3], "", f[4]]), ("'right'",)),
    "times_that_run_backwards": (
        table([ROWS[0], ROWS[2], ROWS[1], *ROWS[3:]]),
        ("line 4", "c0", "time"),
    ),
    "the_same_id_and_time_twice": (table([ROWS[0], ROWS[0], *ROWS[1:]]), ("line 3", "c0", "time")),
    "no_target": (columns(lambda f: f[:4], "id,time,left,right"), ("--target",)),
    "a_missing_label_in_one_row": (spoiled(4, "c1,1,2.0,1,"), ("line 6", "a missing value", "c1")),
    "no_id": (columns(lambda f: f[2:], "left,right,label"), ("--id",)),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_bad_table(name: str, tmp_path: Path, capsys: Capture) -> None:
    content, words = BAD_TABLES[name]
    path = tmp_path / "bad.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = snapshot(tmp_path)
    flags = ["--features", "left,right"] if "column" in name or "value" in name else []
    refused(capsys, ["fit", str(path), *flags, "--out", str(tmp_path / "b")], str(path), *words)
    assert snapshot(tmp_path) == before


BAD_JSONL = {
    "a_length_of_zero": ([{"x": [], "y": "a"}], ("line 3", "length 0")),
    "mixed_feature_counts": ([{"x": [[1.0]], "y": "a"}], ("line 3", "2", "1")),
    "no_json": (["{"], ("line 3", "JSON", "at character 2: correct the line")),
    "no_x": ([{"y": "a"}], ("line 3", "x")),
    "a_text_for_a_number": ([{"x": [["a", 1]], "y": "a"}], ("line 3",)),
}


@pytest.mark.parametrize("name", BAD_JSONL)
def test_a_bad_jsonl(name: str, tmp_path: Path, capsys: Capture) -> None:
    bad, words = BAD_JSONL[name]
    good = [{"x": [[0.5, 1.0], [2.0, 3.0]], "y": label} for label in "ab"]
    path = tmp_path / "bad.jsonl"
    lines = [case if isinstance(case, str) else json.dumps(case) for case in [*good, *bad]]
    path.write_text("\n".join(lines) + "\n")
    before = snapshot(tmp_path)
    refused(capsys, ["fit", str(path), "--out", str(tmp_path / "b")], str(path), *words)
    assert snapshot(tmp_path) == before


def test_files_that_cannot_be_read(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "what.xyz").write_text("x")
    for name, word in (
        ("none.csv", "check the path"),
        ("folder.csv", "folder"),
        ("what.xyz", ".csv"),
    ):
        refused(capsys, ["fit", str(tmp_path / name), "--out", str(tmp_path / "b")], name, word)
        refused(capsys, ["init", str(tmp_path / name), "--out", str(tmp_path / "r.toml")], name)
    assert not (tmp_path / "b").exists()
    assert not (tmp_path / "r.toml").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="reason: the superuser may read every file")
def test_a_file_without_permission(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "t.csv"
    path.write_text(table(ROWS))
    path.chmod(0)
    refused(capsys, ["fit", str(path), "--out", str(tmp_path / "b")], str(path), "ermission")


def test_columns_named_wrongly(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "t.csv"
    path.write_text(table(ROWS))
    fit = ["fit", str(path), "--out", str(tmp_path / "b")]
    refused(capsys, [*fit, "--target", "labl"], "labl", "did you mean 'label'")
    refused(capsys, [*fit, "--target", "right", "--features", "left,right"], "'right'", "feature")
    refused(capsys, [*fit, "--features", "left,label"], "'label'", "a feature already")
    refused(capsys, [*fit, "--id", "label"], "'label'", "an id already")
    refused(capsys, [*fit, "--task", "regress"], "number")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[model]\nhiden = 3\n", "did you mean 'hidden'"),
        ("[model]\nhidden = 0\n", "hidden"),
        ("[modell]\n", "did you mean 'model'"),
        ("hidden = \n", "recurra.toml"),
    ],
)
def test_bad_settings(
    text: str, word: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(table(ROWS))
    Path("recurra.toml").write_text(text)
    refused(capsys, ["fit", "t.csv"], word)
    refused(capsys, ["fit", "t.csv", "--config", "none.toml"], "none.toml")
    assert not Path("runs").exists()


def test_a_label_never_seen_in_training(
    bundle: Path, table: Path, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "new.csv"
    path.write_text(table.read_text().replace(",high", ",shrill"))
    refused(capsys, ["evaluate", str(bundle), str(path)], "new.csv", "'shrill'", "seen in training")


def test_a_file_of_another_form_than_the_model_s(
    bundle: Path, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "other.csv"
    path.write_text("case,second,left\nc0,0,1\nc0,1,2\n")
    refused(
        capsys, ["predict", str(bundle), str(path), "--out", str(tmp_path / "a.csv")], "'right'"
    )
    path.write_text("text,label\ngood day,1\nbad day,0\n")
    refused(capsys, ["evaluate", str(bundle), str(path)], "other.csv")
    assert not (tmp_path / "a.csv").exists()


def truncate(bundle: Path) -> None:
    path = next(bundle.glob("weights-*"))
    path.write_bytes(path.read_bytes()[:-7])


def flip_a_bit(bundle: Path) -> None:
    path = next(bundle.glob("weights-*"))
    raw = bytearray(path.read_bytes())
    raw[-3] ^= 4
    path.write_bytes(raw)


def resealed(bundle: Path, **changes: Any) -> None:
    path = bundle / "manifest.json"
    path.write_bytes(replace(Manifest.from_bytes(path.read_bytes()), **changes).to_bytes())


def make_newer(bundle: Path) -> None:
    resealed(bundle, version=BUNDLE_VERSION + 1)


def make_another_task(bundle: Path) -> None:
    resealed(bundle, task="forecast")


def edit(bundle: Path) -> None:
    path = bundle / "manifest.json"
    path.write_text(path.read_text().replace("classify", "forecast"))


def remove_the_manifest(bundle: Path) -> None:
    (bundle / "manifest.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (truncate, "truncated"),
        (flip_a_bit, "damaged"),
        (make_newer, "update recurra"),
        (make_another_task, "forecast"),
        (edit, "edited"),
        (remove_the_manifest, "manifest.json"),
        (shutil.rmtree, "does not exist"),
    ],
)
def test_a_bad_bundle(
    spoil: Callable[[Path], None],
    word: str,
    bundle: Path,
    table: Path,
    tmp_path: Path,
    capsys: Capture,
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(bundle, copy)
    spoil(copy)
    before = snapshot(tmp_path)
    for arguments in (
        ["evaluate", str(copy), str(table)],
        ["predict", str(copy), str(table), "--out", str(tmp_path / "a.csv")],
        ["predict", str(copy), "--stream"],
        ["info", str(copy)],
    ):
        refused(capsys, arguments, str(copy), word)
    assert snapshot(tmp_path) == before


def test_an_output_that_exists(
    bundle: Path, table: Path, tmp_path: Path, capsys: Capture, roles: list[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    before = snapshot(tmp_path)
    fit = ["fit", str(table), *roles, "--quiet", "--out"]
    refused(capsys, [*fit, str(tmp_path / "out")], "out", "--force")
    refused(capsys, [*fit, str(tmp_path / "file")], "file")
    out = str(tmp_path / "none" / "a.csv")
    refused(capsys, ["predict", str(bundle), str(table), "--out", out], "none")
    assert snapshot(tmp_path) == before


def test_a_full_disk_leaves_the_old_bundle_whole(
    bundle: Path,
    table: Path,
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    roles: list[str],
    small: list[str],
) -> None:
    out = tmp_path / "b"
    shutil.copytree(bundle, out)
    before = snapshot(out)
    write = os.write
    room = 3000

    def full(descriptor: int, raw: bytes) -> int:
        nonlocal room
        if len(raw) > room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        room -= len(raw)
        return write(descriptor, raw)

    monkeypatch.setattr(os, "write", full)
    arguments = ["fit", str(table), *roles, *small, "--cell", "lstm", "--quiet", "--force"]
    refused(capsys, [*arguments, "--out", str(out)], "No space left")
    room = 100
    refused(
        capsys, ["predict", str(bundle), str(table), "--out", str(tmp_path / "a.csv")], "No space"
    )
    monkeypatch.undo()
    assert snapshot(out) == before
    assert runtime.load(out).labels == ("high", "low")
    assert not (tmp_path / "a.csv").exists()


def test_the_real_command_too(tmp_path: Path) -> None:
    """What the tests above call is what the installed command calls."""
    command = Path(sys.executable).with_name("recurra")
    run = (
        [command]
        if command.exists()
        else [sys.executable, "-c", "from recurra.cli import main; import sys; sys.exit(main())"]
    )
    done = subprocess.run(
        [*run, "init", str(tmp_path / "none.csv")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("recurra: error: ")
    assert done.stderr.count("\n") == 1
