"""The network itself, measured on a few cases: gates, units, weights, the noise of its gradient.

Nothing of it draws a random number or leaves a gradient behind, so that a training that is measured
has the bits of one that is not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from recurra.errors import SpecError
from recurra.explain.flow import loss_flows
from recurra.layers.abstract import AbstractRecurrent
from recurra.layers.dense import Dense
from recurra.ops.activations import activation
from recurra.spec.batch import EncodedCases
from recurra.spec.cells import AbstractRecurrentCell
from recurra.tasks import AbstractTask
from recurra.train.doctor.signals import Gate, Probe, Units

__all__ = ["PROBE_CASES", "measure", "probe_index", "reach_of", "still"]

Index = npt.NDArray[np.int64]
# Cases of the probe: enough for shares to a few per cent, few enough to cost next to nothing.
PROBE_CASES = 16
# Batches whose gradients are compared, with each other.
_NOISE_BATCHES = 4
# Cases of which the way of the gradient is followed, and the share that is felt.
_REACH_CASES, _FELT = 4, 0.01
# A gate is shut or open where no product with it could matter: 2 % from the end.
_END = 0.02
# A bounded output is pinned where its slope is below 2 % of the steepest.
_PINNED = 0.99
# A unit whose output moves less over all cases and steps tells the head nothing; alive ones move
# by tenths.
_STILL = 1e-3
_BOUNDED = ("sigmoid", "hard_sigmoid")


def probe_index(task: AbstractTask, cases: EncodedCases, settings: Any) -> Index:
    """The cases of the probe: the first of the first epoch, which is the same in every run."""
    batches = task.batches(cases, settings, 1)
    if task.name == "generate":
        # A batch is one window of each stream: others belong to other times.
        return np.asarray(batches[0][:PROBE_CASES])
    found = [int(k) for batch in batches[:PROBE_CASES] for k in batch]
    return np.asarray(found[:PROBE_CASES])


@contextmanager
def still(network: torch.nn.Module) -> Iterator[None]:
    """Evaluation mode within, and every module's own mode afterwards."""
    modes = {module: module.training for module in network.modules()}
    was = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was)
        for module, mode in modes.items():
            module.training = mode


def measure(
    network: torch.nn.Module,
    task: AbstractTask,
    cases: EncodedCases,
    index: Index,
    *,
    noise: Sequence[Index] = (),
    start: Mapping[str, Tensor] | None = None,
) -> Probe:
    """The signals of a network as it is.

    Args:
        network: Its weights and random states stay.
        task: Gives the pass over a batch.
        cases: The training part.
        index: Of the probe.
        noise: Batches whose gradients are compared; none: the noise is not measured.
        start: The weights before the first step, to measure the way from there.
    """
    parameter = next(network.parameters())
    place = parameter.device, parameter.dtype
    with still(network), _watched(network) as seen, torch.no_grad():
        learned = task.learn(network, cases.collate(index), None, *place)
        layers = {name: _units(*calls) for name, calls in seen.items()}
    found = Probe(layers=layers, loss=float(learned.total) / max(float(learned.weight), 1e-30))
    learning = {n: p.detach() for n, p in network.named_parameters() if p.requires_grad}
    found["weight_norm"] = _norm(learning.values())
    if start is not None:
        way = _norm(p - start[n] for n, p in learning.items())
        found["moved"] = way / max(_norm(start[n] for n in learning), 1e-30)
    if noise:
        found["noise"] = _noise(network, task, cases, noise[:_NOISE_BATCHES], place)
    return found


def reach_of(
    network: torch.nn.Module, task: AbstractTask, cases: EncodedCases, index: Index
) -> dict[str, Any]:
    """How many steps back the loss is felt: the furthest |dL / dh_t| of 1 % of the largest.

    Args:
        network: Its weights, mode and gradients stay.
        task: Gives the pass over a batch.
        cases: The training part.
        index: Of the probe, of which a few cases are enough.

    Returns:
        `steps`, the `length` of the longest of the cases and the lowest `layer`; {} where no layer
        follows time.
    """
    parameter = next(network.parameters())
    batch = cases.collate(index[:_REACH_CASES])

    def loss() -> Tensor:
        learned = task.learn(network, batch, None, parameter.device, parameter.dtype)
        return learned.total / learned.weight

    try:
        with still(network):
            felt = loss_flows(network, loss)
    except SpecError:
        return {}
    layer, flow = next(iter(felt.items()))
    return {"steps": flow.reach(_FELT), "length": int(batch.lengths.max()), "layer": layer}


def _norm(tensors: Any) -> float:
    return math.sqrt(sum(float(t.double().square().sum()) for t in tensors))


def _noise(
    network: torch.nn.Module,
    task: AbstractTask,
    cases: EncodedCases,
    batches: Sequence[Index],
    place: tuple[torch.device, torch.dtype],
) -> float:
    """Spread of single batches' gradients over the norm of their mean.

        noise^2 = mean |g_k - g|^2 / |g|^2,   g = mean of K gradients g_k

    Source: McCandlish et al. 2018, arXiv:1812.06162, section 2.2 (the simple noise scale).
    """
    learning = [p for p in network.parameters() if p.requires_grad]
    gradients = []
    with still(network):
        for batch in batches:
            learned = task.learn(network, cases.collate(batch), None, *place)
            mean = learned.total / learned.weight
            parts = torch.autograd.grad(mean, learning, allow_unused=True)
            gradients.append(torch.cat([g.flatten().double() for g in parts if g is not None]))
    stacked = torch.stack(gradients)
    centre = stacked.mean(0)
    spread = (stacked - centre).square().sum(1).mean()
    return float((spread / centre.square().sum().clamp(1e-30)).sqrt())


@contextmanager
def _watched(network: torch.nn.Module) -> Iterator[dict[str, tuple[Any, ...]]]:
    """What goes into and comes out of each layer with units, by its name, the newest call."""
    seen: dict[str, tuple[Any, ...]] = {}
    hooks = []

    def remember(name: str) -> Any:
        def hook(layer: Any, given: Any, named: Any, result: Any) -> None:
            seen[name] = (layer, given, named, result[0])

        return hook

    for name, module in network.named_modules():
        if isinstance(module, AbstractRecurrent | Dense):
            hooks.append(module.register_forward_hook(remember(name), with_kwargs=True))
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _units(layer: Any, given: tuple[Any, ...], named: Mapping[str, Any], y: Tensor) -> Units:
    """Of one layer; padding takes no part."""
    lengths = named.get("lengths")
    if y.ndim == 2:
        rows = y
    elif lengths is None:
        rows = y.flatten(0, 1)
    else:
        within = torch.arange(y.shape[1], device=y.device) < lengths[:, None]
        rows = y[within]
    rows = rows.double()
    name = layer.node.activation
    bounded = name in ("tanh", "hard_tanh", "softsign", *_BOUNDED)
    # Of one row nothing can be said to move.
    moves = rows.std(0) if len(rows) > 1 else rows.new_full((rows.shape[1],), 1.0)
    gates: dict[str, Gate] = {}
    if isinstance(layer, AbstractRecurrent):
        gates = _gates(layer, given, named, y, lengths)
    return Units(
        count=int(y.shape[-1]),
        dead=float((moves < _STILL).double().mean()),
        pinned=float((rows.abs() > _PINNED).double().mean()) if bounded else 0.0,
        largest=float(rows.abs().max()),
        gates=gates,
    )


def _gates(
    layer: AbstractRecurrent,
    given: tuple[Any, ...],
    named: Mapping[str, Any],
    y: Tensor,
    lengths: Tensor | None,
) -> dict[str, Gate]:
    """The gates of a cell by name, from its weights, what it read and what it put out."""
    node = layer.node
    if len(node.gates) < 2 or node.gate_activation not in _BOUNDED:
        return {}
    x = given[0]
    before = torch.zeros_like(y)
    begin = given[1] if len(given) > 1 else named.get("state")
    if named.get("reverse"):
        before[:, :-1] = y[:, 1:]
    else:
        before[:, 1:] = y[:, :-1]
        if begin is not None:
            before[:, 0] = begin[0]
    total = x @ layer.input_weight.t()
    if node.bias:
        total = total + layer.input_bias
    if isinstance(node, AbstractRecurrentCell):
        total = total + before @ layer.recurrent_weight.t()
        if node.bias:
            total = total + layer.recurrent_bias
    found = {}
    for gate, part in zip(node.gates, total.chunk(len(node.gates), dim=-1), strict=True):
        if gate in ("candidate", "cell"):
            continue
        value = activation(node.gate_activation)(part)
        if lengths is not None:
            within = torch.arange(y.shape[1], device=y.device) < lengths[:, None]
            value = value[within]
        value = value.double()
        found[gate] = Gate(
            mean=float(value.mean()),
            shut=float((value < _END).double().mean()),
            open=float((value > 1 - _END).double().mean()),
        )
    return found
