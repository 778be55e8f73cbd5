"""PyTorch's own layers; for the GRU that it lacks, the same equation as a person would write it."""

from __future__ import annotations

import torch
from torch.nn import functional

from benchmarks.harness import Contender
from benchmarks.layer import WEIGHTS, Array, Layer, as_array

__all__ = ["inference", "scan_inference", "scan_training", "step", "training"]

_LAYERS = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM, "rnn": torch.nn.RNN}
_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def _fill(module: torch.nn.Module, layer: Layer, suffix: str = "") -> None:
    with torch.no_grad():
        for name, weight in zip(_NAMES, layer.theirs(), strict=True):
            getattr(module, name + suffix).copy_(torch.from_numpy(weight))


def _module(layer: Layer) -> torch.nn.Module:
    module: torch.nn.Module = _LAYERS[layer.family](*layer.shape[2:], batch_first=True)
    _fill(module, layer, "_l0")
    return module


def inference(layer: Layer, _threads: int) -> Contender:
    """nn.GRU and its like in inference mode; torch says how many threads."""
    module, x = _module(layer), torch.from_numpy(layer.x)

    @torch.inference_mode()
    def call() -> torch.Tensor:
        y: torch.Tensor = module(x)[0]
        return y

    return Contender(call, lambda: {"y": as_array(call())})


def step(layer: Layer, _threads: int) -> Contender:
    """One step of nn.GRUCell, which takes less time than nn.GRU on a sequence of one step."""
    cell = torch.nn.GRUCell(*layer.shape[2:])
    _fill(cell, layer)
    x, zero = torch.from_numpy(layer.x[:, 0]), torch.zeros(layer.shape[0], layer.shape[3])
    held = [zero]

    @torch.inference_mode()
    def call() -> None:
        held[0] = cell(x, held[0])

    @torch.inference_mode()
    def results() -> dict[str, Array]:
        return {"y": as_array(cell(x, zero))[:, None]}

    return Contender(call, results)


def training(layer: Layer, _threads: int) -> Contender:
    """Forward and backward: the gradient of x and of every weight."""
    if layer.choices.get("reset", "after") != "after":
        return _compiled_training(layer)
    module, x = _module(layer), torch.from_numpy(layer.x).requires_grad_()
    dy = torch.from_numpy(layer.dy)
    # Under autocast y is of another type; what comes back is given in it, and not made each time.
    ready = {kind: dy.to(kind) for kind in (torch.float32, torch.bfloat16)}

    def call() -> None:
        module.zero_grad()
        x.grad = None
        y = module(x)[0]
        y.backward(ready[y.dtype])

    def results() -> dict[str, Array]:
        call()
        found = {
            ours: layer.back(as_array(getattr(module, f"{name}_l0").grad))
            for ours, name in zip(WEIGHTS, _NAMES, strict=True)
        }
        return {"x": as_array(x.grad), **found}

    return Contender(call, results)


def _compiled_training(layer: Layer) -> Contender:
    """A loop over time, the inputs projected all at once ahead of it, each step compiled."""
    # Each shape is a program of its own; the former shapes' count towards PyTorch's limit of eight.
    torch.compiler.reset()
    step = torch.compile(before_step, fullgraph=True, dynamic=False)
    dy = torch.from_numpy(layer.dy)
    weights = [torch.from_numpy(layer.weights[name].copy()).requires_grad_() for name in WEIGHTS]
    x = torch.from_numpy(layer.x).requires_grad_()

    def call() -> None:
        for tensor in (x, *weights):
            tensor.grad = None
        input_weight, recurrent_weight, input_bias, recurrent_bias = weights
        projected = functional.linear(x, input_weight, input_bias).unbind(1)
        h = dy.new_zeros(dy.shape[0], dy.shape[2])
        outputs = []
        for x_gates in projected:
            h = step(x_gates, h, recurrent_weight, recurrent_bias)
            outputs.append(h)
        torch.autograd.backward(torch.stack(outputs, 1), dy)

    def results() -> dict[str, Array]:
        call()
        return {n: as_array(t.grad) for n, t in zip(("x", *WEIGHTS), (x, *weights), strict=True)}

    return Contender(call, results)


def before_step(
    x_gates: torch.Tensor, h: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    """One step with the reset gate ahead of the recurrent product.

    Args:
        x_gates: The projected input, [B, 3H].
        h: [B, H].
        weight: [3H, H].
        bias: [3H].
    """
    split = 2 * h.shape[1]
    gates = torch.sigmoid(x_gates[:, :split] + functional.linear(h, weight[:split], bias[:split]))
    reset, update = gates.chunk(2, 1)
    inner = functional.linear(reset * h, weight[split:], bias[split:])
    return h + update * (torch.tanh(x_gates[:, split:] + inner) - h)


def scanned(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """minGRU from a zero state as a scan in parallel over time (Hillis and Steele 1986).

    h_t = keep_t h_{t-1} + new_t; each round joins every step with the one `reach` steps before it,
    and `reach` doubles.

    Args:
        x: [B, T, I].
        weight: [2H, I]: update, candidate.
        bias: [2H].
    """
    update, candidate = functional.linear(x, weight, bias).chunk(2, 2)
    share = torch.sigmoid(update)
    keep, new = 1 - share, share * candidate
    reach = 1
    while reach < x.shape[1]:
        joined = torch.addcmul(new[:, reach:], keep[:, reach:], new[:, :-reach])
        new = torch.cat((new[:, :reach], joined), 1)
        keep = torch.cat((keep[:, :reach], keep[:, reach:] * keep[:, :-reach]), 1)
        reach *= 2
    return new


def scan_inference(layer: Layer, _threads: int) -> Contender:
    """minGRU, which PyTorch lacks, in inference mode."""
    tensors = [torch.from_numpy(a) for a in (layer.x, *layer.weights.values())]

    @torch.inference_mode()
    def call() -> torch.Tensor:
        return scanned(*tensors)

    return Contender(call, lambda: {"y": as_array(call())})


def scan_training(layer: Layer, _threads: int) -> Contender:
    """minGRU forward and backward: the gradient of x and of every weight."""
    arrays = {"x": layer.x, **layer.weights}
    tensors = {n: torch.from_numpy(a.copy()).requires_grad_() for n, a in arrays.items()}
    dy = torch.from_numpy(layer.dy)

    def call() -> None:
        for tensor in tensors.values():
            tensor.grad = None
        torch.autograd.backward(scanned(*tensors.values()), dy)

    def results() -> dict[str, Array]:
        call()
        return {name: as_array(tensor.grad) for name, tensor in tensors.items()}

    return Contender(call, results)
