"""One process at a time writes into a folder, and a lock dies with its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from recurra.errors import OutputError
from recurra.train.lock import LOCK, is_locked, locked

HOLD = (
    "import sys, time\nfrom pathlib import Path\nfrom recurra.train.lock import locked\n"
    "with locked(Path(sys.argv[1])):\n    print('mine', flush=True)\n    time.sleep(60)\n"
)


@pytest.fixture
def owner(tmp_path: Path) -> subprocess.Popen[str]:
    """Another process that has the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "mine\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_another_process_is_refused_and_named(tmp_path: Path, owner: subprocess.Popen[str]) -> None:
    assert is_locked(tmp_path)
    with pytest.raises(OutputError, match=rf"another training \(process {owner.pid} on .+\) is"):
        locked(tmp_path).__enter__()
    # A lock is never stale: it goes with its process, however that ends.
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    assert not is_locked(tmp_path)
    with locked(tmp_path, what="study"):
        assert (tmp_path / LOCK).read_text().startswith(f"process {os.getpid()} on ")


def test_one_that_waits_gets_it(tmp_path: Path, owner: subprocess.Popen[str]) -> None:
    timer = threading.Timer(0.2, owner.kill)
    timer.start()
    with locked(tmp_path, wait=True):
        assert owner.wait() == -signal.SIGKILL


def test_the_thread_that_has_it_may_ask_again(tmp_path: Path) -> None:
    with locked(tmp_path):
        with locked(tmp_path):
            pass
        assert is_locked(tmp_path)
        refused: list[str] = []

        def ask() -> None:
            try:
                locked(tmp_path).__enter__()
            except OutputError as error:
                refused.append(str(error))

        other = threading.Thread(target=ask)
        other.start()
        other.join()
        assert f"process {os.getpid()}" in refused[0]
    assert not is_locked(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_locks_nothing_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a network's file system may answer."""

    def none(_descriptor: int, _how: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("recurra.train.lock.fcntl.flock", none)
    with locked(tmp_path), locked(tmp_path):
        assert not is_locked(tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot write .+lock: No such file"):
        locked(tmp_path / "nowhere").__enter__()
