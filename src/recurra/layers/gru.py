"""The gated recurrent unit as a layer."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from recurra import ops
from recurra.layers.abstract import AbstractRecurrent
from recurra.layers.initialise import BiasInit, InitGain, Initialisers, InputInit, RecurrentInit
from recurra.spec.cells import Activation, GRUCell, Reset
from recurra.spec.state import GRUState

__all__ = ["GRU"]


class GRU(AbstractRecurrent):
    """One layer of gated recurrent units, one direction: x [B, T, I] -> y [B, T, H], y_t = h_t.

        r_t = s(W_r x_t + b_r + U_r h_{t-1} + c_r)
        z_t = s(W_z x_t + b_z + U_z h_{t-1} + c_z)
        n_t = f(W_n x_t + b_n + r_t * (U_n h_{t-1} + c_n))      (reset="after")
        h_t = h_{t-1} + z_t * (n_t - h_{t-1})                   (z = 0 holds the state)

    Args:
        input_size: I.
        hidden_size: H.
        reset: Where the reset gate acts: "after" the recurrent product (cuDNN, PyTorch), "before"
            it (Cho et al. 2014), or "none": there is no reset gate.
        activation: f, of the candidate.
        gate_activation: s, of the gates.
        bias: Two bias vectors, input and recurrent.
        learn_initial_state: The initial state is a parameter; False: zero.
        zoneout: Probability that a unit keeps its previous value in training; at inference the
            expectation (Krueger et al. 2017).
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

    Source: `recurra.spec.cells.GRUCell`.
    """

    node: GRUCell
    state_type: ClassVar[type[GRUState[Tensor]]] = GRUState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        reset: Reset = "after",
        activation: Activation = "tanh",
        gate_activation: Activation = "sigmoid",
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
        node = GRUCell(
            input_size=input_size,
            hidden_size=hidden_size,
            reset=reset,
            activation=activation,
            gate_activation=gate_activation,
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

    def fading(
        self,
        x: Tensor,
        state: GRUState[Tensor],
        decay: Tensor,
        *,
        lengths: Tensor | None = None,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, GRUState[Tensor]]:
        """As a call, with h_{t-1} multiplied by `decay` wherever step t reads it.

        Args:
            x: As the call's, like what is not named here.
            state: Where to begin.
            decay: [B, T, H]; at skipped steps it is not read.
            lengths: Steps of each row that count.
            valid: False skips a step.
            starts: True begins anew at that step.

        Source: Che et al. 2018, arXiv:1606.01865, eq. 12.
        """
        arrays, choices = self._call(x, state, lengths, valid, starts)
        y, h = self._op(*arrays, **choices, decay=decay)
        return y, GRUState(h)

    def _op(self, *arrays: Any, **choices: Any) -> tuple[Tensor, ...]:
        return ops.gru(*arrays, **choices)

    def _choices(self) -> dict[str, Any]:
        return super()._choices() | {"reset": self.node.reset}
