"""The GRU with decay: series with missing values and uneven times."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.errors import ShapeError, SpecError
from recurra.layers.abstract import AbstractLayer, as_state
from recurra.layers.gru import GRU
from recurra.layers.steps import check_steps, counted, one_step
from recurra.spec import nodes
from recurra.spec.state import GRUDState, GRUState

__all__ = ["GRUD"]


class GRUD(AbstractLayer):
    """A GRU that forgets as time passes unobserved: x [B, T, C] with holes -> y [B, T, H].

        since_t = elapsed_t + (0 where the feature was observed at t-1, else since_{t-1})
        x'_t    = x_t where observed, else fade_t * last_t + (1 - fade_t) * mean
                  with fade_t = exp(-max(0, w * since_t + b)) for each feature
        h'_t    = exp(-max(0, W since_t + c)) * h_{t-1}
        h_t     = GRU([x'_t, observed_t], h'_t)

    Args:
        cell: The GRU, with input_size = 2 C: C values and C flags. The paper's has reset="before".
        mean: What a feature fades to, [C]; None: zero, as for features that are centred. Not
            learnt.

    Raises:
        SpecError: the cell is no GRU, or its input_size is odd.
        ShapeError: `mean` has other axes.

    The decays' weights begin as U(0, 1/C), so that all of them decay and none is stuck at the
    bend of max(0, .), where there is no gradient; their biases begin at zero.

    Source: Che et al. 2018, arXiv:1606.01865, eq. 2-3, 10-16.
    """

    node: nodes.GRUD
    mean: Tensor

    def __init__(self, cell: GRU, mean: Tensor | None = None) -> None:
        if not isinstance(cell, GRU):
            raise SpecError(f"GRUD expected cell to be a GRU, got {type(cell).__name__}")
        super().__init__(nodes.GRUD(cell=cell.node))
        features, hidden = self.node.features, cell.node.hidden_size
        like = cell.input_weight
        if mean is not None and mean.shape != (features,):
            raise ShapeError(f"GRUD expected mean [C={features}], got {[*mean.shape]}")
        self.cell = cell
        self.input_decay_weight = nn.Parameter(like.new_empty(features))
        self.input_decay_bias = nn.Parameter(like.new_empty(features))
        self.hidden_decay_weight = nn.Parameter(like.new_empty(hidden, features))
        self.hidden_decay_bias = nn.Parameter(like.new_empty(hidden))
        self.register_buffer("mean", like.new_zeros(features) if mean is None else mean.to(like))
        self._begin_decays()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        self.cell.reset_parameters()
        self._begin_decays()

    def _begin_decays(self) -> None:
        nn.init.uniform_(self.input_decay_weight, 0.0, 1.0 / self.node.features)
        nn.init.uniform_(self.hidden_decay_weight, 0.0, 1.0 / self.node.features)
        nn.init.zeros_(self.input_decay_bias)
        nn.init.zeros_(self.hidden_decay_bias)

    def initial_state(self, batch: int) -> GRUDState[Tensor]:
        """The cell's own h; every feature at its mean, and no time since."""
        last = self.mean.expand(batch, -1)
        return GRUDState(self.cell.initial_state(batch).h, last, torch.zeros_like(last))

    def forward(  # type: ignore[override]  # it takes three inputs
        self,
        x: Tensor,
        observed: Tensor,
        elapsed: Tensor,
        state: GRUDState[Tensor] | None = None,
        *,
        lengths: Tensor | None = None,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, GRUDState[Tensor]]:
        """Run over a whole sequence or a chunk of it.

        Args:
            x: Values, [B, T, C]; where not observed they are not read and may be NaN.
            observed: Not 0 (or True) where there is a value, [B, T, C].
            elapsed: Time since the step before, in the unit of training, [B, T, 1].
            state: Where to begin; None: `initial_state`.
            lengths: Steps of each row that count, [B], int64. None: all T.
            valid: False skips a step: the state is held, the time that it took is lost, [B, T].
            starts: True begins at that step from the layer's own initial state, [B, T], bool.

        Returns:
            Outputs [B, T, H], zero beyond `lengths`; the state after the last step.

        Raises:
            ShapeError: names the axis, what was expected and what came.
            StateError: the state belongs to another kind of layer.
        """
        features = self.node.features
        for name, array, width in (("x", x, features), ("observed", observed, features)):
            if array.ndim != 3 or array.shape != (*x.shape[:2], width):
                raise ShapeError(f"GRUD expected {name} [B, T, C={width}], got {[*array.shape]}")
        if elapsed.shape != (*x.shape[:2], 1):
            raise ShapeError(f"GRUD expected elapsed [B, T, 1], got {[*elapsed.shape]}")
        check_steps("GRUD", *x.shape[:2], lengths=lengths, valid=valid, starts=starts)
        begin = self.initial_state(len(x)) if state is None else as_state("GRUD", state, GRUDState)
        counts = counted(x, lengths, valid)
        seen = observed != 0
        if counts is not None:
            seen = seen & counts[:, :, None]
            elapsed = torch.where(counts[:, :, None], elapsed, 0.0)
        begins = starts
        if starts is not None and lengths is not None:
            begins = starts & (torch.arange(x.shape[1], device=x.device) < lengths[:, None])
        past = _follow(x, seen, elapsed, counts, begins, self.initial_state(len(x)), begin)
        rate = past.since * self.input_decay_weight + self.input_decay_bias
        fade = torch.exp(-functional.relu(rate))
        filled = torch.where(seen, x, fade * past.last + (1.0 - fade) * self.mean)
        decay = functional.linear(past.since, self.hidden_decay_weight, self.hidden_decay_bias)
        y, end = self.cell.fading(
            torch.cat((filled, seen.to(x.dtype)), 2),
            GRUState(begin.h),
            torch.exp(-functional.relu(decay)),
            lengths=lengths,
            valid=valid,
            starts=starts,
        )
        return y, GRUDState(end.h, past.end_last, past.end_since)

    def step(
        self,
        x_t: Tensor,
        observed_t: Tensor,
        elapsed_t: Tensor,
        state: GRUDState[Tensor] | None,
        *,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, GRUDState[Tensor]]:
        """Run one step: x_t [B, C], observed_t [B, C], elapsed_t [B, 1] -> output [B, H]."""
        inputs = (array.unsqueeze(1) for array in (x_t, observed_t, elapsed_t))
        y, end = self(*inputs, state, valid=one_step(valid), starts=one_step(starts))
        return y.squeeze(1), end


class _Past(NamedTuple):
    """Ahead of each step the last values and the time since them, [B, T, C]; then the state's."""

    last: Tensor
    since: Tensor
    end_last: Tensor
    end_since: Tensor


def _follow(
    x: Tensor,
    seen: Tensor,
    elapsed: Tensor,
    counts: Tensor | None,
    begins: Tensor | None,
    first: GRUDState[Tensor],
    state: GRUDState[Tensor],
) -> _Past:
    """What was observed last, and how long ago, at each step."""
    last, since = state.last, state.since
    lasts, sinces = [], []
    for t in range(x.shape[1]):
        if begins is not None:
            last = torch.where(begins[:, t, None], first.last, last)
            since = torch.where(begins[:, t, None], 0.0, since)
        ago = elapsed[:, t] + since
        lasts.append(last)
        sinces.append(ago)
        held = since if counts is None else torch.where(counts[:, t, None], ago, since)
        since = torch.where(seen[:, t], 0.0, ago if counts is None else held)
        last = torch.where(seen[:, t], x[:, t], last)
    if not lasts:
        return _Past(torch.zeros_like(x), torch.zeros_like(x), last, since)
    return _Past(torch.stack(lasts, 1), torch.stack(sinces, 1), last, since)
