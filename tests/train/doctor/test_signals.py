"""Signals are read back as they were written, from OUT.run or beside OUT; others are refused."""

import pytest

from recurra.errors import DataError
from recurra.spec.canonical import json_from_bytes, json_to_bytes
from recurra.spec.settings import Settings
from recurra.train.doctor.signals import SIGNALS, Evidence


def test_what_was_written_is_read_back_from_either_name(tmp_path, seen):
    run = tmp_path / "model.run"
    run.mkdir()
    evidence = seen()
    evidence.write(run)
    lines = [json_to_bytes(dict(r), indent=None) + b"\n" for r in evidence.history]
    (run / "history.jsonl").write_bytes(b"".join(lines))
    for name in ("model", "model.run"):
        found = Evidence.read(tmp_path / name)
        assert found.history == evidence.history
        assert found.signals["settings"]["learning_rate"] == 3e-3
        assert found.signals["answers"] == evidence.signals["answers"]


def test_a_number_that_json_does_not_know_is_null(tmp_path, seen):
    seen(**{"end.moved": float("nan"), "inputs.largest": float("inf")}).write(tmp_path)
    found = Evidence.read(tmp_path).signals
    assert found["end"]["moved"] is None
    assert found["inputs"]["largest"] is None


def test_a_training_that_was_killed_at_once_has_no_history(tmp_path, seen):
    seen().write(tmp_path)
    assert Evidence.read(tmp_path).history == []


def test_what_is_no_training_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(DataError, match="expected the working files of a training"):
        Evidence.read(tmp_path / "absent")
    (tmp_path / SIGNALS).write_bytes(b'{"version": 99}')
    with pytest.raises(DataError, match="version 1, got 99"):
        Evidence.read(tmp_path)
    (tmp_path / SIGNALS).write_bytes(b'{"version": 1, "task": "tag"}')
    with pytest.raises(DataError, match="found no settings, sequences"):
        Evidence.read(tmp_path)
    (tmp_path / SIGNALS).write_bytes(b"{")
    with pytest.raises(DataError, match="not readable as JSON"):
        Evidence.read(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [("sequences", "x"), ("start", []), ("settings", None), ("steps", "7"), ("target", 3)],
)
def test_a_signal_of_another_kind_is_refused_by_its_name(name, value, tmp_path, seen):
    seen(answers={}).write(tmp_path)
    tree = {**json_from_bytes((tmp_path / SIGNALS).read_bytes(), "signals"), name: value}
    (tmp_path / SIGNALS).write_bytes(json_to_bytes(tree))
    with pytest.raises(DataError, match=f"expected of {name} a "):
        Evidence.read(tmp_path)


def test_a_line_of_the_history_that_is_no_epoch_is_refused(tmp_path, seen):
    seen().write(tmp_path)
    (tmp_path / "history.jsonl").write_bytes(b'{"epoch": 1}\n')
    with pytest.raises(DataError, match="epoch in line 1"):
        Evidence.read(tmp_path)


def test_a_setting_that_the_training_did_not_know_has_its_default(tmp_path, seen):
    seen(**{"settings.focal": None}).write(tmp_path)
    assert Evidence.read(tmp_path).signals["settings"]["focal"] == Settings().flat()["focal"]


def test_a_damaged_line_of_the_history_is_named(tmp_path, seen):
    evidence = seen()
    evidence.write(tmp_path)
    lines = [json_to_bytes(dict(r), indent=None) + b"\n" for r in evidence.history]
    lines[2] = b'{"epoch": 3, "lo\n'
    (tmp_path / "history.jsonl").write_bytes(b"".join(lines))
    with pytest.raises(DataError, match=r"history\.jsonl, line 3: not readable as JSON"):
        Evidence.read(tmp_path)
