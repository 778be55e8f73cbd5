"""The recurrent cells as values: sizes, choices, gates, parameters and state of one layer.

Gate blocks are stacked along the first axis of every weight in the order of `gates`. The update
convention of the GRU is h_t = h_{t-1} + z_t * (n_t - h_{t-1}): z = 0 holds the state
(Chung et al. 2014); PyTorch, Keras, ONNX and cuDNN write z the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from recurra.errors import SpecError
from recurra.spec.node import AbstractNode, Signal

__all__ = [
    "ACTIVATIONS",
    "RESETS",
    "AbstractCell",
    "Activation",
    "GRUCell",
    "LSTMCell",
    "RNNCell",
    "Reset",
]

Reset = Literal["after", "before", "none"]
Activation = Literal["tanh", "relu", "sigmoid", "hard_sigmoid", "hard_tanh", "softsign", "identity"]
RESETS: tuple[Reset, ...] = ("after", "before", "none")
# hard_sigmoid is clip(x / 6 + 1 / 2, 0, 1), as in PyTorch and Keras 3; hard_tanh is clip(x, -1, 1).
ACTIVATIONS: tuple[Activation, ...] = (
    "tanh",
    "relu",
    "sigmoid",
    "hard_sigmoid",
    "hard_tanh",
    "softsign",
    "identity",
)


@dataclass(frozen=True, kw_only=True)
class AbstractCell(AbstractNode):
    """One recurrent layer, one direction: x [B, T, I] -> y [B, T, H], y_t = h_t.

    Args:
        input_size: I, at least 1.
        hidden_size: H, at least 1.
        activation: Of the candidate (and of the LSTM's output).
        gate_activation: Of the gates; `RNNCell` has no gate and ignores it.
        bias: Two bias vectors, input and recurrent; False: none.
        learn_initial_state: The initial state is a parameter; False: zero.
        zoneout: Probability that a unit of h keeps its previous value in training; at inference
            the expectation h_{t-1} + (1 - zoneout) * (h_new - h_{t-1}) (Krueger et al. 2017).
        weight_dropout: Training only: probability of dropping a recurrent weight
            (Merity et al. 2018).
    """

    input_size: int
    hidden_size: int
    activation: Activation = "tanh"
    gate_activation: Activation = "sigmoid"
    bias: bool = True
    learn_initial_state: bool = False
    zoneout: float = 0.0
    weight_dropout: float = 0.0

    arity: ClassVar[int] = 1
    state_fields: ClassVar[tuple[str, ...]] = ("h",)

    def __post_init__(self) -> None:
        self._require_positive("input_size", "hidden_size")
        self._require_choice("activation", ACTIVATIONS)
        self._require_choice("gate_activation", ACTIVATIONS)
        self._require_rate("zoneout", "weight_dropout")

    @property
    def gates(self) -> tuple[str, ...]:
        """The gates in the order in which the weights stack them."""
        raise SpecError(f"{type(self).__name__} names no gates")

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every parameter; G gates stacked along the first axis."""
        rows = len(self.gates) * self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {
            "input_weight": (rows, self.input_size),
            "recurrent_weight": (rows, self.hidden_size),
        }
        if self.bias:
            shapes |= {"input_bias": (rows,), "recurrent_bias": (rows,)}
        if self.learn_initial_state:
            shapes |= {f"initial_{field}": (self.hidden_size,) for field in self.state_fields}
        return shapes

    def state_slots(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of each state slot, the batch axis left out."""
        return dict.fromkeys(self.state_fields, (self.hidden_size,))

    def output(self, inputs: tuple[Signal, ...]) -> Signal:
        """Steps of I floats become steps of H floats."""
        self._require_steps(inputs, self.input_size)
        return Signal("steps", self.hidden_size)


@dataclass(frozen=True, kw_only=True)
class GRUCell(AbstractCell):
    """The gated recurrent unit, in three published forms.

        r_t = s(W_r x_t + b_r + U_r h_{t-1} + c_r)          (s: gate_activation, f: activation)
        z_t = s(W_z x_t + b_z + U_z h_{t-1} + c_z)
        after:  n_t = f(W_n x_t + b_n + r_t * (U_n h_{t-1} + c_n))
        before: n_t = f(W_n x_t + b_n + U_n (r_t * h_{t-1}) + c_n)
        none:   n_t = f(W_n x_t + b_n + U_n h_{t-1} + c_n)         (no reset gate at all)
        h_t = h_{t-1} + z_t * (n_t - h_{t-1})

    Source: Cho et al. 2014, arXiv:1406.1078 (before); Chung et al. 2014, arXiv:1412.3555, eq. 3-6.
    """

    kind: ClassVar[str] = "gru"
    reset: Reset = "after"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_choice("reset", RESETS)

    @property
    def gates(self) -> tuple[str, ...]:
        """Reset (unless there is none), update, candidate."""
        return ("update", "candidate") if self.reset == "none" else ("reset", "update", "candidate")


@dataclass(frozen=True, kw_only=True)
class LSTMCell(AbstractCell):
    """The long short-term memory, without peepholes.

        i_t, f_t, o_t = s(W x_t + b + U h_{t-1} + c), each with its own block of rows
        g_t = a(W_g x_t + b_g + U_g h_{t-1} + c_g)           (a: activation, s: gate_activation)
        c_t = f_t * c_{t-1} + i_t * g_t
        h_t = o_t * a(c_t)

    Args:
        zoneout_cell: As `zoneout`, for c.

    Source: Hochreiter & Schmidhuber 1997; Gers et al. 2000 (the forget gate).
    """

    kind: ClassVar[str] = "lstm"
    state_fields: ClassVar[tuple[str, ...]] = ("h", "c")
    zoneout_cell: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_rate("zoneout_cell")

    @property
    def gates(self) -> tuple[str, ...]:
        """Input, forget, cell (the candidate), output: PyTorch's and Keras' order."""
        return ("input", "forget", "cell", "output")


@dataclass(frozen=True, kw_only=True)
class RNNCell(AbstractCell):
    """The simple recurrent network: h_t = f(W x_t + b + U h_{t-1} + c) (Elman 1990)."""

    kind: ClassVar[str] = "rnn"

    @property
    def gates(self) -> tuple[str, ...]:
        """The candidate only."""
        return ("candidate",)
