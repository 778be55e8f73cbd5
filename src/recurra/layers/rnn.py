"""The simple recurrent network as a layer."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from recurra import ops
from recurra.layers.abstract import AbstractRecurrent
from recurra.layers.initialise import BiasInit, InitGain, Initialisers, InputInit, RecurrentInit
from recurra.spec.cells import Activation, RNNCell
from recurra.spec.state import RNNState

__all__ = ["RNN"]


class RNN(AbstractRecurrent):
    """One simple recurrent layer, one direction: x [B, T, I] -> y [B, T, H], y_t = h_t.

        h_t = f(W x_t + b + U h_{t-1} + c)

    Args:
        input_size: I.
        hidden_size: H.
        activation: f; "relu" with recurrent_init="identity" makes an IRNN (Le et al. 2015).
        bias: Two bias vectors, input and recurrent.
        learn_initial_state: The initial state is a parameter; False: zero.
        zoneout: Probability that a unit keeps its previous value in training; at inference the
            expectation (Krueger et al. 2017).
        weight_dropout: Probability that a recurrent weight is dropped in training, one draw a
            call (Merity et al. 2018).
        input_init: As in `Initialisers`, like the three below.
        recurrent_init: Of the recurrent weight.
        bias_init: "zeros": there is no gate that another choice could open or close.
        chrono_length: Of no effect without a gate; the same arguments fit every cell.
        init_gain: Of the weights, as in `Initialisers`.
        backend: What computes the recurrence: "auto", "native", "torch" or "reference".
        device: Of the parameters.
        dtype: Of the parameters, float32 or float64.

    Raises:
        SpecError: a value is out of its range, or values contradict each other.

    Source: Elman 1990.
    """

    node: RNNCell
    state_type: ClassVar[type[RNNState[Tensor]]] = RNNState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        activation: Activation = "tanh",
        bias: bool = True,
        learn_initial_state: bool = False,
        zoneout: float = 0.0,
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
        node = RNNCell(
            input_size=input_size,
            hidden_size=hidden_size,
            activation=activation,
            bias=bias,
            learn_initial_state=learn_initial_state,
            zoneout=zoneout,
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
        return ops.rnn(*arrays, **choices)

    def _choices(self) -> dict[str, Any]:
        return {"activation": self.node.activation, "backend": self.backend}
