"""Work that may crash or never end, in a Python process of its own with bounds on time and memory.

A library in C that reads a forged file can take its whole process along. The process here is
started anew (no fork), gets its module's name and texts, and hands back bytes; nothing is pickled.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from recurra.errors import ConversionError, DependencyError

__all__ = ["answer_with", "ask"]

# Ahead of the answer, behind whatever a site's own start-up files may print.
_MARK = b"\n<<recurra>>\n"
# Long enough for the parent, which says what happened, to come first.
_PARENT_FIRST_S = 5
# Windows' codes of crashes begin at 0xC0000000; what a program returns itself is small.
_LEAST_CRASH = 2**30


def ask(
    module: str, arguments: Sequence[str], what: str, *, seconds: int, memory_bytes: int
) -> bytes:
    """What `answer_with` in `python -m module` answers; the process has ended then, in any case.

    Args:
        module: Its name; it finds what this process finds (`sys.path`).
        arguments: Texts.
        what: What the process does, for the message: "reading FILE".
        seconds: After which it is ended.
        memory_bytes: Of its address space, where the system has such a bound.

    Raises:
        ConversionError: it crashed, or took too long.
        DependencyError: there is no Python that could be started, or it cannot do the work.
    """
    # A program frozen into one file has no `python -m`: it would start itself.
    if getattr(sys, "frozen", False) or not sys.executable:
        raise DependencyError(
            f"{what} starts Python in a process of its own, and this program has none: run "
            "`recurra import FILE` with an installed Python, and read_layers on what it writes"
        )
    bounds = [str(seconds), str(memory_bytes)]
    try:
        done = subprocess.run(  # noqa: S603  # our own module, no shell
            [sys.executable, "-P", "-m", module, *bounds, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
            env=_surroundings(),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except subprocess.TimeoutExpired:
        raise ConversionError(
            f"{what} took more than {seconds} s and was stopped: the file is damaged or forged; "
            "save the model again, or get the file anew"
        ) from None
    except OSError as error:
        raise DependencyError(
            f"{what} starts Python in a process of its own, and {sys.executable} cannot be "
            f"started: {error.strerror}"
        ) from error
    _, mark, answer = done.stdout.partition(_MARK)
    if done.returncode == 0 and mark:
        return answer
    how = f"{what} ended the process that did it ({_ending(done.returncode, done.stderr)})"
    # Python itself ends with small numbers; a crash is a signal, on Windows a number beyond these.
    if 0 <= done.returncode < _LEAST_CRASH:
        raise DependencyError(f"{how}: look whether `python -m recurra info` works there")
    raise ConversionError(
        f"{how}: the file is damaged or forged; save the model again, or get the file anew"
    )


def answer_with(work: Callable[..., bytes]) -> None:
    """In the process apart: set its bounds, do the work on its arguments, hand back the bytes."""
    seconds, memory_bytes, *arguments = sys.argv[1:]
    _bound(int(seconds), int(memory_bytes))
    answer = work(*arguments)
    sys.stdout.buffer.write(_MARK + answer)
    sys.stdout.buffer.flush()


def _surroundings() -> dict[str, str]:
    """The environment: modules are found as here; threads and plugins are not wanted."""
    here = [str(Path(entry).absolute()) for entry in sys.path]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(entry for entry in here if os.pathsep not in entry),
        # Each thread of numpy's would claim address space.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        # An HDF5 file can name a filter, which the library would load from a folder as code.
        "HDF5_PLUGIN_PRELOAD": "::",
    }


def _bound(seconds: int, memory_bytes: int) -> None:
    # Where the parent was killed, and a library holds Python's lock, this still ends the process.
    if hasattr(signal, "alarm"):
        signal.alarm(seconds + _PARENT_FIRST_S)
    try:
        import resource
    except ImportError:  # Windows
        return
    for which, most in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(which)[1]
        soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
        # macOS refuses bounds below what a process has mapped already.
        with suppress(ValueError, OSError):
            resource.setrlimit(which, (soft, hard))


def _ending(code: int, said: bytes) -> str:
    """How a process ended, in words."""
    if code < 0:
        known = {one.value: one.name for one in signal.Signals}
        return known.get(-code, f"signal {-code}")
    lines = said.decode("utf-8", "replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f"exit code {code}{': ' if last else ''}{last}"
