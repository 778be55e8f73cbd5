"""Recurrent layers of a `.keras` file, read from its JSON and its arrays: nothing in it is run.

Keras itself is not used, so neither a custom object nor a Lambda can be executed; a file that
holds one is refused by its name. Source: keras.saving, format of Keras 3 (config.json and
model.weights.h5 in a zip).
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from recurra.convert.found import Found, Side, join, stacked
from recurra.convert.keras_config import KINDS, cell_of_config, training_only
from recurra.convert.layouts import Array, from_keras_arrays
from recurra.errors import ConversionError, DependencyError, RecurraError, SpecError

__all__ = ["read_keras"]

_CONTAINERS = ("Sequential", "Functional", "Model")
_OWN = ("keras", "keras.", "recurra.keras")
# A config is text; the arrays are bounded by what the zip says of them.
_MOST_CONFIG_BYTES = 64 * 2**20
_MOST_WEIGHT_BYTES = 8 * 2**30
_DEEPEST = 32
# What zipfile, zlib and h5py raise where the bytes are not what they say.
_DAMAGE = (ArithmeticError, EOFError, MemoryError, RuntimeError, ValueError, zlib.error)


def read_keras(path: str | Path) -> tuple[list[Found], tuple[str, ...]]:
    """Every recurrent layer of a `.keras` file that ours can hold, and what was left, in words.

    Args:
        path: Of the file.

    Raises:
        ConversionError: it is no such file, holds custom objects, has no recurrent layer, or none
            that our cells can hold; says why.
        DependencyError: the package h5py is not installed.
    """
    path = Path(path)
    try:
        import h5py
    except ImportError as error:
        raise DependencyError(
            'reading a .keras file needs h5py: pip install "recurra[keras]"'
        ) from error
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(_member(archive, "config.json", _MOST_CONFIG_BYTES))
            raw = _member(archive, "model.weights.h5", _MOST_WEIGHT_BYTES)
        _refuse_custom(config)
        with h5py.File(io.BytesIO(raw), "r") as weights:
            reader = _Reader(h5py)
            reader.walk(config, weights)
    except RecurraError:
        raise
    except OSError as error:
        if error.strerror:
            raise ConversionError(f"{path} cannot be read: {error.strerror}") from error
        raise ConversionError(f"{path}: its weights are no HDF5 file, or damaged") from error
    except (zipfile.BadZipFile, json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConversionError(f"{path} is no .keras file (a zip with config.json)") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise ConversionError(f"{path} is not as Keras writes it: {error}") from error
    except _DAMAGE as error:
        raise ConversionError(f"{path} is damaged: {error}") from error
    if not reader.found and reader.refused:
        raise ConversionError(reader.refused[0])
    if not reader.found:
        held = ", ".join(reader.left) or "nothing"
        raise ConversionError(f"{path} has no GRU, LSTM or SimpleRNN; it has {held}")
    return reader.found, (*reader.refused, *reader.left)


def _member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    try:
        about = archive.getinfo(name)
    except KeyError:
        raise ConversionError(
            f"{archive.filename} has no {name}: it is no .keras file of Keras 3"
        ) from None
    if about.file_size > most:
        raise ConversionError(f"{name} has {about.file_size} bytes, more than is read here")
    return archive.read(about)


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


def _refuse_custom(config: Any) -> None:
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


class _Reader:
    """Walks a model's layers beside the groups of its weights."""

    def __init__(self, h5py: Any) -> None:
        self.h5py = h5py
        self.found: list[Found] = []
        self.left: list[str] = []
        self.refused: list[str] = []
        self.named = Counter[str]()

    def walk(self, config: Mapping[str, Any], group: Any, depth: int = 0) -> None:
        """The layers of one container; layers in a row become one where it is a Sequential."""
        if depth > _DEEPEST:
            raise ConversionError("the model is nested deeper than is read here")
        kind = config["class_name"]
        if kind not in _CONTAINERS:
            raise ConversionError(f"the file holds a {kind}, not a Sequential or Functional model")
        places = self._places(group["layers"])
        run: list[Found] = []
        for layer in config["config"]["layers"]:
            name, what = layer["config"]["name"], layer["class_name"]
            place = places.get(name)
            one = None
            if what in _CONTAINERS:
                self._close(run)
                if place is not None:
                    self.walk(layer, place, depth + 1)
            elif what in KINDS or what == "Bidirectional":
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
    def _chains(below: Found, above: Found, kind: str) -> bool:
        return kind == "Sequential" and not below.reverse and not above.reverse

    def _close(self, run: list[Found]) -> None:
        """What was gathered of layers in a row becomes one."""
        if not run:
            return
        node, weights = stacked([(one.node, one.weights) for one in run])
        notes = tuple(note for one in run for note in one.notes)
        name = run[0].name
        self.named[name] += 1
        # Models inside others may use a name again; a layer must not take another one's place.
        name = f"{name}.{self.named[name]}" if self.named[name] > 1 else name
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

    def _held(self, name: str, layer: Mapping[str, Any], place: Any) -> Found | None:
        """A layer; None where ours cannot hold it, and why is among the refused."""
        try:
            return self._layer(name, layer, place)
        except (ConversionError, SpecError) as error:
            what = "" if repr(name) in str(error) else f"{layer['class_name']} {name!r}: "
            self.refused.append(f"{what}{error}")
            return None

    def _layer(self, name: str, layer: Mapping[str, Any], place: Any) -> Found:
        if place is None:
            raise ConversionError(f"the file has no weights for the layer {name!r}")
        what, config = layer["class_name"], layer["config"]
        if what != "Bidirectional":
            side, notes = self._cell(name, what, config, place)
            notes += _states_made(name, layer)
            return Found(name, *side, bool(config.get("go_backwards")), notes)
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
        sides, notes = [], _states_made(name, layer)
        for key in ("layer", "backward_layer"):
            inner = config.get(key) or config["layer"]
            if inner["class_name"] not in KINDS:
                raise ConversionError(f"{name!r} goes both ways over a {inner['class_name']}")
            group = self._inside(place, "forward_layer" if key == "layer" else key)
            side, more = self._cell(name, inner["class_name"], inner["config"], group)
            sides.append(side)
            notes += more
        return Found(name, *join(sides), False, notes)

    def _cell(
        self, name: str, kind: str, config: Mapping[str, Any], place: Any
    ) -> tuple[Side, tuple[str, ...]]:
        held = self._inside(self._inside(place, "cell"), "vars")
        arrays = [self._array(held, key) for key in sorted(held, key=int)]
        node = cell_of_config(config, kind, [array.shape for array in arrays])
        notes = tuple(f"{name}: {text}" for text in training_only(config))
        return (node, from_keras_arrays(node, arrays)), notes

    def _array(self, group: Any, key: str) -> Array:
        dataset = self._inside(group, key)
        if not isinstance(dataset, self.h5py.Dataset) or dataset.external or dataset.is_virtual:
            raise ConversionError("the file's weights lie in another file: refused")
        if dataset.dtype not in (np.float32, np.float64):
            raise ConversionError(
                f"the file has weights of {dataset.dtype}: expected float32 or float64"
            )
        return np.asarray(dataset[()])


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
