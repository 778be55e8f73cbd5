"""A forged .keras file takes neither this process along nor its time: one sentence refuses it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from convert.forged_hdf5 import CRASHES, HANGS, SOUND, write_keras
from recurra.cli import main
from recurra.convert import keras_file
from recurra.convert.apart import ask
from recurra.convert.keras_file import read_keras
from recurra.errors import ConversionError

FILES = 300


def test_a_sound_file_is_read(tmp_path: Path) -> None:
    """What the forged ones were made of holds a GRU."""
    found, left = read_keras(write_keras(tmp_path / "模型 1.keras", SOUND))
    assert [(one.name, one.node.kind) for one in found] == [("gru", "gru")]
    assert found[0].weights["input_weight"].tolist() == [[0.5], [-0.5], [0.5]]
    assert left == ()


def test_a_crash_of_the_library_is_an_error(tmp_path: Path, capsys: Any) -> None:
    path, out = write_keras(tmp_path / "m.keras", CRASHES), tmp_path / "out"
    with pytest.raises(ConversionError, match=r"m\.keras.* is damaged"):
        read_keras(path)
    assert main(["import", str(path), "--out", str(out)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not out.exists()


def test_a_hang_of_the_library_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras_file, "_LEAST_SECONDS", 2)
    with pytest.raises(ConversionError, match=r"m\.keras.* damaged"):
        read_keras(write_keras(tmp_path / "m.keras", HANGS))


MANY = dedent(
    """
    import json, os, random, signal, sys
    from pathlib import Path
    from convert.forged_hdf5 import SOUND, write_keras
    from recurra.convert.apart import answer_with
    from recurra.convert.keras_child import layers_in
    from recurra.errors import ConversionError

    USED = [k for k in range(len(SOUND)) if any(SOUND[max(k - 8, 0) : k + 8])]

    def damaged(number):
        draw, raw = random.Random(number), bytearray(SOUND)
        kind = number % 5
        if kind < 2:  # one byte, or some
            for _ in range((1, 12)[kind]):
                raw[draw.choice(USED)] = draw.randrange(256)
        elif kind == 2:  # an address or a size
            at = draw.choice(USED) // 8 * 8
            value = draw.choice((0, 8, 96, 2**31 - 1, 2**64 - 1, len(raw), draw.choice(USED)))
            raw[at : at + 8] = value.to_bytes(8, "little")
        elif kind == 3:  # the end is lost
            del raw[draw.choice(USED) :]
        else:  # a block lies where another was
            one, other, size = draw.choice(USED), draw.choice(USED), draw.randrange(1, 400)
            raw[one : one + size] = raw[other : other + size]
        return bytes(raw)

    def work(folder, first, end):
        refused = 0
        for number in range(int(first), int(end)):
            Path(folder, "at").write_text(str(number))
            path = write_keras(Path(folder, "m.keras"), damaged(number))
            if hasattr(signal, "ITIMER_PROF"):  # seconds of work, however busy the machine is
                signal.setitimer(signal.ITIMER_PROF, 2)
            try:
                layers_in(path)
            except (ConversionError, MemoryError):
                refused += 1
        return json.dumps(refused).encode()

    answer_with(work)
    """
)


def test_hundreds_of_damaged_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each gives layers or a ConversionError; where the library goes along, the caller does not.

    They are read one after another in few processes: a new one is started only behind a crash.
    """
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "reads_many.py").write_text(MANY)
    first, refused, lost = 0, 0, []
    while first < FILES:
        # Any other exception than those that are counted ends the process with an exit code.
        try:
            texts = [str(tmp_path), str(first), str(FILES)]
            answer = ask("reads_many", texts, "reading", seconds=60, memory_bytes=2**31)
            refused += json.loads(answer)
            break
        except ConversionError:
            lost.append(int((tmp_path / "at").read_text()))
            first = lost[-1] + 1
    assert refused > FILES / 3
    assert len(lost) < FILES / 20


@pytest.mark.parametrize("what", ["a pipe", "a folder", "absent", "a zero byte"])
def test_what_is_no_file_is_not_opened(what: str, tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    if what == "a pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("Windows has no such pipes")
        os.mkfifo(path)
    if what == "a folder":
        path.mkdir()
    given = f"{path}\0" if what == "a zero byte" else path
    with pytest.raises(ConversionError, match=r"(is no file: name|cannot be read: )"):
        read_keras(given)
