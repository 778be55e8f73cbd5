"""A pool is a loop over the steps that count, whole, chunked or stepped."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from recurra.errors import ShapeError, SpecError, StateError
from recurra.layers import Pool
from recurra.spec.state import GRUState, flatten

ALL = ("last", "mean", "max")


def by_hand(x: Tensor, lengths: list[int], valid: Tensor, starts: Tensor) -> Tensor:
    """One row at a time, from the definition."""
    rows = []
    for k, length in enumerate(lengths):
        taken: list[Tensor] = []
        for t in range(length):
            taken = [] if starts[k, t] else taken
            taken += [x[k, t]] if valid[k, t] else []
        if taken:
            steps = torch.stack(taken)
            rows.append(torch.cat((steps[-1], steps.sum(0) / len(steps), steps.max(0).values)))
        else:
            rows.append(torch.zeros(3 * x.shape[2], dtype=x.dtype))
    return torch.stack(rows)


def drawn(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(seed)
    # Below zero throughout, so that a forgotten zero would win the maximum.
    x = -1 - torch.rand(5, 6, 2).double()
    return x, torch.rand(5, 6) < 0.6, torch.rand(5, 6) < 0.2


LENGTHS = [6, 0, 3, 1, 5]


@pytest.mark.parametrize("seed", range(6))
def test_values_are_the_definition(seed: int) -> None:
    """With lengths, valid and starts, in one call."""
    x, valid, starts = drawn(seed)
    row, state = Pool(2, ALL)(x, lengths=torch.tensor(LENGTHS), valid=valid, starts=starts)
    torch.testing.assert_close(row, by_hand(x, LENGTHS, valid, starts), rtol=0, atol=1e-12)
    assert dict(flatten(state)).keys() == Pool(2, ALL).node.state_slots().keys()


@pytest.mark.parametrize("seed", range(6))
def test_steps_and_chunks_are_the_whole(seed: int) -> None:
    """The row after step t is the pool of the steps up to t; an empty chunk changes nothing."""
    x, valid, starts = drawn(seed)
    layer = Pool(2, ALL)
    state: Any = None
    for part in (slice(0, 2), slice(2, 2), slice(2, 6)):
        row, state = layer(x[:, part], state, valid=valid[:, part], starts=starts[:, part])
        wanted = by_hand(x, [part.stop] * 5, valid, starts)
        torch.testing.assert_close(row, wanted, rtol=0, atol=1e-12)
    state = Pool(2, ALL, dtype=torch.float64).initial_state(5)
    for t in range(6):
        row, state = layer.step(x[:, t], state, valid=valid[:, t], starts=starts[:, t])
        torch.testing.assert_close(row, by_hand(x, [t + 1] * 5, valid, starts), rtol=0, atol=1e-12)


@pytest.mark.parametrize("mode", ALL)
def test_nothing_is_read_at_skipped_steps(mode: str) -> None:
    """NaN there changes no row, state or gradient; at a step that counts, its own row only."""
    x, valid, starts = drawn(0)
    lengths = torch.tensor(LENGTHS)
    skipped = ~valid | (torch.arange(6) >= lengths[:, None])
    results = []
    for filler in (0.0, float("nan")):
        filled = torch.where(skipped[:, :, None], filler, x).requires_grad_()
        row, state = Pool(2, [mode])(filled, lengths=lengths, valid=valid, starts=starts)
        results.append((row, state, torch.autograd.grad(row.sum(), filled)[0]))
    torch.testing.assert_close(results[1], results[0], rtol=0, atol=0)
    assert not results[1][2][skipped].any()
    broken = x.clone()
    broken[0, 5] = float("nan")
    row, _ = Pool(2, [mode])(broken)
    assert row[0].isnan().all()
    assert not row[1:].isnan().any()


@pytest.mark.parametrize("mode", ALL)
def test_gradients_are_right(mode: str) -> None:
    """Of the row after a passed state, against finite differences."""
    x, valid, starts = drawn(1)
    layer = Pool(2, [mode], dtype=torch.float64)

    def run(first: Tensor, second: Tensor) -> Tensor:
        _, state = layer(first, valid=valid[:, :3], starts=starts[:, :3])
        return layer(second, state, valid=valid[:, 3:], starts=starts[:, 3:])[0]

    parts = [x[:, :3].clone().requires_grad_(), x[:, 3:].clone().requires_grad_()]
    assert torch.autograd.gradcheck(run, parts)


def test_modes_keep_their_order() -> None:
    """Whatever order they are asked in, the row holds last, mean, max; only these have slots."""
    x = torch.tensor([[[4.0], [2.0]]])
    assert Pool(1, ("max", "last"))(x)[0].tolist() == [[2.0, 4.0]]
    assert Pool(1, ("mean", "max"))(x)[0].tolist() == [[3.0, 4.0]]
    state = Pool(1, ("mean",))(x)[1]
    assert [name for name, _ in flatten(state)] == ["seen", "mean"]


def test_the_initial_state_follows_the_module() -> None:
    """Its dtype is the module's, and nothing of it is saved."""
    layer = Pool(2, ALL)
    assert list(layer.state_dict()) == []
    assert layer.initial_state(3).seen.dtype == torch.float32
    assert layer.double().initial_state(3).last.dtype == torch.float64


def test_it_compiles_into_one_graph() -> None:
    """torch.compile(fullgraph=True) gives the same row and state."""
    x, valid, starts = drawn(2)
    layer = Pool(2, ALL)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    lengths = torch.tensor(LENGTHS)
    torch.testing.assert_close(
        compiled(x, lengths=lengths, valid=valid, starts=starts),
        layer(x, lengths=lengths, valid=valid, starts=starts),
    )


def test_what_does_not_fit_is_refused() -> None:
    """Widths, modes, and states of another pool."""
    layer, x = Pool(2, ALL), torch.zeros(3, 4, 2)
    with pytest.raises(ShapeError, match=r"Pool expected x \[B, T, 2\]"):
        layer(x[:, :, :1])
    with pytest.raises(SpecError, match="median"):
        Pool(2, ("median",))
    with pytest.raises(SpecError, match="different and at least one"):
        Pool(2, ())
    with pytest.raises(StateError, match="Pool expected a state PoolState, got GRUState"):
        layer(x, GRUState(x[:, 0]))
    with pytest.raises(ShapeError, match="Pool expected a state of"):
        layer(x, layer.initial_state(2))
    with pytest.raises(ShapeError, match="Pool expected a state of"):
        layer(x, Pool(2, ("last",)).initial_state(3))
