"""The oracle: each family as a plain loop over time in torch, differentiable as often as asked.

Every other backend is measured against this one. It takes every field of the descriptor
(`recurra.spec.kernel`), any floating dtype and any device, and nothing here is written for speed.

A step that is skipped (beyond `lengths`, or not `valid`) takes no part: what stands there is
replaced before it is multiplied, because 0 * NaN is NaN, in gradients too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from recurra.ops.activations import activation as function_of
from recurra.spec.cells import Activation, Reset

__all__ = ["gru", "lstm", "mingru", "rnn"]

States = tuple[Tensor, ...]


@dataclass(frozen=True)
class _Steps:
    """Which steps count, and where a segment begins; each [B, T] bool, or None: all of them / none.

    Args:
        order: Steps in the order in which they run.
        within: The step is not padding.
        run: The step is computed: not padding, and valid.
        begins: Before this step the state becomes the initial one.
    """

    order: range
    within: Tensor | None
    run: Tensor | None
    begins: Tensor | None

    @staticmethod
    def of(
        x: Tensor,
        lengths: Tensor | None,
        valid: Tensor | None,
        starts: Tensor | None,
        reverse: bool,
    ) -> _Steps:
        length = x.shape[1]
        within = None
        if lengths is not None:
            within = torch.arange(length, device=x.device) < lengths[:, None]
        run = within if valid is None else valid if within is None else within & valid
        begins = starts if starts is None or within is None else within & starts
        if begins is not None and reverse:
            # A segment's far end is its last step: the one before the next segment's start.
            begins = functional.pad(begins[:, 1:], (0, 1)) if length else begins
        order = range(length - 1, -1, -1) if reverse else range(length)
        return _Steps(order, within, run, begins)

    def clean(self, array: Tensor) -> Tensor:
        """Inputs [B, T, ...] with zeros at skipped steps."""
        return array if self.run is None else torch.where(self.run[:, :, None], array, 0.0)

    def factor(self, array: Tensor | None) -> Tensor | None:
        """A factor [B, T, H] that is 1 at skipped steps; None: 1 everywhere."""
        if array is None or self.run is None:
            return array
        return torch.where(self.run[:, :, None], array, 1.0)


def _unroll(
    steps: _Steps,
    x_gates: Tensor,
    states: States,
    start: Sequence[Tensor | None],
    step: Callable[[int, Tensor, States], States],
) -> States:
    """Run `step` over time, each with its part of x_gates; outputs [B, T, H], final states."""
    outputs = []
    for t in steps.order:
        if steps.begins is not None:
            begins = steps.begins[:, t, None]
            states = tuple(
                torch.where(begins, 0.0 if first is None else first, state)
                for first, state in zip(start, states, strict=True)
            )
        if steps.run is None:
            states = step(t, x_gates[:, t], states)
        else:
            run = steps.run[:, t, None]
            # A held state may be NaN: it must not meet the weights, not even to be thrown away.
            safe = tuple(torch.where(run, state, 0.0) for state in states)
            stepped = step(t, x_gates[:, t], safe)
            states = tuple(
                torch.where(run, new, held) for new, held in zip(stepped, states, strict=True)
            )
        within = steps.within
        outputs.append(
            states[0] if within is None else torch.where(within[:, t, None], states[0], 0.0)
        )
    if not outputs:
        # No step: [B, 0, H], a part of the graph like any other output.
        return x_gates[:, :, : states[0].shape[1]] + states[0][:, None], *states
    return torch.stack(outputs[:: steps.order.step], 1), *states


def _take(held: Tensor, new: Tensor, share: Tensor | None, t: int) -> Tensor:
    """What zoneout leaves of the step from `held` to `new`."""
    return new if share is None else held + share[:, t] * (new - held)


def _times(h: Tensor, factor: Tensor | None, t: int) -> Tensor:
    return h if factor is None else h * factor[:, t]


def gru(
    x: Tensor,
    h0: Tensor,
    input_weight: Tensor,
    recurrent_weight: Tensor,
    input_bias: Tensor | None = None,
    recurrent_bias: Tensor | None = None,
    *,
    reset: Reset = "after",
    activation: Activation = "tanh",
    gate_activation: Activation = "sigmoid",
    lengths: Tensor | None = None,
    valid: Tensor | None = None,
    starts: Tensor | None = None,
    start_h: Tensor | None = None,
    zoneout_h: Tensor | None = None,
    recurrent_dropout: Tensor | None = None,
    decay: Tensor | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Tensor]:
    """The gated recurrent unit over a sequence.

        r_t = s(W_r x_t + b_r + U_r m h + c_r)     h = d_t * h_{t-1}, m: recurrent_dropout
        z_t = s(W_z x_t + b_z + U_z m h + c_z)
        after:  n_t = f(W_n x_t + b_n + r_t * (U_n m h + c_n))
        before: n_t = f(W_n x_t + b_n + U_n (r_t * m h) + c_n)
        none:   n_t = f(W_n x_t + b_n + U_n m h + c_n)
        h_t = h + zoneout_h * z_t * (n_t - h)

    Args: as `recurra.ops.gru`.
    Returns:
        Outputs [B, T, H]; the final state [B, H].
    Source: Cho et al. 2014, arXiv:1406.1078; Chung et al. 2014, arXiv:1412.3555, eq. 3-6;
        decay: Che et al. 2018, arXiv:1606.01865, eq. 11.
    """
    candidate_of, gate_of = function_of(activation), function_of(gate_activation)
    steps = _Steps.of(x, lengths, valid, starts, reverse)
    x_gates = functional.linear(steps.clean(x), input_weight, input_bias)
    keep = steps.factor(recurrent_dropout)
    share = steps.factor(zoneout_h)
    fade = steps.factor(decay)
    hidden = h0.shape[1]
    # Only the candidate needs its weights apart, and only where the reset gate acts before them.
    split = hidden * (1 if reset == "none" else 2)
    gate_weight, candidate_weight = recurrent_weight[:split], recurrent_weight[split:]
    gate_bias, candidate_bias = _halves(recurrent_bias, split)

    def step(t: int, x_gates_t: Tensor, states: States) -> States:
        h = _times(states[0], fade, t)
        read = _times(h, keep, t)
        gates = gate_of(x_gates_t[:, :split] + functional.linear(read, gate_weight, gate_bias))
        update = gates[:, -hidden:]
        reset_gate = gates[:, :hidden]
        if reset == "before":
            product = functional.linear(reset_gate * read, candidate_weight, candidate_bias)
        else:
            product = functional.linear(read, candidate_weight, candidate_bias)
            if reset == "after":
                product = reset_gate * product
        candidate = candidate_of(x_gates_t[:, split:] + product)
        return (_take(h, h + update * (candidate - h), share, t),)

    y, h = _unroll(steps, x_gates, (h0,), (start_h,), step)
    return y, h


def lstm(
    x: Tensor,
    h0: Tensor,
    c0: Tensor,
    input_weight: Tensor,
    recurrent_weight: Tensor,
    input_bias: Tensor | None = None,
    recurrent_bias: Tensor | None = None,
    *,
    activation: Activation = "tanh",
    gate_activation: Activation = "sigmoid",
    lengths: Tensor | None = None,
    valid: Tensor | None = None,
    starts: Tensor | None = None,
    start_h: Tensor | None = None,
    start_c: Tensor | None = None,
    zoneout_h: Tensor | None = None,
    zoneout_c: Tensor | None = None,
    recurrent_dropout: Tensor | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """The long short-term memory over a sequence.

        i_t, f_t, o_t = s(W x_t + b + U m h_{t-1} + c)              (m: recurrent_dropout)
        g_t = a(W_g x_t + b_g + U_g m h_{t-1} + c_g)
        c_t = c_{t-1} + zoneout_c * (f_t * c_{t-1} + i_t * g_t - c_{t-1})
        h_t = h_{t-1} + zoneout_h * (o_t * a(c'_t) - h_{t-1})       (c'_t: c_t without zoneout)

    Args: as `recurra.ops.lstm`.
    Returns:
        Outputs [B, T, H]; the final h and c, each [B, H].
    Source: Hochreiter & Schmidhuber 1997; Gers et al. 2000; zoneout: Krueger et al. 2017,
        arXiv:1606.01305.
    """
    cell_of, gate_of = function_of(activation), function_of(gate_activation)
    steps = _Steps.of(x, lengths, valid, starts, reverse)
    x_gates = functional.linear(steps.clean(x), input_weight, input_bias)
    keep = steps.factor(recurrent_dropout)
    share_h, share_c = steps.factor(zoneout_h), steps.factor(zoneout_c)

    def step(t: int, x_gates_t: Tensor, states: States) -> States:
        h, c = states
        product = functional.linear(_times(h, keep, t), recurrent_weight, recurrent_bias)
        inputs, forget, cell, output = (x_gates_t + product).chunk(4, 1)
        new = gate_of(forget) * c + gate_of(inputs) * cell_of(cell)
        c_t = _take(c, new, share_c, t)
        return _take(h, gate_of(output) * cell_of(new), share_h, t), c_t

    y, h, c = _unroll(steps, x_gates, (h0, c0), (start_h, start_c), step)
    return y, h, c


def rnn(
    x: Tensor,
    h0: Tensor,
    input_weight: Tensor,
    recurrent_weight: Tensor,
    input_bias: Tensor | None = None,
    recurrent_bias: Tensor | None = None,
    *,
    activation: Activation = "tanh",
    lengths: Tensor | None = None,
    valid: Tensor | None = None,
    starts: Tensor | None = None,
    start_h: Tensor | None = None,
    zoneout_h: Tensor | None = None,
    recurrent_dropout: Tensor | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Tensor]:
    """The simple recurrent network over a sequence.

        n_t = f(W x_t + b + U m h_{t-1} + c)                        (m: recurrent_dropout)
        h_t = h_{t-1} + zoneout_h * (n_t - h_{t-1})

    Args: as `recurra.ops.rnn`.
    Returns:
        Outputs [B, T, H]; the final state [B, H].
    Source: Elman 1990.
    """
    candidate_of = function_of(activation)
    steps = _Steps.of(x, lengths, valid, starts, reverse)
    x_gates = functional.linear(steps.clean(x), input_weight, input_bias)
    keep = steps.factor(recurrent_dropout)
    share = steps.factor(zoneout_h)

    def step(t: int, x_gates_t: Tensor, states: States) -> States:
        h = states[0]
        product = functional.linear(_times(h, keep, t), recurrent_weight, recurrent_bias)
        return (_take(h, candidate_of(x_gates_t + product), share, t),)

    y, h = _unroll(steps, x_gates, (h0,), (start_h,), step)
    return y, h


def mingru(
    x: Tensor,
    h0: Tensor,
    input_weight: Tensor,
    input_bias: Tensor | None = None,
    *,
    activation: Activation = "identity",
    gate_activation: Activation = "sigmoid",
    lengths: Tensor | None = None,
    valid: Tensor | None = None,
    starts: Tensor | None = None,
    start_h: Tensor | None = None,
    zoneout_h: Tensor | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Tensor]:
    """The minimal GRU over a sequence.

        z_t = s(W_z x_t + b_z)
        n_t = f(W_n x_t + b_n)
        h_t = h_{t-1} + zoneout_h * z_t * (n_t - h_{t-1})

    Args: as `recurra.ops.mingru`.
    Returns:
        Outputs [B, T, H]; the final state [B, H].
    Source: Feng et al. 2024, arXiv:2410.01201, section 3.1.
    """
    candidate_of, gate_of = function_of(activation), function_of(gate_activation)
    steps = _Steps.of(x, lengths, valid, starts, reverse)
    x_gates = functional.linear(steps.clean(x), input_weight, input_bias)
    share = steps.factor(zoneout_h)

    def step(t: int, x_gates_t: Tensor, states: States) -> States:
        h = states[0]
        update, candidate = x_gates_t.chunk(2, 1)
        return (_take(h, h + gate_of(update) * (candidate_of(candidate) - h), share, t),)

    y, h = _unroll(steps, x_gates, (h0,), (start_h,), step)
    return y, h


def _halves(bias: Tensor | None, split: int) -> tuple[Tensor | None, Tensor | None]:
    return (None, None) if bias is None else (bias[:split], bias[split:])
