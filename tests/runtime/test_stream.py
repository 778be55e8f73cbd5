"""A stream gives the bits of the whole sequence, refuses without a trace, and allocates nothing."""

from __future__ import annotations

import ctypes
import gc
import shutil
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import kernels
from recurra.errors import DTypeError, ShapeError, SpecError, StateError
from recurra.runtime import Network, Stream
from recurra.runtime.slots import by_path
from recurra.spec.cells import GRUCell
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal

B, T = 5, 9
Arrays = Callable[..., Any]


@pytest.fixture(params=["extension", "numpy"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The law holds for both that move a stream: the extension, and the network's own step."""
    if request.param == "numpy":
        monkeypatch.setattr("recurra.runtime.network.backend", lambda: "portable")
    return str(request.param)


@pytest.fixture
def network(streaming: Graph, dtype: str, weights_of: Arrays) -> Network:
    return Network(streaming, weights_of(streaming, dtype))


@pytest.fixture
def x(streaming: Graph, dtype: str, inputs_of: Arrays) -> np.ndarray:
    return inputs_of(streaming, dtype, B, T)


def bits(state: dict[str, np.ndarray]) -> dict[str, bytes]:
    return {path: slot.tobytes() for path, slot in state.items()}


def feed_all(stream: Stream, x: np.ndarray) -> bytes:
    return b"".join(stream.feed(np.ascontiguousarray(x[:, t])).tobytes() for t in range(T))


def test_every_output_after_every_step_is_that_of_the_whole(
    network: Network, x: np.ndarray, engine: str
) -> None:
    signals = network.graph.signals()
    for name in network.graph.outputs:
        stream = network.stream(B, output=name)
        for t in range(T):
            y = stream.feed(np.ascontiguousarray(x[:, t]))
            whole, end = network({"x": x[:, : t + 1]})
            wanted = whole[name][:, t] if signals[name].axes == "steps" else whole[name]
            assert (y.shape, y.dtype, y.tobytes()) == (wanted.shape, wanted.dtype, wanted.tobytes())
        assert bits(stream.state()) == bits(by_path(end))


def test_many_streams_are_as_many_single_ones(network: Network, x: np.ndarray, engine: str) -> None:
    name = network.graph.outputs[-1]
    many, ones = network.stream(B, output=name), [network.stream(output=name) for _ in range(B)]
    for t in range(T):
        together = many.feed(np.ascontiguousarray(x[:, t]))
        # A single stream's x may come with the axis of the streams or without it.
        alone = [one.feed(x[b, t] if t % 2 else x[b : b + 1, t]) for b, one in enumerate(ones)]
        shape = together.shape[1:] if t % 2 else (1, *together.shape[1:])
        assert all(y.shape == shape for y in alone)
        assert [y.tobytes() for y in alone] == [row.tobytes() for row in together]
    for b, one in enumerate(ones):
        assert bits(one.state()) == {p: s[b].tobytes() for p, s in many.state().items()}


def test_a_step_that_is_not_accepted_leaves_every_byte(
    network: Network, x: np.ndarray, engine: str
) -> None:
    stream = network.stream(B, output=network.graph.outputs[-1])
    first, second = np.ascontiguousarray(x[:, 0]), np.ascontiguousarray(x[:, 1])
    stream.feed(first)
    before = bits(stream.state())
    stream.advance(first)
    assert bits(stream.state()) == before
    advanced = stream.advance(second).tobytes()
    stream.accept()
    after = bits(stream.state())
    stream.accept()
    assert bits(stream.state()) == after
    other = network.stream(B, output=network.graph.outputs[-1])
    other.feed(first)
    assert other.feed(second).tobytes() == advanced
    assert bits(other.state()) == after


def test_a_state_is_a_value(network: Network, x: np.ndarray, engine: str) -> None:
    stream = network.stream(B, output=network.graph.outputs[-1])
    fresh, first = bits(stream.state()), feed_all(stream, x)
    kept, fork = stream.state(), stream.fork()
    ahead = feed_all(stream, x)
    assert feed_all(fork, x) == ahead
    for slot in fork.state().values():
        slot += 7
    stream.restore(kept)
    # What was computed before a state is restored does not come back with the next accept.
    stream.advance(np.ascontiguousarray(x[:, 0]))
    stream.restore({path: np.asfortranarray(slot) for path, slot in kept.items()})
    stream.accept()
    assert feed_all(stream, x) == ahead
    stream.restart()
    assert bits(stream.state()) == fresh
    assert feed_all(stream, x) == first


def test_a_state_of_others_is_refused(zoo: dict[str, Graph], weights_of: Arrays) -> None:
    network = Network(zoo["lstm"], weights_of(zoo["lstm"], "float32"))
    stream = network.stream(2, output="s1_pool")
    before = bits(stream.state())
    with pytest.raises(StateError, match=r"expected \[2, 4\] in float32, got \(3, 4\)"):
        stream.restore(network.stream(3, output="s1_pool").state())
    with pytest.raises(StateError, match="missing or unknown"):
        stream.restore({})
    assert bits(stream.state()) == before


def layer(inputs: int, units: int, dtype: str = "float32", seed: int = 0) -> Network:
    cell = GRUCell(input_size=inputs, hidden_size=units)
    graph = Graph({"x": Signal("steps", inputs)}, (Step("gru", cell, ("x",)),), ("gru",))
    random = np.random.default_rng(seed)
    return Network(
        graph,
        {n: random.normal(0, 0.3, s).astype(dtype) for n, s in graph.parameters().items()},
    )


WIDE = np.zeros((2, 8), np.float32)
READ_ONLY = np.zeros((2, 4), np.float32)
READ_ONLY.setflags(write=False)
BAD: list[tuple[Any, Any, type[Exception], str]] = [
    (np.zeros((2, 2), np.float32), None, ShapeError, r"expected x \[B, 3\], got \[2, 2\]"),
    (np.zeros((3, 3), np.float32), None, ShapeError, r"x for 2 streams, got \[3, 3\]"),
    (np.zeros(3, np.float32), None, ShapeError, "x for 2 streams"),
    (np.float32(1), None, ShapeError, r"expected x \[B, 3\], got \[\]"),
    (np.zeros((2, 3), np.int32), None, DTypeError, "x as floats, got int32"),
    (np.zeros((2, 3), complex), None, DTypeError, "x as floats, got complex128"),
    (np.zeros((2, 3), object), None, DTypeError, "x as floats, got object"),
    ([[0.0] * 3] * 2, None, DTypeError, "x as an array, got list"),
    (b"\0" * 24, None, DTypeError, "x as an array, got bytes"),
    (None, None, DTypeError, "x as an array, got NoneType"),
    ("good", np.zeros((2, 5), np.float32), ShapeError, r"out \[2, 4\], got \[2, 5\]"),
    ("good", np.zeros((2, 4)), DTypeError, "out in float32, got float64"),
    ("good", np.zeros((2, 4), np.int32), DTypeError, "out in float32, got int32"),
    ("good", WIDE[:, ::2], ShapeError, "out C-contiguous"),
    ("good", READ_ONLY, ShapeError, "writable"),
    ("good", bytearray(32), ShapeError, "got bytearray"),
]


@pytest.mark.parametrize(("given", "out", "error", "reason"), BAD)
def test_what_does_not_fit_is_refused_without_a_trace(
    given: Any, out: Any, error: type[Exception], reason: str, engine: str
) -> None:
    stream, good = layer(3, 4).stream(2), np.ones((2, 3), np.float32)
    stream.feed(good)
    before = bits(stream.state())
    for verb in (stream.feed, stream.advance):
        with pytest.raises(error, match=reason):
            verb(good if isinstance(given, str) else given, out)
    stream.accept()
    assert bits(stream.state()) == before


@pytest.mark.parametrize("token", [-1, 7, 2**40])
def test_a_token_that_does_not_exist_is_refused(
    zoo: dict[str, Graph], weights_of: Arrays, token: int, engine: str
) -> None:
    stream = Network(zoo["tokens"], weights_of(zoo["tokens"], "float32")).stream(
        2, output="s2_pool"
    )
    stream.feed(np.array([1, 2]))
    before = bits(stream.state())
    with pytest.raises(ShapeError, match="tokens from 0 below 7"):
        stream.feed(np.array([3, token]))
    assert bits(stream.state()) == before


def test_an_array_out_of_order_is_put_in_order(engine: str) -> None:
    network = layer(3, 4)
    x = np.arange(12, dtype=np.float32).reshape(2, 6)
    wanted = network.stream(2).feed(np.ascontiguousarray(x[:, ::2])).tobytes()
    for given in (x[:, ::2], x[:, ::2].astype(float), x[:, ::2].astype(">f4")):
        assert network.stream(2).feed(given).tobytes() == wanted
    shifted = np.frombuffer(b"\0" + x[:, ::2].tobytes(), np.float32, offset=1).reshape(2, 3)
    assert not shifted.flags.aligned
    assert network.stream(2).feed(shifted).tobytes() == wanted


def test_out_may_be_what_was_read(engine: str) -> None:
    network, x = layer(4, 4), np.random.default_rng(3).normal(0, 1, (2, 4)).astype(np.float32)
    wanted = network.stream(2).feed(x).tobytes()
    assert network.stream(2).feed(x, out=x) is x
    assert x.tobytes() == wanted


def test_threads_change_no_bit() -> None:
    # Large enough to be shared: by units where there is one row, by rows where there are many.
    network, random = layer(64, 272), np.random.default_rng(0)
    for streams in (1, 48):
        x = random.normal(0, 1, (4, streams, 64)).astype(np.float32)
        one, two = network.stream(streams, threads=1), network.stream(streams, threads=3)
        assert [one.feed(step).tobytes() for step in x] == [two.feed(step).tobytes() for step in x]
        assert bits(one.state()) == bits(two.state())


def test_streams_of_one_network_run_in_many_threads_at_once() -> None:
    network, random = layer(64, 160), np.random.default_rng(1)
    x = random.normal(0, 1, (8, 40, 64)).astype(np.float32)
    wanted = network.stream(40)
    alone = [wanted.feed(step).tobytes() for step in x]
    found: dict[int, list[bytes]] = {}

    def run(k: int) -> None:
        stream = network.stream(40)
        found[k] = [stream.feed(step).tobytes() for step in x]

    workers = [threading.Thread(target=run, args=(k,)) for k in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert found == dict.fromkeys(range(4), alone)


@pytest.mark.skipif(kernels.backend() != "native", reason="the portable step holds the interpreter")
def test_two_threads_in_one_stream_are_refused_or_follow_each_other() -> None:
    stream = layer(256, 512).stream(64)
    x = np.ones((64, 256), np.float32)
    taken, refused = [], []

    def run() -> None:
        for _ in range(40):
            try:
                taken.append(stream.feed(x).tobytes())
            except StateError as error:
                refused.append(str(error))

    workers = [threading.Thread(target=run) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    # The steps that were taken are steps of one stream: refused ones left no trace.
    alone = layer(256, 512).stream(64)
    assert sorted(taken) == sorted(alone.feed(x).tobytes() for _ in taken)
    assert bits(stream.state()) == bits(alone.state())
    assert len(taken) + len(refused) == 80
    assert all("another thread is in this stream" in reason for reason in refused)


def test_what_no_stream_can_be_made_of_is_refused(
    zoo: dict[str, Graph], weights_of: Arrays
) -> None:
    whole_only = Network(zoo["bidirectional"], weights_of(zoo["bidirectional"], "float32"))
    with pytest.raises(SpecError, match="backward direction begins at a sequence's last step"):
        whole_only.stream()
    network = Network(zoo["lstm"], weights_of(zoo["lstm"], "float32"))
    with pytest.raises(SpecError, match="output as one of s0_lstm, s1_pool; got None"):
        network.stream()
    with pytest.raises(SpecError, match="got 'x'"):
        network.stream(output="x")
    for streams in (0, -1, True, 2.0):
        with pytest.raises(SpecError, match="streams as a whole number >= 1"):
            network.stream(streams, output="s1_pool")  # type: ignore[arg-type]  # refused on purpose
    with pytest.raises(SpecError, match="threads >= 0"):
        layer(2, 2).stream(threads=-1)


@pytest.mark.skipif(kernels.backend() != "native", reason="the portable step makes arrays")
@pytest.mark.parametrize("streams", [1, 64])
def test_with_out_a_step_makes_no_array(streams: int) -> None:
    stream = layer(64, 128).stream(streams)
    x, y = np.ones((streams, 64), np.float32), np.empty((streams, 128), np.float32)

    def traced(steps: Callable[[], None]) -> int:
        steps()
        gc.collect()
        tracemalloc.start()
        steps()
        held, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        del held
        return highest

    def into_out() -> None:
        for _ in range(50):
            stream.feed(x, out=y)

    def into_new() -> None:
        for _ in range(50):
            stream.feed(x)

    # An array is at least its own 112 bytes and its data; what is left is the loop's own.
    assert traced(into_out) < y.nbytes // streams + 112
    assert traced(into_new) > y.nbytes


COUNTING = """
#define _GNU_SOURCE
#include <stddef.h>
#include <unistd.h>
#include <sys/syscall.h>
static long count;
long allocations(void) { return count; }
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void*, size_t), *__libc_memalign(size_t, size_t);
void *malloc(size_t n) { ++count; return __libc_malloc(n); }
void *calloc(size_t n, size_t m) { ++count; return __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { ++count; return __libc_realloc(p, n); }
void *memalign(size_t a, size_t n) { ++count; return __libc_memalign(a, n); }
void *aligned_alloc(size_t a, size_t n) { ++count; return __libc_memalign(a, n); }
int posix_memalign(void **p, size_t a, size_t n) {
  ++count; *p = __libc_memalign(a, n); return *p ? 0 : 12;
}
void *mmap(void *p, size_t n, int prot, int flags, int file, long at) {
  ++count; return (void*)syscall(SYS_mmap, p, n, prot, flags, file, at);
}
"""

COUNTED = """
import ctypes, sys
import numpy as np
from recurra.runtime import Network
from recurra.spec.cells import GRUCell, LSTMCell
from recurra.spec.convolution import Convolution
from recurra.spec.dense import Dense
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal
from recurra.spec.nodes import GRUD, Linear, Pool, Stack

count = ctypes.PyDLL(None).allocations
count.restype = ctypes.c_long

def during(step):
    for _ in range(20):
        step()
    before = count()
    for _ in range(200):
        step()
    return count() - before

def chain(width, *nodes):
    steps, source = [], "x"
    for node in nodes:
        steps.append(Step(node.kind, node, (source,)))
        source = node.kind
    graph = Graph({"x": Signal("steps", width)}, tuple(steps), (source,))
    shapes = graph.parameters().items()
    return Network(graph, {n: np.full(s, 0.01, np.float32) for n, s in shapes})

gru = chain(64, GRUCell(input_size=64, hidden_size=128))
cells = (GRUCell(input_size=8, hidden_size=8, zoneout=0.5), LSTMCell(input_size=8, hidden_size=8))
deep = chain(8, Stack(layers=cells, residual=True), Pool(size=8, modes=("last", "mean", "max")),
             Linear(input_size=24, output_size=3))
windows = chain(8, Convolution(input_size=8, output_size=16, activation="tanh"),
                GRUCell(input_size=16, hidden_size=16),
                Dense(input_size=16, output_size=3, activation="sigmoid"))
values, since = Signal("steps", 9), Signal("steps", 1)
decay = GRUD(cell=GRUCell(input_size=18, hidden_size=16))
holes = Graph({"x": values, "observed": values, "elapsed": since},
              (Step("grud", decay, ("x", "observed", "elapsed")),), ("grud",))
shapes = holes.parameters().items()
holes = Network(holes, {n: np.full(s, 0.01, np.float32) for n, s in shapes})
for network, streams, threads in ((gru, 1, 1), (gru, 64, 1), (gru, 64, 2), (deep, 1, 1),
                                  (windows, 1, 1), (windows, 64, 1), (holes, 1, 1), (holes, 64, 1)):
    stream = network.stream(streams, threads=threads)
    x = {n: np.ones((streams, s.size), np.float32) for n, s in network.graph.inputs.items()}
    x = x if len(x) > 1 else x["x"]
    y = stream.feed(x)
    print(during(lambda: stream.feed(x, out=y)))
print(during(lambda: np.empty(10_000)))
"""


@pytest.mark.skipif(kernels.backend() != "native", reason="the portable step makes arrays")
@pytest.mark.skipif(
    shutil.which("cc") is None or not hasattr(ctypes.CDLL(None), "__libc_memalign"),
    reason="counting needs a C compiler and glibc",
)
def test_with_out_a_step_makes_no_heap_allocation(tmp_path: Path) -> None:
    source, library = tmp_path / "counting.c", tmp_path / "counting.so"
    source.write_text(COUNTING)
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    run = subprocess.run(
        [sys.executable, "-c", COUNTED],
        env={"LD_PRELOAD": str(library), "PYTHONPATH": ":".join(p for p in sys.path if p)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    *steps, control = map(int, run.stdout.split())
    assert steps == [0] * 8
    assert control >= 200
