"""The nodes that are not cells: embedding, linear, stack, bidirectional, GRU-D, pool, dropout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recurra.errors import SpecError
from recurra.spec.cells import AbstractCell, GRUCell
from recurra.spec.node import AbstractNode, Signal

__all__ = ["GRUD", "POOLS", "Bidirectional", "Dropout", "Embedding", "Linear", "Pool", "Stack"]

# In this order they are concatenated along the last axis.
POOLS = ("last", "mean", "max")


@dataclass(frozen=True, kw_only=True)
class Embedding(AbstractNode):
    """Tokens [B, T] -> rows of `weight` [B, T, size]; token 0 is padding or unknown by custom."""

    kind: ClassVar[str] = "embedding"
    tokens: int
    size: int

    def __post_init__(self) -> None:
        self._require_positive("tokens", "size")

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """`weight` [tokens, size]."""
        return {"weight": (self.tokens, self.size)}

    def output(self, inputs: tuple[Signal, ...]) -> Signal:
        """Tokens become vectors."""
        if inputs != (Signal("steps", self.tokens, "token"),):
            raise SpecError(
                f"embedding expected {Signal('steps', self.tokens, 'token')}, "
                f"got {', '.join(map(str, inputs)) or 'nothing'}"
            )
        return Signal("steps", self.size)


@dataclass(frozen=True, kw_only=True)
class Linear(AbstractNode):
    """y = W x + b along the last axis of steps or rows; weight [output_size, input_size]."""

    kind: ClassVar[str] = "linear"
    input_size: int
    output_size: int
    bias: bool = True

    def __post_init__(self) -> None:
        self._require_positive("input_size", "output_size")

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """`weight` [output_size, input_size] and, with bias, `bias` [output_size]."""
        shapes: dict[str, tuple[int, ...]] = {"weight": (self.output_size, self.input_size)}
        return shapes | {"bias": (self.output_size,)} if self.bias else shapes

    def output(self, inputs: tuple[Signal, ...]) -> Signal:
        """The last axis changes its size, the others stay."""
        if len(inputs) != 1 or inputs[0].dtype != "float" or inputs[0].size != self.input_size:
            raise SpecError(
                f"linear expected a last axis of {self.input_size}, "
                f"got {', '.join(map(str, inputs)) or 'nothing'}"
            )
        return Signal(inputs[0].axes, self.output_size)


@dataclass(frozen=True, kw_only=True)
class Bidirectional(AbstractNode):
    """Two cells over the same steps, the second from each row's end; outputs concatenated.

    x [B, T, I] -> y [B, T, 2H]: the forward cell's output, then the backward cell's. The backward
    cell reads each row from its own last valid step, so padding takes no part.
    """

    kind: ClassVar[str] = "bidirectional"
    forward: AbstractCell
    backward: AbstractCell

    def __post_init__(self) -> None:
        if self.forward.input_size != self.backward.input_size:
            raise SpecError(
                f"bidirectional: forward takes I={self.forward.input_size}, "
                f"backward I={self.backward.input_size}; give both the same input_size"
            )

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Those of both cells under `forward.` and `backward.`."""
        return {
            f"{side}.{name}": shape
            for side, cell in (("forward", self.forward), ("backward", self.backward))
            for name, shape in cell.parameters().items()
        }

    def state_slots(self) -> dict[str, tuple[int, ...]]:
        """Those of both cells under `forward.` and `backward.`."""
        return {
            f"{side}.{name}": shape
            for side, cell in (("forward", self.forward), ("backward", self.backward))
            for name, shape in cell.state_slots().items()
        }

    def why_not_streaming(self) -> str | None:
        """It never streams."""
        return (
            "the backward direction begins at a sequence's last step, which a stream has not seen "
            "yet; train without bidirectional to stream"
        )

    def output(self, inputs: tuple[Signal, ...]) -> Signal:
        """Steps of I floats become steps of H + H floats."""
        sides = (self.forward.output(inputs), self.backward.output(inputs))
        return Signal("steps", sides[0].size + sides[1].size)


@dataclass(frozen=True, kw_only=True)
class Stack(AbstractNode):
    """Recurrent layers above one another.

    Args:
        layers: Cells or Bidirectionals, from the input upwards.
        dropout: Training only: between layers, never after the last.
        variational: Training only: one dropout draw a sequence instead of one a step
            (Gal & Ghahramani 2016).
        residual: Each layer whose input and output widths agree adds its input to its output.
    """

    kind: ClassVar[str] = "stack"
    layers: tuple[AbstractNode, ...]
    dropout: float = 0.0
    variational: bool = False
    residual: bool = False

    def __post_init__(self) -> None:
        self._require_rate("dropout")
        if not self.layers:
            raise SpecError("stack: layers must hold at least one layer, got none")
        for layer in self.layers:
            if not isinstance(layer, AbstractCell | Bidirectional):
                raise SpecError(f"stack: layers are cells or bidirectionals, got {layer.kind!r}")

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Those of layer k under `layers.k.`."""
        return {
            f"layers.{k}.{name}": shape
            for k, layer in enumerate(self.layers)
            for name, shape in layer.parameters().items()
        }

    def state_slots(self) -> dict[str, tuple[int, ...]]:
        """Those of layer k under `layers.k.`."""
        return {
            f"layers.{k}.{name}": shape
            for k, layer in enumerate(self.layers)
            for name, shape in layer.state_slots().items()
        }

    def why_not_streaming(self) -> str | None:
        """The first layer's reason, if one has any."""
        reasons = (layer.why_not_streaming() for layer in self.layers)
        return next((reason for reason in reasons if reason is not None), None)

    def output(self, inputs: tuple[Signal, ...]) -> Signal:
        """Each layer takes what the one below puts out."""
        signals = inputs
        for k, layer in enumerate(self.layers):
            try:
                signals = (layer.output(signals),)
            except SpecError as error:
                raise SpecError(f"layer {k}: {error}") from None
        return signals[0]


@dataclass(frozen=True, kw_only=True)
class GRUD(AbstractNode):
    """A GRU over series with missing values, which forgets as time passes unobserved.

        since_t = elapsed_t + (0 where feature was observed at t-1, else since_{t-1})
        fade_t  = exp(-max(0, w * since_t + b))                     of each feature
        x'_t    = x_t where observed, else fade_t * last_t + (1 - fade_t) * mean
        h'_t    = exp(-max(0, W since_t + c)) * h_{t-1}
        h_t     = GRU([x'_t, observed_t], h'_t)

    Three inputs: x [B, T, C], read where observed; observed [B, T, C], not 0 where there is a
    value; elapsed [B, T, 1], time since the step before in any one unit.

    Args:
        cell: The GRU; I = 2 C: the C values, then their C flags. The paper's has reset="before".

    Source: Che et al. 2018, arXiv:1606.01865, eq. 2-3, 10-16.
    """

    kind: ClassVar[str] = "grud"
    arity: ClassVar[int] = 3
    cell: AbstractCell

    def __post_init__(self) -> None:
        if not isinstance(self.cell, GRUCell):
            raise SpecError(f"grud: cell must be a gru, got {self.cell.kind!r}")
        if self.cell.input_size % 2:
            raise SpecError(
                "grud: the cell reads values and as many flags, so its input_size is even; got "
                f"{self.cell.input_size}"
            )

    @property
    def features(self) -> int:
        """C."""
        return self.cell.input_size // 2

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """The two decays', `mean` [C], which is not learnt, and the cell's under `cell.`."""
        features, hidden = self.features, self.cell.hidden_size
        return {
            "input_decay_weight": (features,),
            "input_decay_bias": (features,),
            "hidden_decay_weight": (hidden, features),
            "hidden_decay_bias": (hidden,),
            "mean": (features,),
        } | {f"cell.{name}": shape for name, shape in self.cell.parameters().items()}

    def state_slots(self) -> dict[str, tuple[int, ...]]:
        """`h` [H]; of each feature the `last` value and the time `since` it, [C]."""
        features = (self.features,)
        return {"h": (self.cell.hidden_size,), "last": features, "since": features}

    def output(self, inputs: tuple[Signal, ...]) -> Signal:
        """Steps of C values, C flags and a time become steps of H floats."""
        values = Signal("steps", self.features)
        if inputs != (values, values, Signal("steps", 1)):
            came = ", ".join(map(str, inputs)) or "nothing"
            raise SpecError(
                f"grud expected {values}, {values} and {Signal('steps', 1)}, got {came}"
            )
        return Signal("steps", self.cell.hidden_size)


@dataclass(frozen=True, kw_only=True)
class Pool(AbstractNode):
    """Steps [B, T, size] -> one row [B, size * len(modes)] over the valid steps so far.

    last: the newest valid step; mean: their sum (taken in the order of time) over their number;
    max: their maximum. No valid step yet: zeros. All three stream: what comes out after step t
    is the pool of the steps up to t.
    """

    kind: ClassVar[str] = "pool"
    size: int
    modes: tuple[str, ...] = ("last",)

    def __post_init__(self) -> None:
        self._require_positive("size")
        if not self.modes or len(set(self.modes)) != len(self.modes):
            raise SpecError(f"pool: modes must be different and at least one, got {self.modes}")
        unknown = [mode for mode in self.modes if mode not in POOLS]
        if unknown:
            raise SpecError(f"pool: modes must be among {', '.join(POOLS)}; got {unknown[0]!r}")

    def state_slots(self) -> dict[str, tuple[int, ...]]:
        """`seen` [1], the number of valid steps; `last`, `mean` (the sum), `max` as chosen."""
        slots: dict[str, tuple[int, ...]] = {"seen": (1,)}
        return slots | {mode: (self.size,) for mode in POOLS if mode in self.modes}

    def output(self, inputs: tuple[Signal, ...]) -> Signal:
        """Steps become one row."""
        self._require_steps(inputs, self.size)
        return Signal("row", self.size * len(self.modes))


@dataclass(frozen=True, kw_only=True)
class Dropout(AbstractNode):
    """Training only; the identity at inference.

    Args:
        rate: Probability of dropping a value.
        variational: One draw a sequence instead of one a step.
    """

    kind: ClassVar[str] = "dropout"
    rate: float
    variational: bool = False

    def __post_init__(self) -> None:
        self._require_rate("rate")

    def output(self, inputs: tuple[Signal, ...]) -> Signal:
        """What comes in."""
        if len(inputs) != 1 or inputs[0].dtype != "float":
            came = ", ".join(map(str, inputs)) or "nothing"
            raise SpecError(f"dropout expected one float signal, got {came}")
        return inputs[0]
