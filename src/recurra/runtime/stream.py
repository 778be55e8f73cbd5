"""Many streams of one network side by side, without codec and decoder: numbers in, numbers out.

    stream = network.stream(streams=64)
    y = stream.feed(x)                 # x [64, I] -> y [64, O]
    stream.feed(x, out=y)              # the same; makes no array
    y = stream.feed({"x": x, "observed": observed, "elapsed": elapsed})    # of several inputs

What comes out of step t is, to the bit, what the network gives for the whole sequence up to t.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recurra.errors import DTypeError, ShapeError, SpecError, StateError
from recurra.runtime.slots import by_path, matching
from recurra.spec.node import Signal
from recurra.spec.state import map_arrays

if TYPE_CHECKING:
    from recurra.runtime.network import Network

__all__ = ["Stream"]

Array = npt.NDArray[Any]
_TWO_THREADS = "another thread is in this stream: give each thread streams of its own"


class Stream:
    """The state of N streams, and the step that moves all of them; `Network.stream` makes them.

    The state is held twice: a step reads one copy and writes the other, so a step that is refused,
    or advanced but not accepted, leaves every byte as it was. One thread at a time.

    Args:
        network: Shared by all its streams.
        streams: N, at least 1.
        output: Which of the graph's outputs comes out; None: the only one.
        threads: At most so many share a step; 0: one for each processor. Small work takes fewer.

    Raises:
        SpecError: the graph cannot run one step at a time, or an argument names nothing.
    """

    def __init__(
        self, network: Network, streams: int = 1, *, output: str | None = None, threads: int = 1
    ) -> None:
        graph = network.graph
        why = graph.why_not_streaming()
        if why is not None:
            raise SpecError(f"this network has no streams: {why}")
        if isinstance(streams, bool) or not isinstance(streams, int) or streams < 1:
            raise SpecError(f"expected streams as a whole number >= 1, got {streams!r}")
        if output is None and len(graph.outputs) == 1:
            output = graph.outputs[0]
        if output not in graph.outputs:
            raise SpecError(f"expected output as one of {', '.join(graph.outputs)}; got {output!r}")
        self.streams, self.output, self.threads = streams, output, threads
        self._network = network
        self._shape = (streams, graph.signals()[output].size)
        self._several = len(graph.inputs) > 1
        self._name, first = next(iter(graph.inputs.items()))
        # Of one stream's x, the axis of the streams left out.
        self._axes = _axes(first)
        self._first = by_path(network.initial_state(streams))
        self._engine: Any = network.engine(streams, output, threads)
        self._feed, self._advance = self._engine.feed, self._engine.advance
        self.restart()

    def feed(self, x: Any, out: Array | None = None) -> Array:
        """Take one step of every stream.

        Args:
            x: [N, I] floats or [N] tokens; of a single stream also [I], or [] for a token. Where
                the graph has several inputs: name -> such an array.
            out: Where to write, [N, O] (of a single stream also [O]), C-contiguous, in the
                network's dtype; it may be x. None: a new array.

        Returns:
            `out`: the output after this step.

        Raises:
            ShapeError, DTypeError: x or out does not fit; the state is as it was.
            StateError: another thread is in this stream; the state is as it was.
        """
        if out is None:
            out = self._room(x)
        try:
            self._feed(x, out)
        except (TypeError, ValueError, RuntimeError) as refusal:
            self._again(self._feed, x, out, refusal)
        return out

    def advance(self, x: Any, out: Array | None = None) -> Array:
        """Compute what `feed` would, and leave the state; `accept` then takes the step over."""
        if out is None:
            out = self._room(x)
        try:
            self._advance(x, out)
        except (TypeError, ValueError, RuntimeError) as refusal:
            self._again(self._advance, x, out, refusal)
        return out

    def accept(self) -> None:
        """Take over the step that `advance` computed last; without one nothing happens."""
        self._alone(self._engine.accept)

    def restart(self) -> None:
        """Forget everything: the next step is the first."""
        self._alone(self._engine.load, *self._first.values())

    def state(self) -> dict[str, Array]:
        """Every slot by its path in the graph, [N, ...], as a copy."""
        slots = {path: np.empty_like(slot) for path, slot in self._first.items()}
        self._alone(self._engine.save, *slots.values())
        return slots

    def restore(self, state: Mapping[str, Array]) -> None:
        """Go on from where `state` was taken.

        Raises:
            StateError: its slots are not this network's, or of another N; nothing has changed.
        """
        slots = matching(self._first, state, "node")
        self._alone(self._engine.load, *slots.values())

    def fork(self) -> Stream:
        """Streams that go on from here on their own."""
        other = Stream(self._network, self.streams, output=self.output, threads=self.threads)
        other.restore(self.state())
        return other

    def _alone(self, verb: Callable[..., None], *arrays: Array) -> None:
        try:
            verb(*arrays)
        except RuntimeError as refusal:
            raise StateError(_TWO_THREADS) from refusal

    def _again(self, verb: Callable[..., None], x: Any, out: Any, refusal: Exception) -> None:
        """Put in order what the engine has refused, or say in a sentence what is wrong with it."""
        if isinstance(refusal, RuntimeError):
            raise StateError(_TWO_THREADS) from refusal
        self._alone(verb, self._fitting(x), self._writable(out))

    def _room(self, x: Any) -> Array:
        if self._several and isinstance(x, Mapping):
            x = x.get(self._name)
        alone = self.streams == 1 and getattr(x, "ndim", None) == self._axes
        return np.empty(self._shape[1:] if alone else self._shape, self._network.dtype)

    def _fitting(self, x: Any) -> Any:
        """`x` put in order, or refused with a sentence."""
        given = x if self._several else {self._name: x}
        signals = self._network.graph.inputs
        if not isinstance(given, Mapping) or set(given) != set(signals):
            came = list(given) if isinstance(given, Mapping) else type(x).__name__
            raise ShapeError(f"the stream expected arrays by name, {list(signals)}, got {came}")
        rows = {name: self._rows(name, given[name]) for name in signals}
        fitting = self._network.inputs_of_step(rows)
        for name, array in fitting.items():
            signal = signals[name]
            if signal.dtype == "token" and not (array.min() >= 0 and array.max() < signal.size):
                raise ShapeError(
                    f"the stream expected tokens from 0 below {signal.size}, got {array.tolist()}"
                )
        aligned = {
            n: array if array.flags.aligned else array.copy() for n, array in fitting.items()
        }
        return aligned if self._several else aligned[self._name]

    def _rows(self, name: str, x: Any) -> Array:
        if not isinstance(x, np.ndarray | np.generic):
            raise DTypeError(f"the stream expected {name} as an array, got {type(x).__name__}")
        rows = np.asarray(x)
        if self.streams == 1 and rows.ndim == _axes(self._network.graph.inputs[name]):
            rows = rows[None]
        if rows.ndim and len(rows) != self.streams:
            raise ShapeError(
                f"the stream expected {name} for {self.streams} streams, got {list(x.shape)}"
            )
        return rows

    def _writable(self, out: Any) -> Array:
        shapes = [self._shape, self._shape[1:]] if self.streams == 1 else [self._shape]
        if not isinstance(out, np.ndarray) or out.shape not in shapes:
            raise ShapeError(
                f"the stream expected out {list(self._shape)}, "
                f"got {list(out.shape) if isinstance(out, np.ndarray) else type(out).__name__}"
            )
        if out.dtype != self._network.dtype:
            raise DTypeError(f"the stream expected out in {self._network.dtype}, got {out.dtype}")
        if not out.flags.c_contiguous or not out.flags.writeable or not out.flags.aligned:
            raise ShapeError("the stream expected out C-contiguous, aligned and writable")
        return out


def _axes(signal: Signal) -> int:
    """How many axes one stream's input has."""
    return 0 if signal.dtype == "token" and signal.axes == "steps" else 1


class Interpreted:
    """The network's own step behind the verbs of the extension's streams.

    For where the extension was not built, and for graphs that it does not run
    (`Network.why_interpreted`).

    Args:
        network: What is run.
        streams: N.
        output: Which output comes out.
    """

    def __init__(self, network: Network, streams: int, output: str) -> None:
        self._network, self._output = network, output
        # Shape (-1: any width) and dtype of each input and of out.
        self._wanted: dict[str, tuple[tuple[int, ...], Any]] = {}
        for name, signal in network.graph.inputs.items():
            width = {"pieces": (-1,)}.get(signal.axes, ())
            self._wanted[name] = (
                ((streams, *width), "int64")
                if signal.dtype == "token"
                else ((streams, signal.size), network.dtype)
            )
        self._out = ((streams, network.graph.signals()[output].size), network.dtype)
        self._state = self._next = network.initial_state(streams)

    def feed(self, x: Any, out: Array) -> None:
        """`advance` and `accept`."""
        self.advance(x, out)
        self.accept()

    def advance(self, x: Any, out: Array) -> None:
        """Compute the next state; what does not fit is a ValueError."""
        given = {next(iter(self._wanted)): x} if len(self._wanted) == 1 else x
        if not isinstance(given, Mapping) or set(given) != set(self._wanted):
            raise ValueError("the inputs are others")
        _require((out, *self._out), *((given[n], *wanted) for n, wanted in self._wanted.items()))
        rows = {n: given[n].reshape(shape) for n, (shape, _) in self._wanted.items()}
        outputs, after = self._network.step(rows, self._state)
        out[...] = outputs[self._output].reshape(out.shape)
        self._next = after

    def accept(self) -> None:
        """Take over what `advance` computed last."""
        self._state = self._next

    def save(self, *slots: Array) -> None:
        """Copy the state out."""
        for slot, own in zip(slots, by_path(self._state).values(), strict=True):
            slot[...] = own

    def load(self, *slots: Array) -> None:
        """Copy a state in."""
        given = iter(slots)
        fresh = {n: map_arrays(lambda _: next(given).copy(), s) for n, s in self._state.items()}
        self._state = self._next = fresh


def _require(*arrays: tuple[Any, tuple[int, ...], Any]) -> None:
    for array, shape, dtype in arrays:
        if isinstance(array, np.ndarray) and shape[-1] == -1:
            shape = (*shape[:-1], *array.shape[-1:])
        alone = shape[1:] if shape[0] == 1 else shape
        if (
            not isinstance(array, np.ndarray)
            or array.shape not in (shape, alone)
            or array.dtype != dtype
            or not array.flags.c_contiguous
        ):
            raise ValueError("an axis, the element type or the order in memory does not fit")
