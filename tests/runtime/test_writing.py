"""Whenever a write is cut short, its folder holds the old bundle or the new one, whole."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.errors import BundleError, OutputError
from recurra.runtime import load, read_bundle, write_bundle

Arguments = Callable[..., dict[str, Any]]
ROOT = Path(__file__).resolve().parents[2]


def names(folder: Path) -> set[str]:
    return {path.name.split("-")[0] for path in folder.iterdir()}


def test_what_is_written_is_read(tmp_path: Path, arguments: dict[str, Any]) -> None:
    manifest = write_bundle(tmp_path / "b", **arguments)
    bundle = read_bundle(tmp_path / "b")
    assert bundle.manifest.fingerprint == manifest.fingerprint
    assert bundle.parts.codec == arguments["codec"]
    assert bundle.parts.decoder == arguments["decoder"]
    assert bundle.parts.graphs == arguments["graphs"]
    assert bundle.parts.weights.keys() == arguments["weights"].keys()
    for name, weight in arguments["weights"].items():
        assert np.array_equal(bundle.parts.weights[name], weight)
    assert names(tmp_path / "b") == {
        "manifest.json",
        "README.md",
        "certificate.json",
        "weights",
        "golden",
    }


def test_the_same_model_gives_the_same_bytes(tmp_path: Path, arguments: dict[str, Any]) -> None:
    for name in ("a", "b"):
        write_bundle(tmp_path / name, **arguments)
    first, second = ({p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in "ab")
    assert first == second


def test_a_folder_in_use_needs_force_and_keeps_what_is_not_ours(
    tmp_path: Path, arguments_of: Arguments
) -> None:
    old, new = arguments_of(seed=0), arguments_of(seed=1)
    write_bundle(tmp_path, **old)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(OutputError, match=r"not empty: choose another, or use --force"):
        write_bundle(tmp_path, **new)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".recurra-0123456789abcdef.tmp").touch()
    manifest = write_bundle(tmp_path, **new, force=True)
    assert load(tmp_path).fingerprint == manifest.fingerprint
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 6


@pytest.mark.parametrize("name", ["README.md", "manifest.json", "certificate.json"])
def test_a_foreign_file_of_a_bundles_name_is_never_overwritten(
    tmp_path: Path, arguments_of: Arguments, name: str
) -> None:
    (tmp_path / name).write_text('{"name": "my project"}')
    for force in (False, True):
        with pytest.raises(OutputError, match=r"exists and is not|not a bundle's"):
            write_bundle(tmp_path, **arguments_of(), force=force)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == '{"name": "my project"}'


def test_a_file_where_the_folder_goes_is_a_sentence(
    tmp_path: Path, arguments_of: Arguments
) -> None:
    (tmp_path / "b").write_text("x")
    with pytest.raises(OutputError, match="a file stands where a folder goes"):
        write_bundle(tmp_path / "b", **arguments_of(), force=True)


def test_a_damaged_bundle_can_be_replaced(tmp_path: Path, arguments_of: Arguments) -> None:
    write_bundle(tmp_path, **arguments_of(seed=0))
    path = tmp_path / "manifest.json"
    path.write_bytes(path.read_bytes()[:300])
    write_bundle(tmp_path, **arguments_of(seed=1), force=True)
    load(tmp_path)


def test_a_model_that_is_not_finite_is_not_written(tmp_path: Path, arguments_of: Arguments) -> None:
    arguments = arguments_of()
    arguments["weights"]["head.bias"][1] = np.nan
    with pytest.raises(BundleError, match="NaN"):
        write_bundle(tmp_path / "b", **arguments)
    assert not (tmp_path / "b").exists()
    with pytest.raises(BundleError, match="at least one input"):
        write_bundle(tmp_path / "b", **arguments_of() | {"golden": []})
    with pytest.raises(BundleError, match="certificate must say"):
        write_bundle(tmp_path / "b", **arguments_of() | {"certificate": {}})


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("allowed", range(6))
def test_a_disk_that_fills_up_at_any_write_leaves_what_was_there(
    tmp_path: Path,
    arguments_of: Arguments,
    monkeypatch: pytest.MonkeyPatch,
    fresh: bool,
    allowed: int,
) -> None:
    old, new = arguments_of(seed=0), arguments_of(seed=1)
    folder = tmp_path / "b"
    standing = None if fresh else write_bundle(folder, **old).fingerprint
    write, left = os.write, iter(range(allowed))

    def full(descriptor: int, raw: bytes) -> int:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, raw)

    monkeypatch.setattr(os, "write", full)
    # A bundle has five files. Replaced, its third is the manifest, and views come after it.
    if allowed < 5:
        with pytest.raises(OutputError, match="No space left on device; what was there before is"):
            write_bundle(folder, **new, force=not fresh)
    else:
        write_bundle(folder, **new, force=not fresh)
    monkeypatch.undo()
    if fresh and allowed < 5:
        assert not list(folder.iterdir())
    else:
        assert (load(folder).fingerprint == standing) == (allowed < 3 and not fresh)
        assert read_bundle(folder).parts.weights.keys() == new["weights"].keys()


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from conftest import bundle_arguments
from recurra.runtime import write_bundle
arguments = [bundle_arguments("series", seed=seed, units=40) for seed in (0, 1)]
k = 0
while True:
    print("next", flush=True)
    k += 1
    write_bundle(Path({folder!r}), **arguments[k % 2], force=True)
"""


def kill_while_writing(folder: Path, arguments_of: Arguments, rounds: int, seed: int) -> set[str]:
    """Start a process that replaces a bundle for ever, and kill it at a random moment; again."""
    draw = random.Random(seed)
    write_bundle(folder, **arguments_of(seed=9))
    seen = set()
    for _ in range(rounds):
        program = KILLED.format(tests=str(Path(__file__).parent), folder=str(folder))
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(draw.randint(2, 4)):
                assert process.stdout.readline() == b"next\n"
            time.sleep(draw.uniform(0, 0.01))
            process.send_signal(signal.SIGKILL)
        seen.add(load(folder).fingerprint)
    return seen


def test_a_writer_killed_at_a_random_moment_leaves_a_whole_bundle(
    tmp_path: Path, arguments_of: Arguments
) -> None:
    first = write_bundle(tmp_path / "first", **arguments_of(seed=9)).fingerprint
    assert first not in kill_while_writing(tmp_path / "b", arguments_of, 5, 0)


@pytest.mark.deep
def test_writers_killed_at_many_random_moments_leave_a_whole_bundle(
    tmp_path: Path, arguments_of: Arguments
) -> None:
    assert len(kill_while_writing(tmp_path / "b", arguments_of, 300, 1)) == 2


class Killed(BaseException):
    """Stands for a kill: nothing that comes after it runs."""


def count_moments(monkeypatch: pytest.MonkeyPatch, stop: int | None) -> list[int]:
    """Count the system calls that change the disk; before number `stop`, and ever after, die."""
    moments = [0]

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            if stop is not None and moments[0] >= stop:
                raise Killed
            moments[0] += 1
            return call(*arguments, **options)

        return run

    monkeypatch.setattr(os, "write", watched(os.write))
    monkeypatch.setattr(os, "fsync", watched(os.fsync))
    monkeypatch.setattr(Path, "replace", watched(Path.replace))
    monkeypatch.setattr(Path, "unlink", watched(Path.unlink))
    return moments


@pytest.mark.parametrize("first", [True, False])
def test_death_at_every_single_moment_leaves_a_whole_bundle_that_can_be_replaced(
    tmp_path: Path, arguments_of: Arguments, first: bool
) -> None:
    old, new, newest = (arguments_of(seed=seed) for seed in range(3))
    known = {
        write_bundle(tmp_path / f"known{k}", **a).fingerprint for k, a in enumerate((old, new))
    }
    with pytest.MonkeyPatch.context() as patch:
        total = count_moments(patch, None)
        write_bundle(tmp_path / "count", **new)
        moments = total[0] + 3
    for stop in range(moments):
        folder = tmp_path / f"{stop}"
        if not first:
            write_bundle(folder, **old)
        with pytest.MonkeyPatch.context() as patch:
            count_moments(patch, stop)
            with contextlib.suppress(Killed):
                write_bundle(folder, **new, force=not first)
        if (folder / "manifest.json").exists():
            assert load(folder).fingerprint in known
        else:
            assert first
        finished = (folder / "manifest.json").exists()
        # Half a first bundle needs no force; a whole one does.
        fingerprint = write_bundle(folder, **newest, force=finished).fingerprint
        assert load(folder).fingerprint == fingerprint
        assert len(list(folder.iterdir())) == 5
