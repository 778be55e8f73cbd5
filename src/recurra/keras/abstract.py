"""What the three layers share: which of two ways computes the loop over time, and its outputs."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import keras

from recurra.errors import SettingsError, ShapeError
from recurra.keras.masked import outputs_of
from recurra.keras.names import refuse_names, word_of

__all__ = ["AbstractRecurrent"]


class AbstractRecurrent(ABC):
    """The loop over time of a Keras recurrent layer; a base beside `keras.layers.GRU` and its like.

    Keras' own class holds the arguments, the weights, the states and the config. This one replaces
    `inner_loop`, where Keras' layer either leaves for a Python loop or calls its backend.
    """

    # Of the layer that this stands beside.
    cell: Any
    go_backwards: bool
    unroll: bool
    stateful: bool
    zero_output_for_mask: bool

    def __init__(self, *arguments: Any, **more: Any) -> None:
        try:
            super().__init__(*arguments, **more)
        except ValueError:
            # Looked at only now: making an initialiser of a name draws a seed.
            given = inspect.signature(super().__init__).bind_partial(*arguments, **more).arguments
            refuse_names(type(self).__name__, {**given, **given.get("kwargs", {})})
            raise

    @abstractmethod
    def _ways(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """On torch: what runs the loop on our kernels, and what makes a step of a loop."""

    def why(self, training: bool = False) -> str:
        """What computes a call of this layer, and if not our kernels, why not.

        Args:
            training: As the call's: some kinds of dropout are not the kernels'.
        """
        reason = self._why_not(training)
        if keras.backend.backend() != "torch":
            return f"Keras' own loop, since {reason}"
        return "recurra's kernels" if reason is None else f"a loop in PyTorch, since {reason}"

    def _why_not(self, training: bool) -> str | None:
        """None: our kernels compute it; else the reason why not."""
        if keras.backend.backend() != "torch":
            return f"Keras runs on {keras.backend.backend()}, and the kernels are torch's"
        for name in ("activation", "recurrent_activation"):
            if hasattr(self.cell, name) and word_of(getattr(self.cell, name)) is None:
                given = getattr(self.cell, name)
                return f"no kernel has {name}={getattr(given, '__name__', given)}"
        if training and self._draws_for_each_gate():
            return "its dropout draws anew for each gate"
        return None

    def _draws_for_each_gate(self) -> bool:
        return hasattr(self.cell, "dropout_mask_count") and any(map(self._drops_at, self._rates()))

    def _rates(self) -> tuple[float, float]:
        return self.cell.dropout, self.cell.recurrent_dropout

    def _drops_at(self, rate: float) -> bool:
        # At a rate of 1 Keras' SimpleRNN drops everything, the cells of its GRU and LSTM nothing.
        return rate > 0.0 and (rate < 1.0 or not hasattr(self.cell, "recurrent_activation"))

    def _drops_all(self, mask: Any) -> bool:
        """Whether Keras' loop ahead of its cells runs, which at a rate of 1 drops every input."""
        if mask is not None or self.cell.recurrent_dropout or self.cell.dropout < 1.0:
            return False
        tried = getattr(self, "use_cudnn", False) is not False
        return tried and bool(getattr(self.cell, "reset_after", True))

    def _drops(self, training: bool, mask: Any) -> tuple[Any, Any]:
        """What multiplies inputs and state in this call, as Keras drew it: one, or one a gate."""
        drawn = (self.cell._dropout_mask, self.cell._recurrent_dropout_mask)
        inputs, state = (training and self._drops_at(rate) for rate in self._rates())
        inputs = inputs or (training and self._drops_all(mask))
        return drawn[0] if inputs else None, drawn[1] if state else None

    def _check_shapes(self, sequences: Any, states: Sequence[Any], mask: Any) -> None:
        name, (batch, time, inputs) = type(self).__name__, sequences.shape
        expected = self.cell.kernel.shape[0]
        if inputs != expected:
            raise ShapeError(
                f"{name} expected x [B, T, I={expected}], got {list(sequences.shape)}: it was "
                "built for inputs of that size"
            )
        for state in states:
            if tuple(state.shape) != (batch, self.cell.units):
                raise ShapeError(
                    f"{name} expected an initial_state [B={batch}, H={self.cell.units}] beside x "
                    f"{list(sequences.shape)}, got {list(state.shape)}"
                )
        if mask is not None and tuple(mask.shape) != (batch, time):
            raise ShapeError(
                f"{name} expected a mask [B={batch}, T={time}], got {list(mask.shape)}: true at "
                "the steps that count"
            )

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> tuple[Any, Any, Any]:
        """Run over time, as `keras.layers.RNN` calls it.

        Args:
            sequences: Inputs, [B, T, I].
            initial_state: One array [B, H] for each state.
            mask: True at the steps that count, [B, T] or [B, T, 1], or None.
            training: Whether dropout acts.

        Returns:
            The last output [B, H]; all outputs [B, T, H], in the order in which they were computed;
            the states after.

        Raises:
            SettingsError: cuDNN was asked for.
            ShapeError: inputs, a state or the mask do not fit; says what was expected.
        """
        if keras.backend.backend() != "torch":
            # There the backend compiles Keras' own loop, and nothing that was tried is faster.
            found: tuple[Any, Any, Any] = super().inner_loop(  # type: ignore[misc]  # Keras' class
                sequences, initial_state, mask, training=training
            )
            return found
        if getattr(self, "use_cudnn", "auto") is True:
            raise SettingsError(
                f"{type(self).__name__} was given use_cudnn=True, and runs on recurra's kernels, "
                'not on cuDNN: leave it at "auto"'
            )
        states = list(keras.tree.flatten(initial_state))
        if self.stateful:
            # The layer's own variables take the new states in place, which no gradient may see.
            states = [keras.ops.copy(state) for state in states]
        mask = keras.tree.flatten(mask)[0] if mask is not None else None
        if mask is not None and len(mask.shape) == 3:
            mask = keras.ops.squeeze(mask, -1)
        if mask is not None:
            mask = keras.ops.cast(mask, "bool")
        self._check_shapes(sequences, states, mask)
        if sequences.is_meta:
            # Only shapes are asked for.
            y = sequences.new_empty(*sequences.shape[:2], self.cell.units)
            return y[:, -1], y, states
        kernels, step = self._ways()
        drops = self._drops(training, mask)
        if self._why_not(training) is None:
            y, after = kernels(self, sequences, states, mask, *drops)
        else:
            from recurra.keras.scan import scanned

            y, after = scanned(step(self.cell, *drops), sequences, states, mask, self.go_backwards)
        y = outputs_of(
            y,
            mask,
            go_backwards=self.go_backwards,
            zeros=self.zero_output_for_mask,
        )
        return y[:, -1], y, after
