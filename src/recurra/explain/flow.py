"""How far gradients travel back through a recurrence: |dh_T / dh_t| and |dL / dh_t| over t.

    dh_T / dh_t = J_T J_{T-1} ... J_{t+1},      J_k = dh_k / dh_{k-1}

Norms near one reach; norms that fall to nothing with T - t vanish; rising ones explode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from recurra.errors import SpecError
from recurra.explain.calls import Recorded, recorded
from recurra.explain.recurrence import Recurrence, RecurrentLayer

__all__ = ["Flow", "Norm", "flow", "flows", "loss_flows", "matrix_norm"]

Array = npt.NDArray[Any]
Norm = Literal["spectral", "frobenius"]


@dataclass(frozen=True)
class Flow:
    """Norms over time as logarithms, which neither vanish nor overflow.

    Args:
        log10: By what the gradient is of, [B, T], step by step as the input was given; NaN beyond
            a row's length, -inf where nothing flows. "h" is of h_t with the other slots of t held;
            an LSTM has "c", and of a Jacobian "state": both slots together.
        norm: "spectral" (the largest singular value), "frobenius", or "euclidean" of vectors.
        reverse: The layer read from the last step to the first.
    """

    log10: Mapping[str, Array]
    norm: Literal["spectral", "frobenius", "euclidean"]
    reverse: bool = False

    @property
    def norms(self) -> dict[str, Array]:
        """The norms themselves, [B, T]; 0 below 1e-308, infinite above 1e308."""
        with np.errstate(over="ignore"):
            return {name: 10.0**values for name, values in self.log10.items()}

    def by_distance(self, of: str = "h") -> Array:
        """The mean logarithm over the rows k steps before the last one read, [T] from k = 0."""
        values = self.log10[of]
        behind = np.full(values.shape, np.nan)
        for row, line in zip(values, behind, strict=True):
            known = row[~np.isnan(row)]
            line[: len(known)] = known if self.reverse else known[::-1]
        counts = (~np.isnan(behind)).sum(0)
        total = np.where(np.isnan(behind), 0.0, behind).sum(0)
        return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)

    def reach(self, share: float = 0.01, of: str = "h") -> int:
        """How many steps back the furthest norm lies that is this share of the largest, or more.

        Args:
            share: Of the largest norm of `by_distance`, > 0.
            of: As in `log10`.
        """
        line = self.by_distance(of)
        line = line[~np.isnan(line)]
        enough = np.flatnonzero(
            np.isfinite(line) & (line >= line.max(initial=-np.inf) + np.log10(share))
        )
        return int(enough.max(initial=0))


def flow(
    layer: RecurrentLayer,
    x: Tensor | tuple[Tensor, Tensor, Tensor],
    state: Any = None,
    *,
    lengths: Tensor | None = None,
    valid: Tensor | None = None,
    starts: Tensor | None = None,
    reverse: bool = False,
    norm: Norm = "spectral",
    dtype: torch.dtype | None = None,
) -> Flow:
    """The norm of the exact Jacobian dh_T / dh_t for every t, by H gradients a step.

    It is 1 (frobenius: sqrt(H)) at a row's last step. The product of the steps' Jacobians is kept
    in scale by exact powers of two, so that float32 follows it through any number of decades.

    Args:
        layer: A GRU, LSTM, RNN, MinGRU or GRUD; its parameters and mode stay as they are.
        x: Inputs, [B, T, I]; of a GRUD its three inputs.
        state: Where to begin; None: the layer's own initial state.
        lengths: Steps of each row, [B], int64: T is the row's own. None: all.
        valid: False holds the state, [B, T], bool: the norm stays.
        starts: True begins anew at that step, [B, T], bool: nothing flows across.
        reverse: Read from the last step to the first: the norm is of d(state after step 0).
        norm: Of the matrix.
        dtype: In which it is computed; None: the layer's own. torch.float64 to be exact.

    Returns:
        The flow of "h"; of an LSTM also of "c" (dc_T / dc_t) and of "state", both together.

    Raises:
        SpecError: the layer is no such one.
        ShapeError: names the axis, what was expected and what came.

    Source: Pascanu et al. 2013, arXiv:1211.5063, eq. 5.
    """
    if norm not in ("spectral", "frobenius"):
        raise SpecError(f"norm expected spectral or frobenius, got {norm!r}")
    inputs = x if isinstance(x, tuple) else (x,)
    run = Recurrence(
        layer,
        inputs,
        state,
        lengths=lengths,
        valid=valid,
        starts=starts,
        reverse=reverse,
        dtype=dtype,
    )
    return Flow(_jacobians(run, norm), norm, reverse)


def flows(
    module: nn.Module,
    *arguments: Any,
    norm: Norm = "spectral",
    dtype: torch.dtype | None = None,
    **more: Any,
) -> dict[str, Flow]:
    """The flow of every recurrent layer in a module, along its own recurrence.

    In a stack h_t of a layer reaches h_T of the same layer through that layer alone: what the
    layers above make of it never comes back. So each layer has its own flow, and each direction of
    a bidirectional one, the backward one in its own order of reading.

    Args:
        module: Any torch module that calls layers of recurra, each once.
        arguments: Of its call, which is made once in evaluation mode.
        norm: As `flow`'s.
        dtype: As `flow`'s.
        more: Named arguments of its call.

    Returns:
        By the path of the layer in the module; "" where it is the module itself.

    Raises:
        SpecError: there is no such layer, or one is called more than once: its flow is of one call.
    """
    with torch.no_grad(), recorded(module) as calls:
        module(*arguments, **more)
    found = {}
    for path, own in _some(calls, module).items():
        if len(own) > 1:
            raise SpecError(
                f"layer {path!r} was called {len(own)} times: its flow is that of one call; give "
                "flow(layer, x, state) one of them, or take loss_flows"
            )
        run = own[0].recurrence(dtype)
        found[path] = Flow(_jacobians(run, norm), norm, own[0].reverse)
    return found


def loss_flows(
    module: nn.Module, loss: Callable[[], Tensor], *, dtype: torch.dtype | None = None
) -> dict[str, Flow]:
    """The norm of dL / dh_t of every recurrent layer: one gradient a step, cheap enough for a run.

    It is the total gradient: through the outputs of step t and through all later states.

    Args:
        module: What `loss` calls; it runs in evaluation mode and keeps its own mode and gradients.
        loss: Gives one number, such as the loss of a small batch.
        dtype: In which the steps are computed; None: the layer's own. Norms below about 1e-37 are
            lost in float32.

    Returns:
        By the path of the layer; the steps of several calls follow one another.

    Raises:
        SpecError: no recurrent layer was called, or the loss does not depend on one.
    """
    with torch.enable_grad(), recorded(module) as calls:
        total = loss()
    grown = [call for own in _some(calls, module).values() for call in own]
    ends = [end for call in grown for end in call.ends]
    if not total.requires_grad:
        raise SpecError("the loss depends on no recurrent layer: compute it by calling the module")
    gradients = iter(torch.autograd.grad(total, ends, allow_unused=True, materialize_grads=True))
    found = {}
    for path, own in calls.items():
        parts = []
        for call in own:
            outer = [next(gradients) for _ in call.ends]
            parts.append(_pulled(call.recurrence(dtype), outer[0], outer[1:]))
        lines = {name: np.concatenate([part[name] for part in parts], 1) for name in parts[0]}
        found[path] = Flow(lines, "euclidean", own[0].reverse)
    return found


def matrix_norm(matrices: Tensor, norm: Norm) -> Tensor:
    """The norm of each matrix [..., M, N], in float64; NaN where one holds what is not finite."""
    wide = matrices.detach().double()
    finite = wide.isfinite().all(-1).all(-1)
    # LAPACK refuses a batch for one matrix that is not finite.
    wide = torch.where(finite[..., None, None], wide, 0.0)
    if norm == "frobenius":
        found = torch.linalg.matrix_norm(wide)
    else:
        found = torch.linalg.svdvals(wide).amax(-1)
    return torch.where(finite, found, torch.nan)


def _some(calls: dict[str, list[Recorded]], module: nn.Module) -> dict[str, list[Recorded]]:
    if not calls:
        raise SpecError(
            f"{type(module).__name__} called no GRU, LSTM, RNN, MinGRU or GRUD of recurra: build "
            "it of those, or convert it with recurra.convert"
        )
    return calls


def _jacobians(run: Recurrence, norm: Norm) -> dict[str, Array]:
    """log10 of the norms of d(state after the last step) / d(state after each step)."""
    slots = run.states[0]
    hidden, fields = slots.h.shape[1], run.fields
    names = [*fields, "state"] if len(fields) > 1 else [*fields]
    found = {name: np.full((run.batch, run.time), np.nan) for name in names}
    # Rows: what is differentiated, each unit of each field of the last state.
    whole = torch.eye(len(fields) * hidden, dtype=run.dtype, device=slots.h.device)
    whole = whole.expand(run.batch, -1, -1)
    power = torch.zeros(run.batch, dtype=torch.float64, device=slots.h.device)
    for k in reversed(range(run.time)):
        for name in names:
            j = 0 if name == "state" else fields.index(name) * hidden
            block = whole if name == "state" else whole[:, j : j + hidden, j : j + hidden]
            norms = matrix_norm(block, norm).log10() + power * np.log10(2.0)
            found[name][:, run.order[k]] = norms.cpu().numpy()
        pulled = run.pull(k, dict(zip(fields, torch.split(whole, hidden, 2), strict=True)))
        whole = torch.cat([pulled[name] for name in fields], 2)
        _, exponent = torch.frexp(whole.abs().amax((1, 2)))
        # One step changes the scale by little; of what is not finite there is no exponent.
        exponent = exponent.clamp(-100, 100)
        whole = torch.ldexp(whole, -exponent[:, None, None])
        power += exponent
    return _bounded(found, run)


def _pulled(run: Recurrence, outer: Tensor, ends: Iterable[Tensor]) -> dict[str, Array]:
    """log10 of the norms of the total gradients, from those of the outputs and of the end state."""
    fields = run.fields
    found = {name: np.full((run.batch, run.time), np.nan) for name in fields}
    total = {name: end[:, None].to(run.dtype) for name, end in zip(fields, ends, strict=True)}
    for k in reversed(range(run.time)):
        t = run.order[k]
        # Beyond a row's length the output is a constant zero.
        own = torch.where(run.within[:, t, None], outer[:, t], 0.0)
        total["h"] = total["h"] + own[:, None].to(run.dtype)
        for name in fields:
            norms = torch.linalg.vector_norm(total[name].double(), dim=(1, 2)).log10()
            found[name][:, t] = norms.cpu().numpy()
        total = run.pull(k, total)
    return _bounded(found, run)


def _bounded(found: dict[str, Array], run: Recurrence) -> dict[str, Array]:
    within = run.within.cpu().numpy()
    return {name: np.where(within, values, np.nan) for name, values in found.items()}
