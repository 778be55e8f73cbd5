"""A file is the old one or the new one, whole, whatever fails in between."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from recurra.errors import OutputError
from recurra.spec.disk import is_temporary, require_new_folder, write_atomic


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "f"
    for raw in (b"old", b"", b"x" * 3_000_000):
        write_atomic(path, raw)
        assert path.read_bytes() == raw
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


@pytest.mark.parametrize("call", ["open", "write", "fsync"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "f"
    write_atomic(path, b"old")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OutputError, match=r"f: No space left.*is whole.*free some space"):
        write_atomic(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes among its files")
def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    """A pipe stands for a device, such as /dev/null; a link to one is not replaced either."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(OutputError, match="is a device or a pipe"):
            write_atomic(tmp_path / name, b"new")
    assert (tmp_path / "pipe").is_fifo()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "pipe"]


def test_a_partial_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, rest: write(descriptor, bytes(rest[:7])))
    write_atomic(tmp_path / "f", b"0123456789" * 5)
    assert (tmp_path / "f").read_bytes() == b"0123456789" * 5


def test_a_limit_of_the_operating_system_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "f"
    write_atomic(path, b"old")
    program = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from recurra.spec.disk import write_atomic; from recurra.errors import OutputError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: write_atomic(Path(sys.argv[1]), b'n' * 100_000)\n"
        "except OutputError: sys.exit(7)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert done.returncode == 7
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_missing_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file"):
        write_atomic(tmp_path / "nowhere" / "f", b"")


def test_a_temporary_file_is_known_by_its_name() -> None:
    assert is_temporary(".recurra-0123456789abcdef.tmp")
    assert not is_temporary("notes.tmp")


def test_a_folder_with_something_in_it_needs_force(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    require_new_folder(folder)
    (folder / ".recurra-0123456789abcdef.tmp").touch()
    require_new_folder(folder)
    (folder / "notes.txt").touch()
    with pytest.raises(OutputError, match="--force"):
        require_new_folder(folder)
    require_new_folder(folder, force=True)
    assert (folder / "notes.txt").exists()
    with pytest.raises(OutputError, match="a file stands"):
        require_new_folder(folder / "notes.txt" / "below")
    with pytest.raises(OutputError, match="a file stands"):
        require_new_folder(folder / "notes.txt", force=True)
