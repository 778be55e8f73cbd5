"""The minimal GRU as a layer."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from recurra import ops
from recurra.layers.abstract import AbstractRecurrent
from recurra.layers.initialise import BiasInit, InitGain, Initialisers, InputInit, RecurrentInit
from recurra.spec.cells import Activation, MinGRUCell
from recurra.spec.state import MinGRUState

__all__ = ["MinGRU"]


class MinGRU(AbstractRecurrent):
    """One layer of minimal GRU units, one direction: x [B, T, I] -> y [B, T, H], y_t = h_t.

        z_t = s(W_z x_t + b_z)
        n_t = f(W_n x_t + b_n)
        h_t = h_{t-1} + z_t * (n_t - h_{t-1})                   (z = 0 holds the state)

    The gates read the input alone: what a unit keeps does not depend on what it holds. Stack two
    or more, so that the upper layers' gates read a history (the paper's own advice).

    Args:
        input_size: I.
        hidden_size: H.
        activation: f, of the candidate.
        gate_activation: s, of the update gate.
        bias: A bias vector.
        learn_initial_state: The initial state is a parameter; False: zero.
        zoneout: Probability that a unit keeps its previous value in training; at inference the
            expectation (Krueger et al. 2017).
        input_init: As in `Initialisers`, like the three below.
        recurrent_init: Of no effect without a recurrent weight; the same arguments fit every cell.
        bias_init: Of the bias.
        chrono_length: Longest memory in steps for bias_init="chrono".
        init_gain: Of the weights, as in `Initialisers`.
        backend: What computes the recurrence: "auto", "native" or "reference" ("torch" has none).
        device: Of the parameters.
        dtype: Of the parameters, float32 or float64.

    Raises:
        SpecError: a value is out of its range, or values contradict each other.

    Source: Feng et al. 2024, arXiv:2410.01201, section 3.1.
    """

    node: MinGRUCell
    state_type: ClassVar[type[MinGRUState[Tensor]]] = MinGRUState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        activation: Activation = "identity",
        gate_activation: Activation = "sigmoid",
        bias: bool = True,
        learn_initial_state: bool = False,
        zoneout: float = 0.0,
        input_init: InputInit = "glorot_uniform",
        recurrent_init: RecurrentInit = "orthogonal",
        bias_init: BiasInit = "zeros",
        chrono_length: int = 100,
        init_gain: InitGain = "none",
        backend: ops.Backend = "auto",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        node = MinGRUCell(
            input_size=input_size,
            hidden_size=hidden_size,
            activation=activation,
            gate_activation=gate_activation,
            bias=bias,
            learn_initial_state=learn_initial_state,
            zoneout=zoneout,
        )
        how = Initialisers(
            input_init=input_init,
            recurrent_init=recurrent_init,
            bias_init=bias_init,
            chrono_length=chrono_length,
            init_gain=init_gain,
        )
        super().__init__(node, how=how, backend=backend, device=device, dtype=dtype)

    def _op(self, *arrays: Any, **choices: Any) -> tuple[Tensor, ...]:
        return ops.mingru(*arrays, **choices)
