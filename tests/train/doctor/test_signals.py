"""Signals are read back as they were written, from OUT.run or beside OUT; others are refused."""

import pytest

from recurra.errors import DataError
from recurra.spec.canonical import json_to_bytes
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
    (tmp_path / SIGNALS).write_bytes(b"{")
    with pytest.raises(DataError, match="not readable as JSON"):
        Evidence.read(tmp_path)
