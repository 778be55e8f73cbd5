"""A program takes only stages that fit each other, and its streams only memory that fits them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import kernels
from recurra.errors import BackendError
from recurra.kernels import gru, linear, lstm
from recurra.kernels.stream import Program

pytestmark = pytest.mark.skipif(
    kernels.backend() != "native", reason="programs run on the native kernels"
)
F32 = np.dtype(np.float32)


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.5, shape).astype(np.float32)


def cell(inputs: int = 3, units: int = 5) -> gru.Packed:
    return gru.Packed(random(3 * units, inputs), random(3 * units, units))


def test_a_chain_is_its_kernels_one_after_another(each_isa: str) -> None:
    weights = random(4 * 5, 5, seed=1), random(4 * 5, 5, seed=2)
    low, high = cell(), lstm.Packed(*weights)
    head = linear.Packed(random(2, 5, seed=3), random(2, seed=4))
    program = Program(3, F32)
    value = program.layer(low, 0)
    value = program.layer(high, value, residual=True, share_h=0.5, share_c=0.25)
    stream = program.streams(4, program.linear(head, value))
    h, top_h, top_c = (np.zeros((4, 5), np.float32) for _ in range(3))
    half, quarter = (np.full((4, 5), share, np.float32) for share in (0.5, 0.25))
    for t in range(6):
        x, y = random(4, 3, seed=t), np.empty((4, 2), np.float32)
        stream.feed(x, y)
        h = low.step(x, h)
        top_h, top_c = high.step(h, top_h, top_c, zoneout_h=half, zoneout_c=quarter)
        assert y.tobytes() == head.forward(top_h + h).tobytes()
    slots = [np.empty((4, 5), np.float32) for _ in range(3)]
    stream.save(*slots)
    assert [s.tobytes() for s in slots] == [s.tobytes() for s in (h, top_h, top_c)]


def test_weights_live_as_long_as_a_stream_reads_them() -> None:
    def make() -> Any:
        program = Program(0, F32)
        value = program.embedding(random(6, 3, seed=9), 0)
        return program.streams(1, program.layer(cell(), value))

    stream, y = make(), np.empty(5, np.float32)
    # What was freed would be overwritten.
    noise = [random(200) for _ in range(200)]
    stream.feed(np.array([4]), y)
    wanted = cell().step(random(6, 3, seed=9)[4:5], np.zeros((1, 5), np.float32))
    assert y.tobytes() == wanted.tobytes()
    assert len(noise) == 200


def test_stages_that_do_not_fit_are_refused() -> None:
    program = Program(3, F32)
    value = program.layer(cell(), 0)
    head = linear.Packed(random(2, 4))
    for refused, name in (
        (lambda: program.layer(cell(), value), "source"),
        (lambda: program.layer(cell(), 0, residual=True), "residual"),
        (lambda: program.layer(head, 0), "prepared"),
        (lambda: program.linear(cell(), 0), "prepared"),
        (lambda: program.linear(head, value), "source"),
        (lambda: program.linear(head, 7), "source"),
        (lambda: program.pool(-1, ("last",)), "source"),
        (lambda: program.window(7, 2), "source"),
        (lambda: program.window(0, 0), "steps"),
        (lambda: program.window(0, 2**40), "steps"),
        (lambda: program.concat(0, 7), "source"),
        (lambda: program.concat(-1, 0), "source"),
        (lambda: Program({}, F32), "inputs"),
        (lambda: Program({str(k): 1 for k in range(9)}, F32), "inputs"),
        (lambda: Program({"x": 3, "y": -1}, F32), "inputs"),
        (lambda: Program({"x": 3, "y": 0}, F32).concat(0, 1), "source"),
        (lambda: Program({"x": 3, "y": 0}, F32).embedding(random(4, 3), 0), "source"),
        (lambda: program.embedding(random(4, 3), 0), "source"),
        (lambda: program.streams(0, value), "rows"),
        (lambda: program.streams(1, 0), "output"),
        (lambda: program.streams(1, 2), "source"),
        (lambda: Program(-1, F32), "inputs"),
        (lambda: Program(0, F32).pool(0, ("last",)), "source"),
        (lambda: Program(0, F32).embedding(random(4, 6)[:, ::2], 0), "weight"),
    ):
        with pytest.raises(ValueError, match=name):
            refused()
    with pytest.raises((TypeError, RuntimeError)):
        Program(3, np.dtype(np.float64)).layer(cell(), 0)
    large = Program(3, F32)
    wide = large.linear(linear.Packed(random(8192, 3)), 0)
    with pytest.raises(MemoryError):
        large.streams(2**24, wide)
    # Streams point into the stages: from now on there are no others.
    program.streams(1, value)
    with pytest.raises(ValueError, match="it has streams already"):
        program.layer(cell(), 0)


def test_a_grud_whose_parts_do_not_fit_is_refused() -> None:
    wide, decay, vector = cell(6, 5), linear.Packed(random(5, 3)), random(3)
    holes = [vector] * 3
    program = Program({"x": 3, "observed": 3, "elapsed": 1}, F32)
    lstm_cell = lstm.Packed(random(20, 6), random(20, 5))
    for refused, name in (
        (lambda: program.grud(cell(3, 5), decay, holes, (0, 1, 2)), "prepared"),
        (lambda: program.grud(lstm_cell, decay, holes, (0, 1, 2)), "prepared"),
        (lambda: program.grud(decay, decay, holes, (0, 1, 2)), "prepared"),
        (lambda: program.grud(wide, wide, holes, (0, 1, 2)), "decay"),
        (lambda: program.grud(wide, linear.Packed(random(4, 3)), holes, (0, 1, 2)), "decay"),
        (lambda: program.grud(wide, decay, [vector, random(2), vector], (0, 1, 2)), "mean"),
        (lambda: program.grud(wide, decay, [vector[:0]] * 3, (0, 1, 2)), "mean"),
        (lambda: program.grud(wide, decay, [random(6)[::2]] * 3, (0, 1, 2)), "mean"),
        (lambda: program.grud(wide, decay, holes, (0, 1, 1)), "source"),
        (lambda: program.grud(wide, decay, holes, (0, 2, 1)), "source"),
        (lambda: program.grud(wide, decay, holes, (0, 1, 3)), "source"),
    ):
        with pytest.raises(ValueError, match=name):
            refused()
    stream = program.streams(2, program.grud(wide, decay, holes, (0, 1, 2)))
    x, elapsed, y = random(2, 3), np.ones((2, 1), np.float32), np.empty((2, 5), np.float32)
    good = {"x": x, "observed": x, "elapsed": elapsed}
    stream.feed(good, y)
    for given in (
        x,
        [x, x, elapsed],
        {},
        {"x": x, "observed": x},
        good | {"more": x},
        {"x": x, "observed": x, "passed": elapsed},
        good | {"elapsed": elapsed[:1]},
        good | {"elapsed": 1.0},
        good | {"observed": x.astype(bool)},
    ):
        with pytest.raises(ValueError, match="x:"):
            stream.feed(given, y)
    h, last, since = np.empty((2, 5), np.float32), np.empty_like(x), np.empty_like(x)
    stream.save(h, last, since)
    assert h.tobytes() == y.tobytes()
    # Whatever was observed just now is the last value.
    assert last.tobytes() == x.tobytes()
    assert not since.any()


def test_memory_that_does_not_fit_is_refused() -> None:
    program = Program(3, F32)
    stream = program.streams(2, program.layer(cell(), 0))
    x, y, h = random(2, 3), np.empty((2, 5), np.float32), np.empty((2, 5), np.float32)
    stream.feed(x, y)
    read_only = y.copy()
    read_only.setflags(write=False)
    for given, out in (
        (x[:1], y),
        (x[:, :2], y),
        (x.T, y),
        (x.astype(float), y),
        (x.view(np.int32), y),
        (x[None], y),
        ("text", y),
        (b"\0" * 24, y),
        (x, y[:1]),
        (x, y.astype(float)),
        (x, np.empty((2, 10), np.float32)[:, ::2]),
        (x, read_only),
        (x, y[None]),
        (x, b"\0" * 40),
    ):
        with pytest.raises(ValueError, match=r"x:|out:"):
            stream.feed(given, out)
    for slots in ((), (h, h), (h[:1],), (h.T,), ("text",)):
        with pytest.raises(ValueError, match="slot"):
            stream.load(*slots)
        with pytest.raises(ValueError, match="slot"):
            stream.save(*slots)
    stream.save(h)
    assert h.tobytes() == y.tobytes()


def test_without_native_kernels_there_is_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recurra.kernels.choice._NATIVE", None)
    with pytest.raises(BackendError, match="a program of stages needs the native kernels"):
        Program(3, F32)
    with pytest.raises(BackendError, match="a handle on packed weights"):
        cell().prepared()
    with pytest.raises(BackendError, match="a handle on packed weights"):
        linear.Packed(random(2, 4)).prepared()
