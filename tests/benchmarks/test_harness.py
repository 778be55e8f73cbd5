"""A contender's time is the median of its own samples, whatever the others do between."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import harness
from benchmarks.harness import Plan, Timing
from benchmarks.machine import machine
from recurra import kernels


class Clock:
    """Time passes only when somebody works or sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def work(self, seconds: float) -> Callable[[], None]:
        """A call that takes so long."""

        def call() -> None:
            self.now += seconds

        return call


def test_each_contender_gets_its_own_median() -> None:
    """Rests and the other's time are in no sample."""
    clock = Clock()
    plan = Plan(turns=4, turn_s=1.0, sample_s=1e-9, rest_s=128.0)
    calls = {"quick": clock.work(0.25), "slow": clock.work(2.0)}
    timings = harness.measure(calls, plan, clock=clock, sleep=clock.sleep)
    assert timings["quick"] == Timing(0.25, (0.25, 0.25), 16)
    assert timings["slow"] == Timing(2.0, (2.0, 2.0), 4)
    assert clock.slept == [128.0] * 8


def test_contenders_take_turns() -> None:
    """Every round has each of them once, in the order given."""
    order: list[str] = []
    clock = Clock()

    def named(name: str) -> Callable[[], None]:
        def call() -> None:
            order.append(name)
            clock.now += 1.0

        return call

    plan = Plan(turns=3, turn_s=0.5)
    harness.measure({n: named(n) for n in "ab"}, plan, clock=clock, sleep=clock.sleep)
    assert "".join(order) == "aabb" + "ab" * 3


def test_short_calls_are_timed_several_at_a_time() -> None:
    """A sample lasts at least sample_s and is divided by its calls."""
    clock = Clock()
    plan = Plan(turns=1, turn_s=16.0, sample_s=4.0)
    timing = harness.measure({"a": clock.work(0.5)}, plan, clock=clock, sleep=clock.sleep)["a"]
    assert timing.median_s == pytest.approx(0.5)
    assert timing.samples == 4


def test_the_spread_is_that_of_the_samples() -> None:
    """Median, 10th and 90th percentile; a far sample does not move the median."""
    timing = Timing.of([*np.arange(1.0, 10.0), 1000.0])
    assert timing.median_s == 5.5
    assert timing.spread_s == pytest.approx((1.9, 108.1))
    assert timing.samples == 10


def test_no_garbage_is_collected_while_measuring() -> None:
    """The collector is off inside, and as before afterwards, also where a call fails."""
    seen: list[bool] = []

    def call() -> None:
        seen.append(gc.isenabled())
        if len(seen) > 3:
            raise RuntimeError("enough")

    assert gc.isenabled()
    with pytest.raises(RuntimeError, match="enough"):
        harness.measure({"a": call}, Plan(turns=9, turn_s=0.0), sleep=lambda _: None)
    assert seen == [True, True, False, False]
    assert gc.isenabled()


def test_the_difference_is_the_worst_of_all_arrays_each_by_its_own_size() -> None:
    """A tiny array counts as much as a large one; an array of zeros by its absolute error."""
    exact = {"big": np.array([100.0, -200.0]), "small": np.array([1e-3, 0.0])}
    assert harness.difference(exact, exact) == 0.0
    assert harness.difference(exact | {"big": np.array([101.0, -200.0])}, exact) == pytest.approx(
        1 / 200
    )
    assert harness.difference(exact | {"small": np.array([1e-3, 1e-4])}, exact) == pytest.approx(
        0.1
    )
    assert harness.difference({"a": np.array([0.5])}, {"a": np.zeros(1)}) == 0.5


@pytest.mark.parametrize("wrong", [np.array([np.nan]), np.array([np.inf]), np.zeros(2)])
def test_nothing_is_compared_with_nonsense(wrong: NDArray[Any]) -> None:
    """NaN must not pass as an error of 0, nor one number stand for several."""
    with pytest.raises(ArithmeticError, match="expected a"):
        harness.difference({"a": wrong}, {"a": np.zeros(1)})


def example() -> harness.Record:
    """A record of two contenders."""
    return harness.record(
        "gru-inference",
        (1, 2, 3, 4),
        ours="f",
        threads=2,
        timings={"ours": Timing(1.0, (0.5, 2.0), 9), "pytorch": Timing(3.0, (2.5, 4.0), 9)},
        errors={"ours": 1e-7, "pytorch": 2e-7},
        memory={},
    )


def test_a_record_keeps_ours_apart_from_the_peers() -> None:
    """What is ours is in no peer's place."""
    one = example()
    assert (one.ours_s, one.ours_spread_s, one.error) == (1.0, (0.5, 2.0), 1e-7)
    assert one.peers_s == {"pytorch": 3.0}
    assert one.peers_spread_s == {"pytorch": (2.5, 4.0)}
    assert one.peer_errors == {"pytorch": 2e-7}
    assert one.memory_bytes is None


def test_the_product_is_apart_from_the_peers_too() -> None:
    """Its time is the record's own; the rate is of our time, not of the product's."""
    times = {"ours": 2.0, "pytorch": 3.0, "sgemm": 0.5}
    one = harness.record(
        "gru-inference",
        (1, 2, 3, 4),
        ours="f",
        threads=2,
        timings={name: Timing(value, (value, value), 9) for name, value in times.items()},
        errors={"ours": 1e-7, "pytorch": 2e-7},
        memory={},
        flops=8_000_000_000,
    )
    assert one.peers_s == {"pytorch": 3.0}
    assert set(one.peers_spread_s) == set(one.peer_errors) == {"pytorch"}
    assert (one.sgemm_s, one.gflops) == (0.5, 4.0)
    assert (example().sgemm_s, example().gflops) == (None, None)


def test_a_record_says_which_instruction_set_ran() -> None:
    """The one in use when it was made."""
    assert example().isa == kernels.isa()


def test_limiting_the_instruction_set_reaches_pytorch_and_other_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ours at once; by the environment whoever is loaded or started later; the file says it."""
    chosen: list[str] = []
    monkeypatch.setattr(kernels, "set_isa", chosen.append)
    monkeypatch.setattr(harness.os, "environ", {})
    harness.limit_isa("avx2")
    assert chosen == ["avx2"]
    limits = {
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
    }
    assert harness.os.environ == {"RECURRA_ISA": "avx2", **limits}
    assert machine()["pytorch_limits"] == limits


def test_the_file_is_an_object_with_machine_and_records(tmp_path: Path) -> None:
    """Written whole, with nothing left beside it."""
    path = tmp_path / "out.json"
    harness.write(path, [example()])
    tree = json.loads(path.read_text("utf-8"))
    assert set(tree) == {"machine", "records"}
    assert {"processor", "flags", "cores", "caches", "isa", "versions"} <= set(tree["machine"])
    assert tree["records"][0]["shape"] == [1, 2, 3, 4]
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]


def test_a_file_that_cannot_be_written_is_refused_before_measuring(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing folder, and a folder where a file goes."""
    parser = harness.command_line("x")
    for place in (tmp_path / "none" / "a.json", tmp_path):
        with pytest.raises(SystemExit):
            parser.parse_args(["--json", str(place)])
        assert "is no file in a folder that exists" in capsys.readouterr().err
