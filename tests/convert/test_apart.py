"""Work in a process apart: its answer comes back whole; a crash or a hang is an error of ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from recurra.convert.apart import ask
from recurra.errors import ConversionError, DependencyError

WORKS = {
    "answers": "return text.encode() + bytes(range(256)) * 9999",
    "prints_first": "return b'said'\nprint('a site says hello')",
    "reads_stdin": "return sys.stdin.buffer.read()",
    "crashes": "os.abort()",
    "hangs": "while True: pass",
    "raises": "raise OSError('no such thing 红')",
    "leaves": "os._exit(0)",
    "asks_much": "return str(len(bytearray(8 * 2**30))).encode()",
    "surroundings": "return os.environ['HDF5_PLUGIN_PRELOAD'].encode()",
}


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of WORKS as a module that only this process's sys.path leads to."""
    monkeypatch.syspath_prepend(tmp_path)
    for name, text in WORKS.items():
        work, *first = text.split("\n")
        lines = [
            *("import os, sys", "from recurra.convert.apart import answer_with", *first),
            *("def work(text):", f"    {work}", "answer_with(work)"),
        ]
        (tmp_path / f"{name}.py").write_text("\n".join(lines), encoding="utf-8")


def answer(module: str, *, seconds: int = 60, memory_bytes: int = 2**31) -> bytes:
    return ask(module, ["文"], "testing X", seconds=seconds, memory_bytes=memory_bytes)


def test_bytes_come_back_whole() -> None:
    """Whatever a site's own start-up prints, and however many; what the parent reads is its own."""
    assert answer("answers") == "文".encode() + bytes(range(256)) * 9999
    assert answer("prints_first") == b"said"
    assert answer("reads_stdin") == b""
    assert answer("surroundings") == b"::"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
def test_a_crash_is_an_error() -> None:
    with pytest.raises(ConversionError, match=r"testing X ended the .* \(SIGABRT\): .* forged"):
        answer("crashes")


def test_a_hang_is_an_error() -> None:
    with pytest.raises(ConversionError, match=r"testing X took more than 2 s and was stopped"):
        answer("hangs", seconds=2)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the address space")
def test_memory_is_bounded() -> None:
    with pytest.raises(DependencyError, match="exit code 1: MemoryError"):
        answer("asks_much")


def test_what_is_no_fault_of_the_file_is_said_so() -> None:
    """The last line that was said; a module that is not there; an end without an answer."""
    with pytest.raises(DependencyError, match=r"exit code 1: OSError: no such thing 红"):
        answer("raises")
    with pytest.raises(DependencyError, match="No module named"):
        answer("absent_module")
    with pytest.raises(DependencyError, match=r"\(exit code 0\)"):
        answer("leaves")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("frozen", True, "this program has none: run `recurra import FILE`"),
        ("executable", "", "this program has none"),
        ("executable", "/nowhere/python", "cannot be started: No such file"),
    ],
)
def test_no_python_to_start(
    name: str, value: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, name, value, raising=False)
    with pytest.raises(DependencyError, match=said):
        answer("answers")


def running(process: int) -> bool:
    """Whether there is such a process; one that ended and waits for its parent's ear is none."""
    try:
        os.kill(process, 0)
        stat = Path(f"/proc/{process}/stat")
        return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
def test_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    """The parent is interrupted while the process apart holds on; both are gone."""
    told = tmp_path / "pid"
    (tmp_path / "holds.py").write_text(
        dedent(f"""
            import os, signal, sys
            from recurra.convert.apart import answer_with
            def work(text):
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                with open({str(told)!r} + ".part", "w") as file:
                    file.write(str(os.getpid()))
                os.rename({str(told)!r} + ".part", {str(told)!r})
                while True: pass
            answer_with(work)
        """)
    )
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from recurra.convert.apart import ask\n"
        "ask('holds', ['x'], 'testing', seconds=300, memory_bytes=2**31)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE)
    try:
        while not told.exists():
            assert parent.poll() is None
            time.sleep(0.02)
        parent.send_signal(signal.SIGINT)
        assert b"KeyboardInterrupt" in parent.communicate(timeout=60)[1]
    finally:
        parent.kill()
        parent.wait()
    process = int(told.read_text())
    ended_by = time.monotonic() + 30
    while running(process) and time.monotonic() < ended_by:
        time.sleep(0.02)
    assert not running(process)
