"""The loop over time in PyTorch, for what the kernels do not compute on Keras' torch backend.

Gates stand ahead of the rows, [G, B, H], and the inputs of all steps are multiplied at once and
taken apart once: an index into them at each step would cost a gradient of the whole for each step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import torch
from torch import Tensor

from recurra.keras.names import word_of
from recurra.ops.activations import activation as named

__all__ = ["Step", "scanned", "step_gru", "step_lstm", "step_rnn"]

States = tuple[Tensor, ...]
# None; one array [B, N] for all gates; or one for each.
Drops = Tensor | Sequence[Tensor] | None


@dataclass(frozen=True)
class Step:
    """How one step is computed.

    Args:
        project: Inputs [T, B, I] -> what the gates read of them, arrays [T, ...].
        advance: The states and one step of those arrays -> the states after it.
    """

    project: Callable[[Tensor], Sequence[Tensor]]
    advance: Callable[..., States]


def scanned(
    step: Step, x: Tensor, states: Sequence[Tensor], mask: Tensor | None, go_backwards: bool
) -> tuple[Tensor, list[Tensor]]:
    """Run a step over time.

    Args:
        step: What to run.
        x: Inputs, [B, T, I].
        states: To begin with, each [B, H].
        mask: True at the steps that count, [B, T], or None; at others the states are held.
        go_backwards: From the last step to the first.

    Returns:
        The first state after each step [B, T, H], in the order of computing; the final states.
    """
    if mask is not None:
        # What stands at a step that does not count, NaN included, reaches no gradient.
        x = torch.where(mask[:, :, None], x, torch.zeros_like(x))
    arrays = [array.unbind(0) for array in step.project(x.transpose(0, 1))]
    counts = None if mask is None else mask.T[:, :, None].unbind(0)
    order = range(x.shape[1])
    now, each = tuple(states), []
    for t in reversed(order) if go_backwards else order:
        after = step.advance(now, *(array[t] for array in arrays))
        if counts is not None:
            held = zip(after, now, strict=True)
            after = tuple(torch.where(counts[t], new, old) for new, old in held)
        each.append(after[0])
        now = after
    return torch.stack(each, 1), list(now)


def step_gru(cell: Any, drops: Drops, recurrent_drops: Drops) -> Step:
    """A step of Keras' GRU cell.

    Args:
        cell: Whose weights and activations.
        drops: What multiplies the inputs ahead of each gate's product.
        recurrent_drops: The same for the state.
    """
    after, bias = bool(cell.reset_after), _bias(cell)
    inner, outer = (bias[0], bias[1]) if bias is not None and after else (bias, None)
    order = (0, 1, 2)
    first = _Product(cell, order if after else order[:2], recurrent_drops, outer)
    last = _Product(cell, order[2:], recurrent_drops)
    gates, candidate = _each(cell.recurrent_activation), _each(cell.activation)

    def project(x: Tensor) -> Sequence[Tensor]:
        return _projected(cell, x, order, drops, inner).split_with_sizes((2, 1), 1)

    def advance(states: States, x_gates: Tensor, x_candidate: Tensor) -> States:
        (h,) = states
        if after:
            u_gates, u_candidate = first(h).split_with_sizes((2, 1))
            z, r = gates(x_gates + u_gates)
            (n,) = candidate(torch.addcmul(x_candidate, r, u_candidate))
        else:
            z, r = gates(first(h, x_gates))
            (n,) = candidate(last(r * h, x_candidate))
        return (torch.lerp(n, h, z),)

    return Step(project, advance)


def step_lstm(cell: Any, drops: Drops, recurrent_drops: Drops) -> Step:
    """A step of Keras' LSTM cell; the arguments are those of `step_gru`."""
    # The three gates side by side, the candidate behind them.
    order = (0, 1, 3, 2)
    product = _Product(cell, order, recurrent_drops)
    gates, candidate = _each(cell.recurrent_activation), _each(cell.activation)

    def project(x: Tensor) -> Sequence[Tensor]:
        return (_projected(cell, x, order, drops, _bias(cell)),)

    def advance(states: States, x_gates: Tensor) -> States:
        h, c = states
        of_gates, of_candidate = product(h, x_gates).split_with_sizes((3, 1))
        i, f, o = gates(of_gates)
        (g,) = candidate(of_candidate)
        c = torch.addcmul(f * c, i, g)
        (shown,) = candidate(c[None])
        return o * shown, c

    return Step(project, advance)


def step_rnn(cell: Any, drops: Drops, recurrent_drops: Drops) -> Step:
    """A step of Keras' SimpleRNN cell; the arguments are those of `step_gru`."""
    product, activation = _Product(cell, (0,), recurrent_drops), _each(cell.activation)

    def project(x: Tensor) -> Sequence[Tensor]:
        return (_projected(cell, x, (0,), drops, _bias(cell)),)

    def advance(states: States, x_gates: Tensor) -> States:
        (h,) = activation(product(states[0], x_gates))
        return (h,)

    return Step(project, advance)


class _Product:
    """What gates read of the state: a product of its own for each, [G, B, H].

    Args:
        cell: Whose recurrent kernel [H, G*H] it is.
        gates: Which blocks of it, in the order wanted.
        drops: What multiplies the state ahead of each block's product.
        bias: [G*H], added to the product, or None.
    """

    def __init__(
        self, cell: Any, gates: Sequence[int], drops: Drops, bias: Tensor | None = None
    ) -> None:
        self.weight = _blocks(cell, _tensor(cell.recurrent_kernel), gates)
        self.bias = None if bias is None else _blocks(cell, bias[None], gates)
        self.drops = _stacked(drops, gates)

    def __call__(self, h: Tensor, plus: Tensor | None = None) -> Tensor:
        """The product of h [B, H], and what is added to it, [G, B, H]."""
        read = h if self.drops is None else h * self.drops
        read = read.expand(len(self.weight), -1, -1)
        plus = self.bias if plus is None else plus
        if plus is None:
            return torch.bmm(read, self.weight)
        return torch.baddbmm(plus, read, self.weight)


def _projected(
    cell: Any, x: Tensor, gates: Sequence[int], drops: Drops, bias: Tensor | None
) -> Tensor:
    """What these gates read of inputs [T, B, I], the bias [G*H] added: [T, G, B, H]."""
    drops = _stacked(drops, gates)
    read = x[:, None] if drops is None else x[:, None] * drops
    product = torch.matmul(read, _blocks(cell, _tensor(cell.kernel), gates))
    return product if bias is None else product + _blocks(cell, bias[None], gates)


def _stacked(drops: Drops, gates: Sequence[int]) -> Tensor | None:
    """[B, N] as it is, or [G, B, N] of one for each of these gates."""
    if drops is None or isinstance(drops, Tensor):
        return drops
    return torch.stack([drops[gate] for gate in gates])


def _blocks(cell: Any, array: Tensor, gates: Sequence[int]) -> Tensor:
    """[N, G*H], one block of columns for each gate -> [G, N, H], those of these gates."""
    blocks = array.chunk(array.shape[1] // cell.units, 1)
    return torch.stack([blocks[gate] for gate in gates])


def _each(activation: Any) -> Callable[[Tensor], Sequence[Tensor]]:
    """An activation that takes gates [G, B, H] and gives them one by one, [B, H]."""
    word = word_of(activation)
    if word is None:
        # It may look at more than one value at a time, so it sees what Keras would show it.
        return lambda gates: [activation(gate) for gate in gates.unbind(0)]
    function = named(word)
    return lambda gates: function(gates).unbind(0)


def _bias(cell: Any) -> Tensor | None:
    return _tensor(cell.bias) if cell.use_bias else None


def _tensor(variable: Any) -> Tensor:
    """A Keras variable's value, in the dtype that the layer computes in."""
    value: Tensor = keras.ops.convert_to_tensor(variable)
    return value
