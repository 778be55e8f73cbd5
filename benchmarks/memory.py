"""How much memory a call takes at its highest, beyond what it was given.

A process of its own builds one contender, runs the same case once on a tiny shape (so that
libraries are loaded and threads are there), asks Linux to forget the highest resident size so far,
runs the call twice and reads the highest since. What the call leaves behind, the gradients, counts.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import limit_threads

if TYPE_CHECKING:
    from benchmarks.layer import Shape

__all__ = ["Peak", "peaks"]

_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
# Those whose memory is the process's own: Keras' XLA keeps a pool.
_WEIGHED = ("ours", "pytorch")


def peaks(case: str, shape: Shape, names: Sequence[str], threads: int) -> dict[str, int]:
    """Bytes of each of these contenders that can be measured; none where Linux does not tell."""
    if not _FORGET.exists():
        return {}
    found = {}
    for name in names:
        if name in _WEIGHED:
            sizes = ",".join(map(str, shape))
            command = [sys.executable, "-m", "benchmarks.memory", case, sizes, name, str(threads)]
            ran = subprocess.run(command, capture_output=True, text=True, check=True)
            found[name] = int(ran.stdout)
    return found


class Peak:
    """Memory at its highest while `with Peak() as peak` lasts, beyond what was there before.

    Args:
        megabytes: None where Linux does not tell.
    """

    def __init__(self) -> None:
        self.megabytes: float | None = None

    def __enter__(self) -> Peak:
        if _FORGET.exists():
            self._before = _resident("VmRSS")
            _FORGET.write_text("5", encoding="ascii")
        return self

    def __exit__(self, *raised: object) -> None:
        if _FORGET.exists():
            self.megabytes = round(max(0, _resident("VmHWM") - self._before) / 1e6, 1)


def _resident(name: str) -> int:
    """A size from the process's status, in bytes: VmRSS now, VmHWM at its highest."""
    lines = _STATUS.read_text(encoding="ascii").splitlines()
    line = next(line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def _measure(case_name: str, shape: Shape, who: str, threads: int) -> int:
    limit_threads(threads)
    import torch

    from benchmarks.contest import CASES

    torch.set_num_threads(threads)
    case = CASES[case_name]
    tiny = case.entries[who](case.layer((2, 3, 4, 5)), threads)
    contender = case.entries[who](case.layer(shape), threads)
    assert tiny is not None
    assert contender is not None
    tiny.call()
    before = _resident("VmRSS")
    _FORGET.write_text("5", encoding="ascii")
    contender.call()
    contender.call()
    return max(0, _resident("VmHWM") - before)


def _main(case: str, sizes: str, who: str, threads: str) -> None:
    batch, time, inputs, units = map(int, sizes.split(","))
    sys.stdout.write(f"{_measure(case, (batch, time, inputs, units), who, int(threads))}\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
