"""Windows are the whole sequence in their values; gradients end where a window begins."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from typing import Any

import pytest
import torch

from recurra.errors import SettingsError
from recurra.layers import build
from recurra.spec.cells import CELLS
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal
from recurra.spec.nodes import Linear, Pool
from recurra.spec.settings import Settings
from recurra.tasks.truncation import Truncation, in_windows, shortest_of, window_at

ALL = ("last", "mean", "max")


def network(cell: str = "gru", pool: tuple[Any, ...] = ALL) -> Any:
    torch.manual_seed(0)
    steps = (
        Step("encoder", CELLS[cell](input_size=2, hidden_size=3), ("x",)),
        Step("pool", Pool(size=3, modes=pool), ("encoder",)),
        Step("head", Linear(input_size=3 * len(pool), output_size=2), ("pool",)),
    )
    return build(Graph({"x": Signal("steps", 2)}, steps, ("head",)), dtype=torch.float64)


def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(3, 11, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return x.requires_grad_(), torch.tensor([11, 2, 6])


@pytest.mark.parametrize("cell", list(CELLS))
@pytest.mark.parametrize("window", [1, 4, 11, 50])
def test_the_values_are_those_of_the_whole(cell: str, window: int) -> None:
    net, (x, lengths) = network(cell), inputs()
    whole, _ = net({"x": x}, lengths=lengths)
    cuts = Truncation(window).cuts(11, drawn=True)
    found = in_windows(net, {"x": x}, lengths, cuts)
    torch.testing.assert_close(found["head"], whole["head"])
    with torch.no_grad():
        assert torch.equal(in_windows(net, {"x": x}, lengths, cuts)["head"], found["head"])


def test_the_gradients_are_those_of_a_detached_state() -> None:
    """Written out: a chunk after the other, the cell's state detached, the pool's not."""
    net, (x, lengths) = network(), inputs()
    cuts = [0, 4, 8, 11]
    in_windows(net, {"x": x}, lengths, cuts)["head"].square().sum().backward()
    found = [x.grad, *(p.grad for p in net.parameters())]
    x.grad = None
    net.zero_grad()
    state: Any = None
    for begin, end in pairwise(cuts):
        counts = (lengths - begin).clamp(0, end - begin)
        out, state = net({"x": x[:, begin:end]}, state, lengths=counts)
        state = state | {"encoder": type(state["encoder"])(state["encoder"].h.detach())}
    out["head"].square().sum().backward()
    for one, other in zip(found, [x.grad, *(p.grad for p in net.parameters())], strict=True):
        torch.testing.assert_close(one, other)


def test_no_gradient_passes_a_window() -> None:
    net, (x, lengths) = network(pool=("last",)), inputs()
    in_windows(net, {"x": x}, lengths, [0, 4, 8, 11])["head"].square().sum().backward()
    assert x.grad is not None
    steps = x.grad.abs().sum(2) > 0
    # Each row learns from the window in which it ends, and from no step beyond its end.
    assert steps[0].tolist() == [False] * 8 + [True] * 3
    assert steps[1].tolist() == [True] * 2 + [False] * 9
    assert steps[2].tolist() == [False] * 4 + [True] * 2 + [False] * 5


def test_dropout_is_drawn_alike_when_a_window_is_computed_again() -> None:
    """Else a gradient would be that of another network than the one that answered."""
    from recurra.spec.nodes import Dropout

    torch.manual_seed(0)
    steps = (
        Step("drop", Dropout(rate=0.5), ("x",)),
        Step("pool", Pool(size=2, modes=("mean",)), ("drop",)),
    )
    net = build(Graph({"x": Signal("steps", 2)}, steps, ("pool",)), dtype=torch.float64)
    x, lengths = inputs()
    out = in_windows(net, {"x": x}, lengths, [0, 4, 8, 11])["pool"]
    out.sum().backward()
    assert x.grad is not None
    # A mean of what was kept: the gradient is there exactly where the value was.
    torch.testing.assert_close((x.grad * x).sum((1, 2)), out.sum(1))


def chosen(**training: Any) -> Settings:
    return Settings.from_flat({"truncated": True, "window": 16, "epochs": 5, **training})


def test_windows_grow_with_the_epochs() -> None:
    growing = chosen(window_schedule="growing", shortest_window=4).training
    assert [window_at(epoch, growing) for epoch in range(1, 7)] == [4, 7, 10, 13, 16, 16]
    assert window_at(3, chosen().training) == 16
    assert shortest_of(chosen(window_schedule="growing").training) == 4
    first = Truncation.of(chosen(window_schedule="growing", shortest_window=4))
    assert first == Truncation(4)
    assert first.at(5, growing) == Truncation(16)


def test_random_windows_lie_between_the_two() -> None:
    random = Truncation.of(chosen(window_schedule="random", shortest_window=4))
    assert random == Truncation(16, 4)
    torch.manual_seed(0)
    cuts = random.cuts(1000, drawn=True)
    sizes = [end - begin for begin, end in pairwise(cuts)]
    assert cuts[0] == 0
    assert sum(sizes) == 1000
    assert set(sizes[:-1]) == set(range(4, 17))
    assert random.cuts(33, drawn=False) == [0, 16, 32, 33]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"truncated": False, "window": 8}, "window=8 cuts back-propagation, and truncated is off"),
        ({"bidirectional": True}, "bidirectional"),
        ({"temporal_penalty": 0.1}, "temporal_penalty=0.1 needs the outputs of all steps"),
        ({"window_schedule": "random", "shortest_window": 17}, "longer than window=16"),
    ],
)
def test_what_contradicts_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Truncation.of(chosen(**changes))


def test_settings_that_ask_for_nothing_cut_nothing() -> None:
    assert Truncation.of(Settings()) is None


MEMORY = """
import torch
from recurra.layers import build
from recurra.spec.cells import GRUCell
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal
from recurra.spec.nodes import Pool
from recurra.tasks.truncation import in_windows
torch.set_num_threads(1)
steps = (
    Step("encoder", GRUCell(input_size=2, hidden_size=64), ("x",)),
    Step("pool", Pool(size=64, modes=("last", "mean", "max")), ("encoder",)),
)
net = build(Graph({"x": Signal("steps", 2)}, steps, ("pool",)))
def peak(time, window):
    cuts = [*range(0, time, window), time]
    x, lengths = torch.randn(8, time, 2), torch.full((8,), time)
    in_windows(net, {"x": x}, lengths, cuts)["pool"].sum().backward()
    lines = open("/proc/self/status").read().splitlines()
    return next(line for line in lines if line.startswith("VmHWM")).split()[1]
print(peak(500, 250), peak(8000, 250), peak(8000, 8000))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc says how much a process held")
def test_memory_stays_the_same_however_long_the_sequence() -> None:
    """The peak of a process, in kB: sixteen times the steps add next to nothing."""
    # What is freed goes back at once: counted is what is held, not what the allocator keeps.
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}
    told = subprocess.run(
        [sys.executable, "-c", MEMORY],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    short, long, whole = map(int, told.stdout.split())
    assert whole - long > 30_000
    assert long - short < 0.15 * (whole - long)
