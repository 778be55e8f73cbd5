"""Recurrent layers above one another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch import Tensor, nn

from recurra.errors import ShapeError, SpecError, StateError
from recurra.layers.abstract import AbstractLayer, AbstractRecurrent, as_state
from recurra.layers.bidirectional import Bidirectional
from recurra.layers.dropout import drop
from recurra.layers.steps import check_steps, counted, one_step, zero_skipped
from recurra.spec.node import Signal
from recurra.spec.nodes import Stack as StackNode
from recurra.spec.state import StackState

__all__ = ["Stack"]


class Stack(AbstractLayer):
    """Layers above one another: each takes what the one below puts out.

    A stack that holds a Bidirectional has no `step`.

    Args:
        layers: GRU, LSTM, RNN, MinGRU or Bidirectional, from the input upwards; sizes must fit.
        dropout: Probability that a value between two layers is dropped in training; never after
            the last.
        variational: One dropout draw a sequence instead of one a step (Gal & Ghahramani 2016).
        residual: Each layer whose input and output widths agree adds its input to its output;
            at a skipped step, where nothing of the input is read, it adds nothing.

    Raises:
        SpecError: no layer, a layer that is no recurrent one or there twice, or sizes that do not
            fit.
    """

    node: StackNode

    def __init__(
        self,
        layers: Sequence[AbstractRecurrent | Bidirectional],
        *,
        dropout: float = 0.0,
        variational: bool = False,
        residual: bool = False,
    ) -> None:
        for layer in layers:
            if not isinstance(layer, AbstractRecurrent | Bidirectional):
                raise SpecError(
                    "Stack expected layers to be GRU, LSTM, RNN, MinGRU or Bidirectional, "
                    f"got {type(layer).__name__}"
                )
        node = StackNode(
            layers=tuple(layer.node for layer in layers),
            dropout=dropout,
            variational=variational,
            residual=residual,
        )
        if len(set(layers)) < len(layers):
            raise SpecError("Stack got the same layer twice: give each its own weights")
        first = Signal("steps", _input_size(layers[0]))
        node.output((first,))
        super().__init__(node)
        self.layers = nn.ModuleList(layers)
        # What goes into each layer, and what comes out of the last.
        self.widths = [first.size]
        for layer in layers:
            self.widths.append(layer.node.output((Signal("steps", self.widths[-1]),)).size)

    def initial_state(self, batch: int) -> StackState:
        """The states with which the layers begin."""
        return StackState(tuple(layer.initial_state(batch) for layer in self.each()))

    def forward(
        self,
        x: Tensor,
        state: StackState | None = None,
        *,
        lengths: Tensor | None = None,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, StackState]:
        """Run over a whole sequence or a chunk of it; arguments as a cell's.

        Returns:
            Outputs of the last layer [B, T, H], zero beyond `lengths`; one state a layer.
        """
        counts = None
        if self.node.residual:
            check_steps("Stack", x.shape[0], x.shape[1], lengths=lengths, valid=valid)
            counts = counted(x, lengths, valid)
        states = self._states(state)
        ends = []
        for k, layer in enumerate(self.layers):
            y, end = layer(x, states[k], lengths=lengths, valid=valid, starts=starts)
            ends.append(end)
            if self.node.residual and self.widths[k] == self.widths[k + 1]:
                y = y + zero_skipped(x, counts)
            if k + 1 < len(self.layers):
                y = drop(y, self.node.dropout, self.node.variational, self.training)
            x = y
        return x, StackState(tuple(ends))

    @property
    def step(self) -> Callable[..., tuple[Tensor, StackState]]:
        """Run one step: x_t [B, I], state, valid [B], starts [B] -> output [B, H], state.

        Raises:
            AttributeError: the stack holds a Bidirectional, which cannot run one step at a time.
        """
        if self.node.why_not_streaming() is not None:
            raise AttributeError
        return self._step

    def _step(
        self,
        x_t: Tensor,
        state: StackState | None,
        *,
        valid: Tensor | None = None,
        starts: Tensor | None = None,
    ) -> tuple[Tensor, StackState]:
        if x_t.ndim != 2:
            raise ShapeError(f"Stack.step expected x_t [B, I={self.widths[0]}], got {[*x_t.shape]}")
        y, end = self.forward(
            x_t.unsqueeze(1), state, valid=one_step(valid), starts=one_step(starts)
        )
        return y.squeeze(1), end

    def why(self, x: Tensor, state: StackState | None = None, **steps: Any) -> list[Any]:
        """What `why` of each layer says, from the input upwards."""
        answers = []
        for k, layer in enumerate(self.each()):
            answers.append(layer.why(x, self._states(state)[k], **steps))
            x = x.new_zeros(x.shape[0], x.shape[1], self.widths[k + 1])
        return answers

    def each(self) -> Iterator[AbstractRecurrent | Bidirectional]:
        """The layers from the input upwards."""
        for layer in self.layers:
            assert isinstance(layer, AbstractRecurrent | Bidirectional)
            yield layer

    def _states(self, state: StackState | None) -> tuple[Any, ...]:
        if state is None:
            return (None,) * len(self.layers)
        layers = as_state("Stack", state, StackState).layers
        if len(layers) != len(self.layers):
            raise StateError(
                f"Stack expected the states of {len(self.layers)} layers, got {len(layers)}"
            )
        return tuple(layers)


def _input_size(layer: AbstractRecurrent | Bidirectional) -> int:
    cell = layer.forward_cell if isinstance(layer, Bidirectional) else layer
    return cell.node.input_size
