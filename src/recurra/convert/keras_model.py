"""A Keras model's layers beside the groups of its weights; nothing of either is run.

Keras itself is not used, so neither a custom object nor a Lambda can be executed; a file that holds
one is refused by its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recurra.convert.found import Found, Side, join, stacked
from recurra.convert.keras_config import (
    DIRECT,
    Part,
    cell_of_config,
    parts_of,
    training_only,
)
from recurra.convert.layouts import Array, from_keras_arrays
from recurra.errors import ConversionError, SpecError

__all__ = ["Reader", "refuse_custom"]

_CONTAINERS = ("Sequential", "Functional", "Model")
_OWN = ("keras", "keras.", "recurra.keras")
_DEEPEST = 32
# Deflate makes no more of a byte; what is stored plainly has as many as it says.
_MOST_UNPACKED = 1032


def _objects(tree: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Every object of a config that names a class."""
    if depth > 4 * _DEEPEST:
        raise ConversionError("the config is nested deeper than any that Keras writes")
    if isinstance(tree, dict):
        if "class_name" in tree:
            yield tree
        for value in tree.values():
            yield from _objects(value, depth + 1)
    elif isinstance(tree, list):
        for value in tree:
            yield from _objects(value, depth + 1)


def refuse_custom(config: Any) -> None:
    """Refuse every object that is not Keras' own (or `recurra.keras`'), and code in the config."""
    for entry in _objects(config):
        module, name = entry.get("module"), entry.get("class_name")
        own = module in _OWN or (isinstance(module, str) and module.startswith(_OWN[1:]))
        registered = entry.get("registered_name")
        # Plain values (a dtype, a tensor) have a class_name and neither of the two.
        custom = isinstance(registered, str) and (">" in registered or not own)
        if (custom or not (own or module in (None, "builtins"))) and not str(registered).startswith(
            "recurra>"
        ):
            # A function's own name is its config.
            named = entry.get("config") if name == "function" else registered
            raise ConversionError(
                f"the file holds the custom object {named or f'{module}.{name}'}: it is never "
                "executed here; save the model without it, or take the layers with from_keras"
            )
        if name in ("Lambda", "__lambda__"):
            raise ConversionError(
                "the file holds a Lambda layer, which is code: it is never executed here; save "
                "the model without it, or take the layers with from_keras"
            )


@dataclass(frozen=True)
class _Held:
    """A layer of the file: the sides above one another that it is made of."""

    name: str
    floors: list[Side]
    reverse: bool
    notes: tuple[str, ...]


class Reader:
    """Walks a model's layers beside the groups of its weights.

    What it finds is in `found`; in `refused` why a recurrent layer is not; in `left` the others.
    """

    def __init__(self, h5py: Any) -> None:
        self.h5py = h5py
        self.found: list[Found] = []
        self.left: list[str] = []
        self.refused: list[str] = []
        self.names = set[str]()

    def walk(self, config: Mapping[str, Any], group: Any, depth: int = 0) -> None:
        """The layers of one container; layers in a row become one where it is a Sequential."""
        if depth > _DEEPEST:
            raise ConversionError("the model is nested deeper than is read here")
        kind = config["class_name"]
        if kind not in _CONTAINERS:
            raise ConversionError(f"the file holds a {kind}, not a Sequential or Functional model")
        places = self._places(self._inside(group, "layers"))
        run: list[_Held] = []
        for layer in config["config"]["layers"]:
            name, what = str(layer["config"]["name"]), layer["class_name"]
            place = places.get(name)
            one = None
            if what in _CONTAINERS:
                self._close(run)
                if place is not None:
                    self.walk(layer, place, depth + 1)
            elif what in DIRECT or what == "Bidirectional":
                one = self._held(name, layer, place)
            elif what != "InputLayer":
                self.left.append(f"{what} {name!r}")
            if one is None:
                if what not in ("Dropout", "InputLayer"):
                    self._close(run)
                continue
            if run and not self._chains(run[-1], one, kind):
                self._close(run)
            run.append(one)
            if not _sequences(layer):
                self._close(run)
        self._close(run)

    @staticmethod
    def _chains(below: _Held, above: _Held, kind: str) -> bool:
        return kind == "Sequential" and not below.reverse and not above.reverse

    def _close(self, run: list[_Held]) -> None:
        """What was gathered of layers in a row becomes one."""
        if not run:
            return
        node, weights = stacked([floor for one in run for floor in one.floors])
        notes = tuple(note for one in run for note in one.notes)
        name, number = run[0].name, 1
        # Models inside others may use a name again; a layer must not take another one's place.
        while name in self.names:
            number += 1
            name = f"{run[0].name}.{number}"
        self.names.add(name)
        self.found.append(Found(name, node, weights, run[0].reverse, notes))
        run.clear()

    def _places(self, layers: Any) -> dict[str, Any]:
        """The group of each layer, by the name in the config."""
        places = {}
        for key in layers:
            place = self._inside(layers, key)
            if "vars" in place:
                places[str(place["vars"].attrs.get("name", key))] = place
        return places

    def _inside(self, group: Any, key: str) -> Any:
        """A member that lies in this very file."""
        if not isinstance(group.get(key, getlink=True), self.h5py.HardLink):
            raise ConversionError(f"the weights {key!r} are a link to another place: refused")
        return group[key]

    def _held(self, name: str, layer: Mapping[str, Any], place: Any) -> _Held | None:
        """A layer; None where ours cannot hold it, and why is among the refused."""
        try:
            return self._layer(name, layer, place)
        except (ConversionError, SpecError) as error:
            what = "" if repr(name) in str(error) else f"{layer['class_name']} {name!r}: "
            self.refused.append(f"{what}{error}")
            return None

    def _layer(self, name: str, layer: Mapping[str, Any], place: Any) -> _Held:
        if place is None:
            raise ConversionError(f"the file has no weights for the layer {name!r}")
        what, config = layer["class_name"], layer["config"]
        notes = _states_made(name, layer)
        if what != "Bidirectional":
            parts, reverse = parts_of(what, config), bool(config.get("go_backwards"))
            if reverse and len(parts) > 1:
                raise ConversionError(
                    f"the RNN {name!r} has go_backwards=True over {len(parts)} cells: ours reads "
                    "one cell backwards"
                )
            floors = [self._cell(part, place) for part in parts]
            return _Held(name, floors, reverse, _left_of(name, parts) + notes)
        if config.get("merge_mode") != "concat":
            raise ConversionError(
                f"the Bidirectional {name!r} has merge_mode={config.get('merge_mode')!r}: ours "
                "puts both outputs side by side (concat)"
            )
        if config["layer"]["config"].get("go_backwards"):
            raise ConversionError(
                f"the Bidirectional {name!r} has a forward layer with go_backwards=True: ours "
                "reads forwards first"
            )
        sides = []
        for key in ("layer", "backward_layer"):
            inner = config.get(key) or config["layer"]
            if inner["class_name"] not in DIRECT:
                raise ConversionError(f"{name!r} goes both ways over a {inner['class_name']}")
            parts = parts_of(inner["class_name"], inner["config"])
            if len(parts) > 1:
                raise ConversionError(
                    f"the Bidirectional {name!r} runs {len(parts)} cells one above another each "
                    "way: ours runs one"
                )
            group = self._inside(place, "forward_layer" if key == "layer" else key)
            sides.append(self._cell(parts[0], group))
            notes += _left_of(name, parts)
        return _Held(name, [join(sides)], False, notes)

    def _cell(self, part: Part, place: Any) -> Side:
        for key in (*part.place, "vars"):
            place = self._inside(place, key)
        arrays = [self._array(place, key) for key in sorted(place, key=int)]
        node = cell_of_config(part.config, part.kind, [array.shape for array in arrays])
        return node, from_keras_arrays(node, arrays)

    def _array(self, group: Any, key: str) -> Array:
        dataset = self._inside(group, key)
        if not isinstance(dataset, self.h5py.Dataset) or dataset.external or dataset.is_virtual:
            raise ConversionError("the file's weights lie in another file: refused")
        if dataset.dtype not in (np.float32, np.float64):
            raise ConversionError(
                f"the file has weights of {dataset.dtype}: expected float32 or float64"
            )
        if dataset.nbytes > _MOST_UNPACKED * dataset.id.get_storage_size():
            raise ConversionError(
                f"the file claims weights of {list(dataset.shape)} and does not hold them: it is "
                "damaged or forged"
            )
        return np.asarray(dataset[()])


def _left_of(name: str, parts: Sequence[Part]) -> tuple[str, ...]:
    """What of a layer's cells acts in training only; each text once."""
    texts = dict.fromkeys(text for part in parts for text in training_only(part.config))
    return tuple(f"{name}: {text}" for text in texts)


def _sequences(layer: Mapping[str, Any]) -> bool:
    config = layer["config"]
    inner = config["layer"]["config"] if layer["class_name"] == "Bidirectional" else config
    return bool(inner.get("return_sequences"))


def _states_made(name: str, layer: Mapping[str, Any]) -> tuple[str, ...]:
    """That a model gives a layer its initial state, which is the call's `state` here."""
    for call in layer.get("inbound_nodes", ()):
        if call.get("kwargs", {}).get("initial_state") or len(call.get("args", ())) > 1:
            return (f"{name}: its initial_state, given in the model",)
    return ()
