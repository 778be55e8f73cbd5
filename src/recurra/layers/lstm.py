"""The long short-term memory as a layer."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from recurra import ops
from recurra.layers.abstract import AbstractRecurrent
from recurra.layers.initialise import BiasInit, InitGain, Initialisers, InputInit, RecurrentInit
from recurra.spec.cells import Activation, LSTMCell
from recurra.spec.state import LSTMState

__all__ = ["LSTM"]


class LSTM(AbstractRecurrent):
    """One layer of long short-term memory, one direction: x [B, T, I] -> y [B, T, H], y_t = h_t.

        i_t, f_t, o_t = s(W x_t + b + U h_{t-1} + c), each with its own block of rows
        g_t = a(W_g x_t + b_g + U_g h_{t-1} + c_g)
        c_t = f_t * c_{t-1} + i_t * g_t
        h_t = o_t * a(c_t)

    Args:
        input_size: I.
        hidden_size: H.
        activation: a, of the cell's candidate and of its output.
        gate_activation: s, of the gates.
        bias: Two bias vectors, input and recurrent.
        learn_initial_state: The initial h and c are parameters; False: zero.
        zoneout: Probability that a unit of h keeps its previous value in training; at inference
            the expectation (Krueger et al. 2017).
        zoneout_cell: The same for c.
        weight_dropout: Probability that a recurrent weight is dropped in training, one draw a
            call (Merity et al. 2018).
        input_init: As in `Initialisers`, like the three below.
        recurrent_init: Of the recurrent weight.
        bias_init: Of the biases.
        chrono_length: Longest memory in steps for bias_init="chrono".
        init_gain: Of the weights, as in `Initialisers`.
        backend: What computes the recurrence: "auto", "native", "torch" or "reference".
        device: Of the parameters.
        dtype: Of the parameters, float32 or float64.

    Raises:
        SpecError: a value is out of its range, or values contradict each other.

    Source: `recurra.spec.cells.LSTMCell`.
    """

    node: LSTMCell
    state_type: ClassVar[type[LSTMState[Tensor]]] = LSTMState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        activation: Activation = "tanh",
        gate_activation: Activation = "sigmoid",
        bias: bool = True,
        learn_initial_state: bool = False,
        zoneout: float = 0.0,
        zoneout_cell: float = 0.0,
        weight_dropout: float = 0.0,
        input_init: InputInit = "glorot_uniform",
        recurrent_init: RecurrentInit = "orthogonal",
        bias_init: BiasInit = "zeros",
        chrono_length: int = 100,
        init_gain: InitGain = "none",
        backend: ops.Backend = "auto",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        node = LSTMCell(
            input_size=input_size,
            hidden_size=hidden_size,
            activation=activation,
            gate_activation=gate_activation,
            bias=bias,
            learn_initial_state=learn_initial_state,
            zoneout=zoneout,
            zoneout_cell=zoneout_cell,
            weight_dropout=weight_dropout,
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
        return ops.lstm(*arrays, **choices)

    def _zoneout_rates(self) -> dict[str, float]:
        return {"zoneout_h": self.node.zoneout, "zoneout_c": self.node.zoneout_cell}
