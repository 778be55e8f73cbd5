"""Contenders measured side by side: in one process, taking turns, by medians.

In its turn a contender first rests, so that threads which another library left spinning have gone
to sleep, then runs once unmeasured, so that its own are awake, then runs for a while.
"""

from __future__ import annotations

import argparse
import gc
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import ISA_VARIABLES, machine
from recurra import kernels
from recurra.spec.canonical import json_to_bytes
from recurra.spec.disk import write_atomic

__all__ = [
    "FULL",
    "QUICK",
    "YARDSTICK",
    "Contender",
    "Plan",
    "Record",
    "Timing",
    "command_line",
    "difference",
    "limit_isa",
    "limit_threads",
    "measure",
    "record",
    "write",
]

Array = NDArray[Any]
# Timed like a contender, but no peer: benchmarks/products.py.
YARDSTICK = "sgemm"


@dataclass(frozen=True)
class Contender:
    """Something to time, and what it computes, by name."""

    call: Callable[[], object]
    results: Callable[[], Mapping[str, Array]]


@dataclass(frozen=True)
class Plan:
    """How long to measure.

    Args:
        turns: Of each contender.
        turn_s: A turn lasts at least so long, and at least one sample.
        sample_s: Calls shorter than this are timed several at a time, to outweigh the clock.
        rest_s: Pause before each turn; other libraries' threads spin a few milliseconds.
    """

    turns: int
    turn_s: float
    sample_s: float = 2e-4
    rest_s: float = 0.02


# MKL's, oneDNN's and PyTorch's own words for the instruction sets.
_PYTORCH_LIMITS = {
    set_: dict(zip(ISA_VARIABLES, words, strict=True))
    for set_, words in {
        "baseline": ("SSE4_2", "SSE41", "default"),
        "avx2": ("AVX2", "AVX2", "avx2"),
        "avx512": ("AVX512", "AVX512_CORE", "avx512"),
    }.items()
}

FULL = Plan(turns=9, turn_s=0.1)
QUICK = Plan(turns=3, turn_s=0.04)


@dataclass(frozen=True)
class Timing:
    """Seconds of one call: the median of the samples, and their 10th and 90th percentile."""

    median_s: float
    spread_s: tuple[float, float]
    samples: int

    @staticmethod
    def of(samples: Sequence[float]) -> Timing:
        """The statistics of these samples; at least one."""
        low, middle, high = (float(v) for v in np.percentile(samples, (10, 50, 90)))
        return Timing(middle, (low, high), len(samples))


@dataclass(frozen=True)
class Record:
    """One line of a table.

    Args:
        case: What was run.
        shape: Its sizes, [B, T, I, H].
        dtype: Of the arrays.
        threads: How many each contender might use.
        ours: Which of our functions ran.
        ours_s: Median seconds of one call.
        ours_spread_s: Its 10th and 90th percentile.
        peers_s: As ours_s, for each peer.
        peers_spread_s: As ours_spread_s, for each peer.
        error: Largest deviation from float64, as a share of the largest value there; of several
            arrays the worst.
        peer_errors: The same for each peer.
        memory_bytes: Most memory that a call took beyond its arguments; None: not measured.
        peer_memory_bytes: The same for each peer for which it was measured.
        ours_step_s: The share of one step in ours_s; None: not measured.
        isa: The instruction set of our kernels.
        sgemm_s: As ours_s, for one plain product with as many multiply-adds as the layer's own
            products (training: for the three of that size); None: there is no such product.
        gflops: Additions and multiplications in our products in a second, in 1e9; what gates and
            biases take is in the time and not in the count. None as in sgemm_s.
    """

    case: str
    shape: tuple[int, int, int, int]
    dtype: str
    threads: int
    ours: str
    ours_s: float
    ours_spread_s: tuple[float, float]
    peers_s: Mapping[str, float]
    peers_spread_s: Mapping[str, tuple[float, float]]
    error: float
    peer_errors: Mapping[str, float]
    memory_bytes: int | None = None
    peer_memory_bytes: Mapping[str, int] = field(default_factory=dict)
    ours_step_s: float | None = None
    isa: str = ""
    sgemm_s: float | None = None
    gflops: float | None = None


def record(
    case: str,
    shape: tuple[int, int, int, int],
    *,
    ours: str,
    threads: int,
    timings: Mapping[str, Timing],
    errors: Mapping[str, float],
    memory: Mapping[str, int],
    flops: int | None = None,
) -> Record:
    """A record from what was measured of "ours", each peer and the yardstick, in float32."""
    peers = [name for name in timings if name not in ("ours", YARDSTICK)]
    ours_s = timings["ours"].median_s
    return Record(
        case=case,
        shape=shape,
        dtype="float32",
        threads=threads,
        ours=ours,
        ours_s=ours_s,
        ours_spread_s=timings["ours"].spread_s,
        peers_s={name: timings[name].median_s for name in peers},
        peers_spread_s={name: timings[name].spread_s for name in peers},
        error=errors["ours"],
        peer_errors={name: errors[name] for name in peers},
        memory_bytes=memory.get("ours"),
        peer_memory_bytes={name: memory[name] for name in peers if name in memory},
        ours_step_s=ours_s / shape[1],
        isa=kernels.isa(),
        sgemm_s=timings[YARDSTICK].median_s if YARDSTICK in timings else None,
        gflops=None if flops is None else flops / ours_s / 1e9,
    )


@contextmanager
def _no_collection() -> Iterator[None]:
    """Garbage is collected before, and not inside."""
    was = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def measure(
    contenders: Mapping[str, Callable[[], object]],
    plan: Plan,
    *,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], object] = time.sleep,
) -> dict[str, Timing]:
    """Time every contender in turn, round after round.

    Args:
        contenders: Name -> what to call.
        plan: How long.
        clock: Gives seconds.
        sleep: Waits so many of them.
    """
    seconds: dict[str, float] = {}
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    for name, call in contenders.items():
        call()  # the first call builds, packs and allocates
        began = clock()
        call()
        seconds[name] = max(clock() - began, 1e-9)
    with _no_collection():
        for _ in range(plan.turns):
            for name, call in contenders.items():
                sleep(plan.rest_s)
                if seconds[name] < plan.turn_s:
                    call()
                calls = math.ceil(plan.sample_s / seconds[name])
                samples[name] += _turn(call, calls, plan.turn_s, clock)
    return {name: Timing.of(values) for name, values in samples.items()}


def _turn(
    call: Callable[[], object], calls: int, turn_s: float, clock: Callable[[], float]
) -> list[float]:
    """Seconds of one call, sample after sample."""
    found: list[float] = []
    began = before = clock()
    while not found or before - began < turn_s:
        for _ in range(calls):
            call()
        now = clock()
        found.append((now - before) / calls)
        before = now
    return found


def difference(values: Mapping[str, Array], exact: Mapping[str, Array]) -> float:
    """The largest deviation from `exact` of any array, as a share of its largest value.

    Raises:
        ArithmeticError: a value is not finite, or there are more or fewer of them: there is nothing
            to compare.
    """
    worst = 0.0
    for name, wanted in exact.items():
        if values[name].shape != wanted.shape or not np.isfinite(values[name]).all():
            raise ArithmeticError(
                f"expected {name} {list(wanted.shape)} with finite values, got "
                f"{list(values[name].shape)}, finite: {np.isfinite(values[name]).all()}"
            )
        size = float(np.abs(wanted).max(initial=0.0))
        worst = max(worst, float(np.abs(values[name] - wanted).max(initial=0.0)) / (size or 1.0))
    return worst


def command_line(description: str) -> argparse.ArgumentParser:
    """What every benchmark takes: --threads, --json, --quick."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--threads", type=_count, default=os.cpu_count() or 1, help="of each contender"
    )
    parser.add_argument("--json", type=_new_file, help="write the records here, one by one")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter, within 2 minutes")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1 thread, got {text}")
    return int(text)


def _new_file(name: str) -> Path:
    path = Path(name)
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"{name} is no file in a folder that exists")
    return path


def limit_threads(threads: int) -> None:
    """Tell every library how many threads it may use; it must be called before they are loaded."""
    # OpenMP is PyTorch's, NPROC is what XLA reads.
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NPROC"):
        os.environ[name] = str(threads)


def limit_isa(name: str) -> None:
    """Use this instruction set, in processes started from here too, and PyTorch no better one.

    ONNX Runtime, OpenVINO and XLA go on to choose their own. It must be called before PyTorch is
    loaded.

    Raises:
        BackendError: this processor, or this build, has no such instruction set.
    """
    kernels.set_isa(name)
    os.environ["RECURRA_ISA"] = name
    os.environ.update(_PYTORCH_LIMITS.get(name, {}))


def write(path: Path | None, records: Sequence[Record]) -> None:
    """Write {"machine", "records"} as JSON, whole or not at all, if a path is given."""
    if path is not None:
        tree = {"machine": machine(), "records": [asdict(one) for one in records]}
        write_atomic(path, json_to_bytes(tree, indent=2))
