"""A network as a short list of steps over a closed set of nodes, and its strict JSON form.

A step names a node, the node, and which earlier steps or graph inputs it takes. Parameters and
state slots are addressed by path: `encoder.layers.0.forward.input_weight`, `pool.last`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

from recurra.errors import SpecError
from recurra.spec.attention import Attention, Mixture, Spread
from recurra.spec.cells import CELLS, AbstractCell
from recurra.spec.characters import Characters
from recurra.spec.concat import Concat
from recurra.spec.convolution import Convolution
from recurra.spec.crf import Crf
from recurra.spec.dense import Dense
from recurra.spec.node import AbstractNode, Signal
from recurra.spec.nodes import GRUD, Bidirectional, Dropout, Embedding, Linear, Pool, Stack

__all__ = [
    "NODE_KINDS",
    "Graph",
    "Step",
    "node_from_json",
    "node_to_json",
    "shared_parameters",
]

_NODES: tuple[type[AbstractNode], ...] = (
    Embedding,
    Linear,
    *CELLS.values(),
    Stack,
    Bidirectional,
    GRUD,
    Pool,
    Dropout,
    Concat,
    Characters,
    Crf,
    Attention,
    Mixture,
    Spread,
    Dense,
    Convolution,
)
# A list, not a set: what a forged file holds in their place need not be hashable.
_SIGNALS = [
    *([axes, dtype] for axes in ("steps", "row") for dtype in ("float", "token")),
    ["pieces", "token"],
    ["memory", "float"],
    ["row", "length"],
]
NODE_KINDS: Mapping[str, type[AbstractNode]] = MappingProxyType({n.kind: n for n in _NODES})


@dataclass(frozen=True)
class Step:
    """One line of a graph: `name` is unique; `inputs` name graph inputs or earlier steps."""

    name: str
    node: AbstractNode
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """A network: named inputs, steps in the order in which they run, named outputs.

    Args:
        inputs: Name and signal of each input array; "x" first by custom.
        steps: In running order; every step reads only what stands before it.
        outputs: Names of the steps whose results come out.

    Raises:
        SpecError: a name is unknown, doubled or unfit, or signals do not match.
    """

    inputs: Mapping[str, Signal]
    steps: tuple[Step, ...]
    outputs: tuple[str, ...]

    def __post_init__(self) -> None:
        self.signals()

    def signals(self) -> dict[str, Signal]:
        """The signal of every input and every step, checked from the first to the last."""
        known = dict(self.inputs)
        for step in self.steps:
            if not step.name.isidentifier() or step.name in known:
                raise SpecError(f"step name {step.name!r} must be a new identifier")
            missing = [name for name in step.inputs if name not in known]
            if missing:
                raise SpecError(f"step {step.name!r} reads {missing[0]!r}, which is not before it")
            if len(step.inputs) != step.node.arity:
                raise SpecError(
                    f"step {step.name!r} ({step.node.kind}) takes {step.node.arity} inputs, "
                    f"got {len(step.inputs)}"
                )
            try:
                known[step.name] = step.node.output(tuple(known[name] for name in step.inputs))
            except SpecError as error:
                raise SpecError(f"step {step.name!r}: {error}") from None
        unknown = [name for name in self.outputs if name not in known]
        if unknown or not self.outputs:
            raise SpecError(f"outputs {list(self.outputs)} must name steps of the graph")
        return known

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Path and shape of every parameter, in running order."""
        return {
            f"{step.name}.{path}": shape
            for step in self.steps
            for path, shape in step.node.parameters().items()
        }

    def state_slots(self) -> dict[str, tuple[int, ...]]:
        """Path and shape (batch axis left out) of every state slot, in running order."""
        return {
            f"{step.name}.{path}": shape
            for step in self.steps
            for path, shape in step.node.state_slots().items()
        }

    def why_not_streaming(self) -> str | None:
        """None when one step at a time equals the whole; else the first node's reason."""
        for step in self.steps:
            reason = step.node.why_not_streaming()
            if reason is not None:
                return f"step {step.name!r} ({step.node.kind}): {reason}"
        return None

    def to_json(self) -> dict[str, Any]:
        """A tree of plain JSON values; `from_json` gives the same graph back."""
        return {
            "inputs": {
                name: {"axes": s.axes, "size": s.size, "dtype": s.dtype}
                for name, s in self.inputs.items()
            },
            "steps": [
                {"name": s.name, "node": node_to_json(s.node), "inputs": list(s.inputs)}
                for s in self.steps
            ],
            "outputs": list(self.outputs),
        }

    @staticmethod
    def from_json(tree: Any) -> Graph:
        """Read what `to_json` wrote; anything else is refused.

        Raises:
            SpecError: a key is missing or unknown, or a value has the wrong type.
        """
        top = _object(tree, "graph", {"inputs", "steps", "outputs"})
        inputs = {}
        for name, entry in _object(top["inputs"], "graph inputs").items():
            entry = _object(entry, f"input {name!r}", {"axes", "size", "dtype"})
            axes, size, dtype = entry["axes"], _whole(entry["size"], "size"), entry["dtype"]
            if [axes, dtype] not in _SIGNALS or size < 1:
                raise SpecError(f"input {name!r} has no signal that exists: {entry}")
            inputs[name] = Signal(axes, size, dtype)
        steps = []
        for entry in _list(top["steps"], "steps"):
            entry = _object(entry, "step", {"name", "node", "inputs"})
            steps.append(
                Step(
                    _text(entry["name"], "step name"),
                    node_from_json(entry["node"]),
                    tuple(_text(n, "input name") for n in _list(entry["inputs"], "inputs")),
                )
            )
        outputs = tuple(_text(name, "output name") for name in _list(top["outputs"], "outputs"))
        return Graph(inputs, tuple(steps), outputs)


def shared_parameters(graphs: Mapping[str, Graph]) -> dict[str, tuple[int, ...]]:
    """Path and shape of every parameter of several graphs, which share their steps by name.

    Raises:
        SpecError: two graphs use one step name for different nodes.
    """
    nodes: dict[str, AbstractNode] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for name, graph in graphs.items():
        for step in graph.steps:
            if nodes.setdefault(step.name, step.node) != step.node:
                raise SpecError(
                    f"graph {name!r}: step {step.name!r} is another node than in the graph before: "
                    "a step of the same name is shared; choose another name"
                )
        shapes |= graph.parameters()
    return shapes


def node_to_json(node: AbstractNode) -> dict[str, Any]:
    """The node's kind and fields; nested nodes as their own objects."""
    tree: dict[str, Any] = {"kind": node.kind}
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, AbstractNode):
            value = node_to_json(value)
        elif isinstance(value, tuple):
            value = [node_to_json(v) if isinstance(v, AbstractNode) else v for v in value]
        tree[field.name] = value
    return tree


# Deep nesting has no use (a stack holds bidirectionals, which hold cells) and would let a forged
# file exhaust the interpreter's stack.
_DEEPEST = 4


def node_from_json(tree: Any, depth: int = 0) -> AbstractNode:
    """Read what `node_to_json` wrote; anything else is refused with a SpecError."""
    if depth > _DEEPEST:
        raise SpecError(f"nodes are nested deeper than {_DEEPEST}")
    tree = _object(tree, "node")
    kind = tree.get("kind")
    if not isinstance(kind, str) or kind not in NODE_KINDS:
        raise SpecError(f"node kind must be one of {', '.join(NODE_KINDS)}; got {kind!r}")
    node_type = NODE_KINDS[kind]
    _object(tree, f"node {kind!r}", {"kind", *(field.name for field in fields(node_type))})
    values: dict[str, Any] = {}
    for field in fields(node_type):
        values[field.name] = _field(kind, field.name, str(field.type), tree[field.name], depth)
    return node_type(**values)


def _field(kind: str, name: str, declared: str, value: Any, depth: int) -> Any:
    where = f"{kind}: {name}"
    if "AbstractNode" in declared or "AbstractCell" in declared:
        if declared.startswith("tuple"):
            return tuple(node_from_json(v, depth + 1) for v in _list(value, where))
        nested = node_from_json(value, depth + 1)
        if "AbstractCell" in declared and not isinstance(nested, AbstractCell):
            raise SpecError(f"{where} must be a cell, got {nested.kind!r}")
        return nested
    if declared.startswith("tuple"):
        return tuple(_text(v, where) for v in _list(value, where))
    if declared == "int":
        return _whole(value, where)
    if declared == "bool":
        if not isinstance(value, bool):
            raise SpecError(f"{where} must be true or false, got {value!r}")
        return value
    if declared == "float":
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise SpecError(f"{where} must be a number, got {value!r}")
        try:
            return float(value)
        except OverflowError:
            raise SpecError(f"{where} must be a number that float64 can hold") from None
    return _text(value, where)


def _object(value: Any, where: str, keys: set[str] | None = None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SpecError(f"{where} must be an object, got {type(value).__name__}")
    if keys is not None and set(value) != keys:
        wrong = sorted(map(str, keys ^ set(value)))
        raise SpecError(f"{where} must have exactly the keys {sorted(keys)}; at odds: {wrong}")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise SpecError(f"{where} must be a list, got {type(value).__name__}")
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise SpecError(f"{where} must be a text, got {value!r}")
    return value


def _whole(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise SpecError(f"{where} must be a whole number, got {value!r}")
    return value
