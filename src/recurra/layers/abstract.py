"""The layer call, and what all recurrent layers share.

y, state = layer(x, state=None, *, lengths=None, valid=None, starts=None)
y_t, state = layer.step(x_t, state, *, valid=None, starts=None)
state = layer.initial_state(batch)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from recurra import ops
from recurra.errors import ShapeError, StateError
from recurra.layers.draw import kept
from recurra.layers.initialise import Initialisers, initialise
from recurra.layers.steps import one_step
from recurra.spec.cells import AbstractCell, AbstractRecurrentCell
from recurra.spec.node import AbstractNode

__all__ = ["AbstractLayer", "AbstractModule", "AbstractRecurrent", "as_state"]


class AbstractModule(nn.Module, ABC):
    """A torch module that has no attribute `step` where it cannot run one step at a time.

    Asking for the attribute then says why.
    """

    @abstractmethod
    def why_not_streaming(self) -> str | None:
        """None when one step at a time equals the whole sequence; else the reason."""

    def __getattr__(self, name: str) -> Any:
        # Reached for `step` only where the class has none, or its property refused.
        if name == "step":
            why = self.why_not_streaming()
            raise AttributeError(f"{type(self).__name__} has no step: {why}")
        return super().__getattr__(name)


class AbstractLayer(AbstractModule):
    """The base of all layers: the torch side of one node.

    Args:
        node: What the layer computes, as a value.
    """

    def __init__(self, node: AbstractNode) -> None:
        super().__init__()
        self.node = node

    @abstractmethod
    def forward(
        self,
        x: Tensor,
        state: Any = None,
        *,
        lengths: Tensor | None = None,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, Any]:
        """Run over a whole sequence or a chunk of it.

        Args:
            x: Inputs, [B, T, I].
            state: Where to begin; None: `initial_state`.
            lengths: Steps of each row that count, [B], int64, 0 <= length <= T. None: all T.
            valid: False skips a step and holds the state, [B, T], bool. None: no step is skipped.
            starts: True begins at that step from the layer's own initial state, [B, T], bool.

        Returns:
            Outputs and the state after the last step.
        """

    @abstractmethod
    def initial_state(self, batch: int) -> Any:
        """The state ahead of the first step, for `batch` rows: zero or learnt."""

    def why_not_streaming(self) -> str | None:
        """None when one step at a time equals the whole sequence; else the reason."""
        return self.node.why_not_streaming()


def as_state(layer: str, state: Any, expected: type[Any]) -> Any:
    """Give `state` back where it is the NamedTuple that `layer` takes.

    Raises:
        StateError: it is of another type.
    """
    if not isinstance(state, expected):
        raise StateError(
            f"{layer} expected a state {expected.__name__}, got {type(state).__name__}: pass what "
            "the layer returned, or initial_state(batch)"
        )
    return state


class AbstractRecurrent(AbstractLayer):
    """The base of GRU, LSTM, RNN and MinGRU: the parameters of a cell, and one call of its op.

    Args:
        node: The cell.
        how: Initial values of the parameters.
        backend: What computes the recurrence: "auto", "native", "torch" or "reference".
        device: Of the parameters.
        dtype: Of the parameters, float32 or float64.
    """

    node: AbstractCell
    state_type: ClassVar[type[Any]]
    input_weight: nn.Parameter
    input_bias: nn.Parameter
    # Of an `AbstractRecurrentCell`.
    recurrent_weight: nn.Parameter
    recurrent_bias: nn.Parameter

    def __init__(
        self,
        node: AbstractCell,
        *,
        how: Initialisers,
        backend: ops.Backend,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__(node)
        self.how = how
        self.backend = backend
        for name, shape in node.parameters().items():
            empty = torch.empty(shape, device=device, dtype=dtype)
            self.register_parameter(name, nn.Parameter(empty))
        self.reset_parameters()

    @abstractmethod
    def _op(self, *arrays: Any, **choices: Any) -> tuple[Tensor, ...]:
        """The op of the cell's family: outputs, and each state slot."""

    def _choices(self) -> dict[str, Any]:
        return {
            "activation": self.node.activation,
            "gate_activation": self.node.gate_activation,
            "backend": self.backend,
        }

    def _zoneout_rates(self) -> dict[str, float]:
        return {"zoneout_h": self.node.zoneout}

    def reset_parameters(self) -> None:
        """Draw the parameters anew, as the initialisers say."""
        initialise(self.node, dict(self.named_parameters()), self.how)

    def initial_state(self, batch: int) -> Any:
        """The state ahead of the first step, each slot [batch, H]: zero or learnt."""
        if self.node.learn_initial_state:
            slots = [getattr(self, f"initial_{name}") for name in self.node.state_fields]
            return self.state_type(*(slot.expand(batch, -1) for slot in slots))
        zeros = [
            self.input_weight.new_zeros(batch, self.node.hidden_size)
            for _ in self.node.state_fields
        ]
        return self.state_type(*zeros)

    def forward(
        self,
        x: Tensor,
        state: Any = None,
        *,
        lengths: Tensor | None = None,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
        reverse: bool = False,
    ) -> tuple[Tensor, Any]:
        """Run over a whole sequence or a chunk of it.

        Args:
            x: Inputs, [B, T, I], in the dtype of the parameters.
            state: Where to begin, each slot [B, H]; None: `initial_state`.
            lengths: Steps of each row that count, [B], int64, 0 <= length <= T. None: all T.
            valid: False skips a step: the state is held and the output repeated, [B, T], bool.
            starts: True begins at that step from the layer's own initial state, [B, T], bool.
            reverse: Read each row from its last step to its first; `state` enters at the last.

        Returns:
            Outputs [B, T, H], zero beyond `lengths`; the state after the last step read.

        Raises:
            ShapeError: names the axis, what was expected and what came.
            DTypeError: x or the state is not in the dtype of the parameters.
            StateError: the state belongs to another kind of layer.
            BackendError: the named backend cannot do this case.
        """
        arrays, choices = self._call(x, state, lengths, valid, starts, reverse)
        y, *end = self._op(*arrays, **choices)
        return y, self.state_type(*end)

    def step(
        self,
        x_t: Tensor,
        state: Any,
        *,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, Any]:
        """Run one step.

        Args:
            x_t: Input, [B, I].
            state: Each slot [B, H].
            valid: False holds the state and repeats the output, [B], bool.
            starts: True begins from the layer's own initial state, [B], bool.

        Returns:
            Output [B, H]; the state after the step.
        """
        name = type(self).__name__
        if x_t.ndim != 2:
            raise ShapeError(
                f"{name}.step expected x_t [B, I={self.node.input_size}], got {[*x_t.shape]}"
            )
        y, state = self(x_t.unsqueeze(1), state, valid=one_step(valid), starts=one_step(starts))
        return y.squeeze(1), state

    def why(self, x: Tensor, state: Any = None, **steps: Any) -> Any:
        """Which backend this very call would take, and why not the others.

        Args:
            x: As the call's, like `state`.
            state: Where to begin.
            steps: lengths, valid, starts, reverse as the call's.

        Returns:
            What `ops.why` says.
        """
        with torch.random.fork_rng(devices=[x.device] if x.is_cuda else []):
            arrays, choices = self._call(x, state, **steps)
        return ops.why(self.node.kind, *arrays, **choices)

    def _call(
        self,
        x: Tensor,
        state: Any,
        lengths: Tensor | None = None,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
        reverse: bool = False,
    ) -> tuple[list[Tensor | None], dict[str, Any]]:
        """The arrays and the choices of the op's call."""
        state = self._begin(x, state)
        arrays = [x, *state, *self._weights()]
        choices = self._choices() | {
            "lengths": lengths,
            "valid": valid,
            "starts": starts,
            "reverse": reverse,
        }
        if starts is not None and self.node.learn_initial_state:
            own = zip(self.node.state_fields, self.initial_state(len(x)), strict=True)
            choices |= {f"start_{name}": slot for name, slot in own}
        for name, rate in self._zoneout_rates().items():
            if rate:
                choices[name] = self._shares(x, rate)
        return arrays, choices

    def _weights(self) -> list[Tensor | None]:
        """Weights and biases as the op takes them, after x and the state."""
        node = self.node
        input_bias = self.input_bias if node.bias else None
        if not isinstance(node, AbstractRecurrentCell):
            return [self.input_weight, input_bias]
        weight: Tensor = self.recurrent_weight
        rate = node.weight_dropout
        if rate and self.training:
            weight = weight * (kept(weight.shape, rate, weight) / (1 - rate))
        recurrent_bias = self.recurrent_bias if node.bias else None
        return [self.input_weight, weight, input_bias, recurrent_bias]

    def _begin(self, x: Tensor, state: Any) -> Any:
        """The state to begin with, x and it checked against the cell."""
        name, node = type(self).__name__, self.node
        if x.ndim != 3 or x.shape[2] != node.input_size:
            hint = f": set input_size={x.shape[2]} or project x" if x.ndim == 3 else ""
            raise ShapeError(
                f"{name} expected x [B, T, I={node.input_size}], got {[*x.shape]}{hint}"
            )
        if state is None:
            return self.initial_state(len(x))
        slots = as_state(name, state, self.state_type)
        for field, slot in zip(node.state_fields, slots, strict=True):
            if slot.shape != (len(x), node.hidden_size):
                raise ShapeError(
                    f"{name} expected the state's {field} [B={len(x)}, H={node.hidden_size}], "
                    f"got {[*slot.shape]}"
                )
        return state

    def _shares(self, x: Tensor, zoneout: float) -> Tensor:
        """The share of the new value that each unit takes at each step, [B, T, H]."""
        shape = (x.shape[0], x.shape[1], self.node.hidden_size)
        like = self.input_weight
        if self.training:
            return kept(shape, zoneout, like)
        return like.new_full((1, 1, 1), 1.0 - zoneout).expand(shape)
