"""PyTorch's own fused recurrent kernels (`torch.gru`, `torch.lstm`, `torch.rnn_*`), where they fit.

PyTorch writes the GRU's update gate the other way round: h = (1 - z) n + z h. Negating the
update block of weights and biases turns one into the other, since sigmoid(-a) = 1 - sigmoid(a).
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from recurra.ops.call import Call
from recurra.ops.transforms import compiling, forward_mode, transformed

__all__ = ["run", "why_not"]


def why_not(call: Call) -> str | None:
    """Why torch's kernels cannot do this call; None: they can."""
    choices = call.choices
    if call.family == "scan":
        return "torch has no minGRU"
    if choices.get("reset", "after") != "after":
        return f"torch has no GRU with reset={choices['reset']!r}"
    if choices.get("gate_activation", "sigmoid") != "sigmoid":
        return f"torch has no gates with {choices['gate_activation']!r}"
    known = ("tanh", "relu") if call.family == "rnn" else ("tanh",)
    if choices["activation"] not in known:
        return f"torch has no {call.family} with activation={choices['activation']!r}"
    plain = ("x", "h0", "c0", "lengths")
    for name in call.given():
        if name not in plain and not name.endswith(("_weight", "_bias")):
            return f"torch's {call.family} takes no {name}"
    if call.family == "lstm" and call.arrays["lengths"] is not None:
        return "torch's lstm keeps c of the last step only, and lengths ask for earlier ones"
    if not call.x.numel():
        return "torch takes no empty sequence or batch"
    if transformed() or forward_mode():
        return "torch's recurrent kernels take no torch.func transform and no forward mode"
    if compiling():
        return "torch.compile takes torch's recurrent kernels apart into single steps"
    return None


def run(call: Call) -> tuple[Tensor, ...]:
    """Outputs and final states, as `recurra.ops` gives them."""
    lengths = call.arrays["lengths"]
    if lengths is not None:
        return _run_padded(call, lengths)
    if not call.choices["reverse"]:
        return _run_whole(call)
    y, *states = _run_whole(replace(call, arrays={**call.arrays, "x": call.x.flip(1)}))
    return y.flip(1), *states


def _run_padded(call: Call, lengths: Tensor) -> tuple[Tensor, ...]:
    """One state h, padding on the right: take each row's state at its own last step."""
    steps = torch.arange(call.x.shape[1], device=call.x.device)
    within = (steps < lengths[:, None])[:, :, None]
    order = steps.expand(len(lengths), -1)[:, :, None]
    if call.choices["reverse"]:
        order = torch.where(within, lengths[:, None, None] - 1 - order, order)
    x = torch.where(within, call.x, 0.0).take_along_dim(order, 1)
    y, h = _run_whole(replace(call, arrays={**call.arrays, "x": x}))
    last = (lengths - 1).clamp(min=0)[:, None, None]
    final = y.take_along_dim(last, 1)[:, 0]
    h = torch.where(lengths[:, None] > 0, final, call.needed("h0"))
    return torch.where(within, y.take_along_dim(order, 1), 0.0), h


def _run_whole(call: Call) -> tuple[Tensor, ...]:
    """All steps of all rows, in the order in which they stand."""
    parameters = [call.needed("input_weight"), call.needed("recurrent_weight")]
    biases = [call.arrays["input_bias"], call.arrays["recurrent_bias"]]
    some = next((bias for bias in biases if bias is not None), None)
    if some is not None:
        parameters += [torch.zeros_like(some) if bias is None else bias for bias in biases]
    # One layer, no dropout, not in training, one direction, batch first.
    rest = (some is not None, 1, 0.0, False, False, True)
    h0 = call.needed("h0")[None]
    if call.family == "lstm":
        y, h, c = torch.lstm(call.x, [h0, call.needed("c0")[None]], parameters, *rest)
        return y, h[0], c[0]
    if call.family == "gru":
        y, h = torch.gru(call.x, h0, [_flip_update(block) for block in parameters], *rest)
    elif call.choices["activation"] == "relu":
        y, h = torch.rnn_relu(call.x, h0, parameters, *rest)
    else:
        y, h = torch.rnn_tanh(call.x, h0, parameters, *rest)
    return y, h[0]


def _flip_update(block: Tensor) -> Tensor:
    reset, update, candidate = block.chunk(3)
    return torch.cat([reset, -update, candidate])
