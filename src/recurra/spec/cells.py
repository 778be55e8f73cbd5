"""The recurrent cells as values: sizes, choices, gates, parameters and state of one layer.

Gate blocks are stacked along the first axis of every weight in the order of `gates`. The update
convention of the GRU is h_t = h_{t-1} + z_t * (n_t - h_{t-1}): z = 0 holds the state
(Chung et al. 2014); PyTorch, Keras, ONNX and cuDNN write z the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Literal

from recurra.errors import SpecError
from recurra.spec.node import AbstractNode, Signal

__all__ = [
    "ACTIVATIONS",
    "CELLS",
    "RESETS",
    "AbstractCell",
    "AbstractRecurrentCell",
    "Activation",
    "GRUCell",
    "LSTMCell",
    "MinGRUCell",
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
    """One layer with a state, one direction: x [B, T, I] -> y [B, T, H], y_t = h_t.

    `family` names the kernel family that computes it (`spec/kernel.py`).

    Args:
        input_size: I, at least 1.
        hidden_size: H, at least 1.
        activation: Of the candidate (and of the LSTM's output).
        gate_activation: Of the gates; `RNNCell` has no gate and ignores it.
        bias: A bias vector for each weight; False: none.
        learn_initial_state: The initial state is a parameter; False: zero.
        zoneout: Probability that a unit of h keeps its previous value in training; at inference
            the expectation h_{t-1} + (1 - zoneout) * (h_new - h_{t-1}) (Krueger et al. 2017).
    """

    input_size: int
    hidden_size: int
    activation: Activation = "tanh"
    gate_activation: Activation = "sigmoid"
    bias: bool = True
    learn_initial_state: bool = False
    zoneout: float = 0.0

    family: ClassVar[str]
    arity: ClassVar[int] = 1
    state_fields: ClassVar[tuple[str, ...]] = ("h",)

    def __post_init__(self) -> None:
        self._require_positive("input_size", "hidden_size")
        self._require_choice("activation", ACTIVATIONS)
        self._require_choice("gate_activation", ACTIVATIONS)
        self._require_rate("zoneout")

    @property
    def gates(self) -> tuple[str, ...]:
        """The gates in the order in which the weights stack them."""
        raise SpecError(f"{type(self).__name__} names no gates")

    def _sources(self) -> dict[str, int]:
        """What the gates read, and its width: each has a weight and, with bias, a bias."""
        return {"input": self.input_size}

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every parameter; G gates stacked along the first axis."""
        rows, sources = len(self.gates) * self.hidden_size, self._sources()
        shapes: dict[str, tuple[int, ...]] = {
            f"{source}_weight": (rows, width) for source, width in sources.items()
        }
        if self.bias:
            shapes |= {f"{source}_bias": (rows,) for source in sources}
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
class AbstractRecurrentCell(AbstractCell):
    """A cell whose gates read the previous state beside the input, through weights of its own.

    Args:
        weight_dropout: Training only: probability of dropping a recurrent weight
            (Merity et al. 2018).
    """

    weight_dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_rate("weight_dropout")

    def _sources(self) -> dict[str, int]:
        return super()._sources() | {"recurrent": self.hidden_size}


@dataclass(frozen=True, kw_only=True)
class GRUCell(AbstractRecurrentCell):
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
    family: ClassVar[str] = "gru"
    reset: Reset = "after"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_choice("reset", RESETS)

    @property
    def gates(self) -> tuple[str, ...]:
        """Reset (unless there is none), update, candidate."""
        return ("update", "candidate") if self.reset == "none" else ("reset", "update", "candidate")


@dataclass(frozen=True, kw_only=True)
class LSTMCell(AbstractRecurrentCell):
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
    family: ClassVar[str] = "lstm"
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
class RNNCell(AbstractRecurrentCell):
    """The simple recurrent network: h_t = f(W x_t + b + U h_{t-1} + c) (Elman 1990)."""

    kind: ClassVar[str] = "rnn"
    family: ClassVar[str] = "rnn"

    @property
    def gates(self) -> tuple[str, ...]:
        """The candidate only."""
        return ("candidate",)


@dataclass(frozen=True, kw_only=True)
class MinGRUCell(AbstractCell):
    """The minimal GRU: its gates read the input alone, so no product stands between two steps.

        z_t = s(W_z x_t + b_z)                                (s: gate_activation)
        n_t = f(W_n x_t + b_n)                                (f: activation, the identity as first)
        h_t = h_{t-1} + z_t * (n_t - h_{t-1})

    In linear space, so the state may have either sign; not the paper's form in logarithms.

    Source: Feng et al. 2024, arXiv:2410.01201, section 3.1.
    """

    kind: ClassVar[str] = "mingru"
    family: ClassVar[str] = "scan"
    activation: Activation = "identity"

    @property
    def gates(self) -> tuple[str, ...]:
        """Update, candidate."""
        return ("update", "candidate")


CELLS: Mapping[str, type[AbstractCell]] = MappingProxyType(
    {cell.kind: cell for cell in (GRUCell, LSTMCell, RNNCell, MinGRUCell)}
)
