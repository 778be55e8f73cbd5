"""A graph with its weights, in numpy: whole sequences, chunks of them, or one step at a time.

    outputs, state = network(inputs, state=None, *, lengths=None, valid=None, starts=None)
    outputs, state = network.step(inputs_t, state, *, valid=None, starts=None)
    state = network.initial_state(batch)

One step at a time, in chunks, whole, alone or in a batch: each row's outputs are the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.errors import DTypeError, ShapeError, StateError
from recurra.kernels import backend
from recurra.kernels.stream import MOST_INPUTS, Program
from recurra.runtime.nodes import build_node
from recurra.runtime.nodes.node import below
from recurra.runtime.stream import Interpreted, Stream
from recurra.spec.graph import Graph

__all__ = ["Network", "check_weights"]

Array = npt.NDArray[Any]
State = dict[str, Any]
# A row has no steps that could be skipped.
_ROWS: Mapping[str, None] = {"lengths": None, "valid": None, "starts": None}


def check_weights(
    expected: Mapping[str, tuple[int, ...]], weights: Mapping[str, Array]
) -> np.dtype[Any]:
    """Check that `weights` are exactly the parameters that are expected; give their one dtype.

    Raises:
        ShapeError: a parameter is missing, unknown or of another shape.
        DTypeError: not all float32 or all float64.
    """
    for what, names in (
        ("lacks", sorted(set(expected) - set(weights))),
        ("does not know", sorted(set(weights) - set(expected))),
    ):
        if names:
            raise ShapeError(f"the graph and its weights differ: one {what} {names[0]!r}")
    for name, shape in expected.items():
        if weights[name].shape != shape:
            raise ShapeError(
                f"the graph expected {name} {list(shape)}, got {list(weights[name].shape)}"
            )
    dtypes = {weight.dtype for weight in weights.values()} or {np.dtype(np.float32)}
    if len(dtypes) != 1 or not dtypes <= {np.dtype(np.float32), np.dtype(np.float64)}:
        found = ", ".join(sorted(map(str, dtypes)))
        raise DTypeError(f"the weights must all be float32 or all float64, got {found}")
    return dtypes.pop()


class Network:
    """A graph that runs.

    Args:
        graph: What is computed.
        weights: Every parameter by its path, as `graph.parameters()` names them; float32 or
            float64 throughout.

    Raises:
        ShapeError, DTypeError: as `check_weights`.
    """

    def __init__(self, graph: Graph, weights: Mapping[str, Array]) -> None:
        self.graph = graph
        self.dtype = check_weights(graph.parameters(), weights)
        signals = graph.signals()
        # A part takes as many arrays as its node has inputs.
        self._parts: list[tuple[str, tuple[str, ...], Any, bool, bool]] = []
        own = {name: np.array(weight, order="C") for name, weight in weights.items()}
        for weight in own.values():
            weight.setflags(write=False)
        self._keeping = {step.name for step in graph.steps if step.node.state_slots()}
        for step in graph.steps:
            part = build_node(step.node, below(own, f"{step.name}."), self.dtype)
            keeps, on_rows = step.name in self._keeping, signals[step.inputs[0]].axes == "row"
            self._parts.append((step.name, step.inputs, part, keeps, on_rows))

    def initial_state(self, batch: int) -> State:
        """The state ahead of the first step: step name -> NamedTuple, for steps that keep one."""
        return {name: part.initial_state(batch) for name, _, part, keeps, _ in self._parts if keeps}

    def __call__(
        self,
        inputs: Mapping[str, Array],
        state: State | None = None,
        *,
        lengths: Array | None = None,
        valid: Array | None = None,
        starts: Array | None = None,
    ) -> tuple[dict[str, Array], State]:
        """Run over whole sequences or a chunk of them.

        Args:
            inputs: Name -> [B, T, size] floats, [B, T] tokens, [B, T, W] pieces; rows: [B, size].
            state: Where to begin; None: `initial_state`.
            lengths: Steps of each row that count, [B], int64, 0 <= length <= T. None: all T.
            valid: False skips a step: states are held, [B, T], bool.
            starts: True begins anew at that step, [B, T], bool.

        Returns:
            Outputs by name; the state after.

        Raises:
            ShapeError: names the input, what was expected and what came.
            DTypeError: an input that is no number, lengths that are not int64, ...
            StateError: the state is not this graph's.
        """
        flowing, batch, time = self._inputs(inputs, stepwise=False)
        _check_steps(batch, time, lengths, valid, starts)
        state = self._state(state, batch)
        after: State = {}
        steps = {"lengths": lengths, "valid": valid, "starts": starts}
        for name, sources, part, keeps, on_rows in self._parts:
            which = _ROWS if on_rows else steps
            arrays = [flowing[source] for source in sources]
            flowing[name], new = part(*arrays, state.get(name), **which)
            if keeps:
                after[name] = new
        return {name: flowing[name] for name in self.graph.outputs}, after

    def step(
        self,
        inputs_t: Mapping[str, Array],
        state: State,
        *,
        valid: Array | None = None,
        starts: Array | None = None,
    ) -> tuple[dict[str, Array], State]:
        """Run one step; `state` itself stays as it is.

        Args:
            inputs_t: Name -> [B, size] floats or [B] tokens.
            state: As `initial_state` or the step before gave it.
            valid: False holds every state, [B], bool.
            starts: True begins anew, [B], bool.

        Raises:
            SpecError: the graph does not stream; says why.
            ShapeError, DTypeError, StateError: as in a call.
        """
        flowing, batch, _ = self._inputs(inputs_t, stepwise=True)
        if valid is not None or starts is not None:
            _check_steps(batch, None, None, valid, starts)
        state = self._state(state, batch)
        after: State = {}
        for name, sources, part, keeps, on_rows in self._parts:
            flowing[name], new = part.step(
                *[flowing[source] for source in sources],
                state.get(name),
                valid=None if on_rows else valid,
                starts=None if on_rows else starts,
            )
            if keeps:
                after[name] = new
        return {name: flowing[name] for name in self.graph.outputs}, after

    def stream(self, streams: int = 1, *, output: str | None = None, threads: int = 1) -> Stream:
        """N streams that step together, each with the bits of `step`, in a few microseconds.

        Args:
            streams: N, at least 1.
            output: Which of the graph's outputs comes out; None: the only one.
            threads: At most so many share a step; 0: one for each processor.

        Raises:
            SpecError: the graph does not stream, or an argument names nothing.
        """
        return Stream(self, streams, output=output, threads=threads)

    def engine(self, streams: int, output: str, threads: int) -> Any:
        """What moves a stream: the extension's own, or `step` (`why_interpreted`; not built)."""
        if backend() != "native" or self.why_interpreted() is not None:
            return Interpreted(self, streams, output)
        program, values = self._program
        return program.streams(streams, values[output], threads)

    def why_interpreted(self) -> str | None:
        """None where the native program runs the graph's streams; else why `step` does."""
        inputs = self.graph.inputs
        if len(inputs) > MOST_INPUTS:
            return f"it reads {len(inputs)} inputs, a native program {MOST_INPUTS} at the most"
        for name, signal in inputs.items():
            if signal.axes != "steps":
                return f"input {name!r} is of {signal.axes}, a native program reads steps"
        for name, _, part, _, _ in self._parts:
            if not part.placed:
                return f"a native program has no {part.node.kind} (step {name!r})"
        return None

    def inputs_of_step(self, inputs_t: Mapping[str, Array]) -> dict[str, Array]:
        """The inputs of one step, checked, contiguous and in the network's dtype.

        Raises:
            ShapeError, DTypeError: as in a call.
        """
        return self._inputs(inputs_t, stepwise=True)[0]

    @cached_property
    def _program(self) -> tuple[Program, dict[str, int]]:
        """The graph as the extension runs it, and which value each step's result is."""
        inputs = self.graph.inputs
        widths = {name: s.size if s.dtype == "float" else 0 for name, s in inputs.items()}
        program = Program(widths, self.dtype)
        values = {name: k for k, name in enumerate(inputs)}
        for step, sources, part, _, _ in self._parts:
            values[step] = part.place(program, *[values[source] for source in sources])
        return program, values

    def _inputs(
        self, inputs: Mapping[str, Array], *, stepwise: bool
    ) -> tuple[dict[str, Array], int, int]:
        """The inputs in the network's dtype, B and T (0 where no input has the axis)."""
        if inputs.keys() != self.graph.inputs.keys():
            raise ShapeError(
                f"the graph takes the inputs {', '.join(self.graph.inputs)}; "
                f"got {', '.join(map(str, inputs))}"
            )
        sizes: dict[str, int] = {}
        flowing: dict[str, Array] = {}
        for name, signal in self.graph.inputs.items():
            array = inputs[name]
            axes = "B" if signal.axes == "row" or stepwise else "BT"
            if signal.axes == "memory":
                axes = "BS"
            wanted = len(axes) + (signal.dtype == "float" or signal.axes == "pieces")
            fits = array.ndim == wanted and (
                signal.dtype != "float" or array.shape[-1] == signal.size
            )
            if not fits or any(sizes.setdefault(a, n) != n for a, n in zip(axes, array.shape)):  # noqa: B905 - floats and pieces have one more axis
                last = f", {signal.size}" if signal.dtype == "float" else ""
                last = ", W" if signal.axes == "pieces" else last
                known = [f"{a}={sizes[a]}" if a in sizes else a for a in axes]
                raise ShapeError(
                    f"the graph expected {name} [{', '.join(known)}{last}], got {list(array.shape)}"
                )
            kinds, dtype = ("f", self.dtype) if signal.dtype == "float" else ("iu", np.int64)
            if array.dtype.kind not in kinds:
                word = "floats" if signal.dtype == "float" else "whole numbers"
                raise DTypeError(f"the graph expected {name} as {word}, got {array.dtype}")
            flowing[name] = np.ascontiguousarray(array, dtype=dtype)
        return flowing, sizes["B"], sizes.get("T", 0)

    def _state(self, state: State | None, batch: int) -> State:
        if state is None:
            return self.initial_state(batch)
        expected = self._keeping
        if state.keys() != expected:
            raise StateError(
                f"the graph expected a state of {', '.join(sorted(expected)) or 'nothing'}, "
                f"got {', '.join(sorted(map(str, state))) or 'nothing'}"
            )
        for name, slot in state.items():
            while isinstance(slot, tuple):
                slot = slot[0]
            if slot.shape[0] != batch:
                raise StateError(f"state {name!r} expected B={batch} rows, got {slot.shape[0]}")
        return state


def _check_steps(
    batch: int,
    time: int | None,
    lengths: Array | None,
    valid: Array | None,
    starts: Array | None,
) -> None:
    """Check what says which steps count; `time` None: one step."""
    shape = (batch,) if time is None else (batch, time)
    wanted = (
        ("lengths", lengths, (batch,), np.dtype(np.int64)),
        ("valid", valid, shape, np.dtype(np.bool_)),
        ("starts", starts, shape, np.dtype(np.bool_)),
    )
    for name, array, axes, dtype in wanted:
        if array is None:
            continue
        if array.shape != axes:
            raise ShapeError(f"{name} expected {list(axes)}, got {list(array.shape)}")
        if array.dtype != dtype:
            raise DTypeError(f"{name} expected {dtype}, got {array.dtype}: convert it")
    if lengths is not None and batch and not (lengths.min() >= 0 and lengths.max() <= (time or 0)):
        raise ShapeError(f"lengths expected 0 <= length <= T={time}, got {lengths.tolist()}")
