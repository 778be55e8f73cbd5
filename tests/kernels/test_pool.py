"""Threads share a call and come back as they were; none waits for one that has no processor."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest


def test_two_calls_at_once_and_a_fork_in_between():
    """The pool serves one caller at a time, and a child process begins with its own."""
    program = """
import os, threading, numpy as np
from recurra.kernels import gru
rng = np.random.default_rng(0)
x, h = rng.standard_normal((64, 20, 16), np.float32), np.zeros((64, 64), np.float32)
w, u = (rng.standard_normal((192, n), np.float32) for n in (16, 64))
expected = gru.forward(x, h, w, u, threads=2).y
def work(): assert (gru.forward(x, h, w, u, threads=2).y == expected).all(); done.append(1)
done = []
team = [threading.Thread(target=work) for _ in range(6)]
[t.start() for t in team], [t.join() for t in team]
child = os.fork()
work()
if child == 0: os._exit(len(done) - 7)
assert os.waitpid(child, 0)[1] == 0 and len(done) == 7
"""
    run = subprocess.run(
        [sys.executable, "-c", program], timeout=60, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


def test_a_child_forked_ahead_of_the_first_call_begins_with_its_own_threads():
    """In the parent PyTorch's threads ran, the kernels did not: the child waits for no thread."""
    program = """
import os, signal, numpy as np, torch
from recurra.kernels import gru
torch.set_num_threads(2)
torch.ones(2_000_000).add(1)
rng = np.random.default_rng(0)
x, h = rng.standard_normal((64, 20, 16), np.float32), np.zeros((64, 64), np.float32)
w, u = (rng.standard_normal((192, n), np.float32) for n in (16, 64))
child = os.fork()
signal.alarm(30)
y = gru.forward(x, h, w, u, threads=2).y
same = (y == gru.forward(x, h, w, u, threads=1).y).all()
if child == 0: os._exit(not same)
assert same and os.waitpid(child, 0)[1] == 0
"""
    run = subprocess.run(
        [sys.executable, "-c", program], timeout=60, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux binds to a processor")
def test_threads_without_a_processor_are_not_waited_for():
    """On one processor the caller does the others' parts itself: it hardly ever gives way."""
    program = """
import os, resource, numpy as np
from recurra.kernels import gru
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
rng = np.random.default_rng(0)
x, h = rng.standard_normal((64, 1, 16), np.float32), np.zeros((64, 128), np.float32)
packed = gru.Packed(*(rng.standard_normal((384, n), np.float32) for n in (16, 128)))
expected, calls = packed.forward(x, h, threads=1).y, 300
def switches():
    used = resource.getrusage(resource.RUSAGE_THREAD)
    return used.ru_nvcsw + used.ru_nivcsw
before = switches()
for _ in range(calls): assert (packed.forward(x, h, threads=4).y == expected).all()
gave_way = switches() - before
assert gave_way < calls // 2, f"gave way {gave_way} times in {calls} calls"
"""
    run = subprocess.run(
        [sys.executable, "-c", program], timeout=60, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


def test_denormals_count_as_zero_inside_and_the_callers_mode_comes_back(make_call):
    """Half of the smallest normal number is a denormal: outside it is kept, inside it is zero."""
    least = np.finfo(np.float32).tiny

    def product():
        # An array's product, computed in the mode of this thread at this moment.
        return (np.full(64, least) * np.float32(0.5))[0]

    before = product()
    assert before > 0, "this thread flushes denormals already"
    case = make_call("rnn", np.random.default_rng(20), (9, 3, 1, 16), dtype="float32")
    zeros = {n: np.zeros_like(case[n]) for n in ("x", "recurrent_weight")}
    # The candidate is 0 and half of the state is kept: that half, and half of the gradient.
    halves = np.full((9, 3, 16), 0.5, np.float32)
    quiet = case.but(h0=np.full_like(case["h0"], least), zoneout_h=halves, **zeros)
    for threads in (1, 2):
        result = quiet.forward(keep=True, threads=threads)
        assert product() == before
        gradient = np.full((9, 16), least)
        back = quiet.backward(result.kept, [np.zeros_like(result.y), gradient], threads=threads)
        assert product() == before
        assert not result.y.any()
        assert not back.x.any()
    state = quiet.packed().step(quiet["x"][:, 0], quiet["h0"], zoneout_h=quiet["zoneout_h"][:, 0])
    assert product() == before
    assert not np.asarray(state).any()
