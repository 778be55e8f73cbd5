"""A .keras file's recurrent layers are read from its bytes, and nothing in it is ever executed."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import torch
from keras import layers

from recurra.convert.found import read_layers, write_layers
from recurra.convert.keras_file import read_keras
from recurra.convert.onnx_layer import layer_of
from recurra.errors import ConversionError

pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "torch", reason="Keras runs on another backend"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def saved(path: Path, *parts: Any) -> Any:
    """A Sequential over x [B, T, 3], its weights drawn anew, saved."""
    model = keras.Sequential([keras.Input((None, 3)), *parts])
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(-0.7, 0.7, w.shape) for w in model.get_weights()])
    model.save(path)
    return model


def changed(path: Path, change: Any) -> Path:
    """A copy of the file whose parts went through `change(config, weights)`."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    raw = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(raw, "a") as weights:
        change(config, weights)
    parts |= {"config.json": json.dumps(config).encode(), "model.weights.h5": raw.getvalue()}
    other = path.with_name("changed.keras")
    with zipfile.ZipFile(other, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return other


def test_layers_in_a_row_become_one(tmp_path: Path) -> None:
    """A stack of both ways and one way, named in Chinese, computes what the model computes."""
    path = tmp_path / "模型.keras"
    model = saved(
        path,
        layers.Bidirectional(layers.LSTM(4, return_sequences=True), name="编码"),
        layers.Dropout(0.2),
        layers.GRU(5, return_sequences=True, reset_after=False, dropout=0.1, name="gru"),
    )
    found, left = read_keras(path)
    assert [one.name for one in found] == ["编码"]
    assert found[0].notes == ("gru: dropout=0.1",)
    assert left == ("Dropout 'dropout'",)
    x = torch.randn(2, 6, 3)
    ours = layer_of(found[0])(x)[0]
    torch.testing.assert_close(ours, model(x), rtol=0, atol=3e-6)


def test_layers_apart_stay_apart(tmp_path: Path) -> None:
    """A Dense between, a layer without steps, a nested model, a backward layer."""
    path = tmp_path / "m.keras"
    inner = keras.Sequential([keras.Input((None, 2)), layers.LSTM(2, return_sequences=True)])
    saved(
        path,
        layers.GRU(2, return_sequences=True, name="low"),
        layers.Dense(2, name="mix"),
        layers.GRU(2, return_sequences=True, go_backwards=True, name="back"),
        inner,
        layers.SimpleRNN(2, name="high"),
        layers.Dense(1, name="head"),
    )
    found, left = read_keras(path)
    assert [one.name for one in found] == ["low", "back", inner.layers[0].name, "high"]
    assert [one.reverse for one in found] == [False, True, False, False]
    assert left == ("Dense 'mix'", "Dense 'head'")


def test_a_functional_model_is_read(tmp_path: Path) -> None:
    x = keras.Input((None, 3))
    y = layers.Dense(2)(layers.LSTM(4, name="reads")(x))
    keras.Model(x, y).save(tmp_path / "m.keras")
    found, left = read_keras(tmp_path / "m.keras")
    assert [one.name for one in found] == ["reads"]
    assert len(left) == 1


def test_layers_of_one_name_are_both_kept(tmp_path: Path) -> None:
    """Models inside others name their layers without looking at each other."""

    def inner(name: str) -> Any:
        gru = layers.GRU(3, return_sequences=True, name="g")
        return keras.Sequential([keras.Input((None, 3)), gru], name=name)

    x = keras.Input((None, 3))
    path, model = tmp_path / "m.keras", keras.Model(x, inner("b")(inner("a")(x)))
    model.save(path)
    found, _ = read_keras(path)
    write_layers(tmp_path / "l.safetensors", found)
    kept = read_layers(tmp_path / "l.safetensors")
    assert list(kept) == ["g", "g.2"]
    x = torch.randn(2, 5, 3)
    ours = layer_of(kept["g.2"])(layer_of(kept["g"])(x)[0])[0]
    torch.testing.assert_close(ours, model(x), rtol=0, atol=3e-6)


def test_a_layer_that_is_not_ours_leaves_the_others(tmp_path: Path) -> None:
    """It is told with its name and reason, also where its first direction reads backwards."""
    path = tmp_path / "m.keras"
    turned = layers.Bidirectional(
        layers.GRU(2, return_sequences=True, go_backwards=True),
        backward_layer=layers.GRU(2, return_sequences=True),
        name="turned",
    )
    saved(path, layers.GRU(2, activation="gelu", return_sequences=True, name="odd"), turned)
    with pytest.raises(ConversionError, match=r"GRU 'odd': .* has activation='gelu'"):
        read_keras(path)
    saved(path, turned, layers.LSTM(3, name="kept"))
    found, left = read_keras(path)
    assert [one.name for one in found] == ["kept"]
    assert left == (
        "the Bidirectional 'turned' has a forward layer with go_backwards=True: ours reads "
        "forwards first",
    )


def test_states_that_the_model_gives_are_told(tmp_path: Path) -> None:
    x, h = keras.Input((None, 3)), keras.Input((2,))
    steps = layers.GRU(2, return_sequences=True, name="plain")(x)
    y = layers.GRU(2, name="led")(steps, initial_state=layers.Dense(2)(h))
    keras.Model([x, h], y).save(tmp_path / "m.keras")
    found, _ = read_keras(tmp_path / "m.keras")
    notes = {one.name: one.notes for one in found}
    assert notes == {"plain": (), "led": ("led: its initial_state, given in the model",)}


def test_custom_objects_are_refused_by_name_and_never_executed(tmp_path: Path) -> None:
    """A Lambda, a registered class, a class of another module, an activation of one's own."""
    path = tmp_path / "m.keras"
    saved(path, layers.GRU(2), layers.Lambda(lambda x: x))
    with pytest.raises(ConversionError, match="holds a Lambda layer, which is code"):
        read_keras(path)

    @keras.saving.register_keras_serializable("mine")
    class Odd(layers.Dense):
        pass

    class Unregistered(layers.Dense):
        pass

    saved(path, layers.GRU(2), Odd(2))
    with pytest.raises(ConversionError, match="custom object mine>Odd: it is never executed"):
        read_keras(path)
    saved(path, layers.GRU(2), Unregistered(2))
    with pytest.raises(ConversionError, match="custom object Unregistered"):
        read_keras(path)

    @keras.saving.register_keras_serializable("mine")
    def bend(x: Any) -> Any:
        return x

    saved(path, layers.GRU(2, activation=bend))
    with pytest.raises(ConversionError, match="custom object mine>bend"):
        read_keras(path)
    saved(path, layers.GRU(2))

    def harm(config: Any, _: Any) -> None:
        config["config"]["layers"][1]["config"]["bias_initializer"] = {
            "module": "os",
            "class_name": "system",
            "config": {"command": "touch harm"},
        }

    with pytest.raises(ConversionError, match=r"custom object os\.system"):
        read_keras(changed(path, harm))


def place(weights: Any) -> Any:
    return weights["layers/gru/cell/vars"]


def linked(_: Any, weights: Any) -> None:
    del place(weights)["0"]
    place(weights)["0"] = h5py.ExternalLink("/etc/passwd", "/x")


def external(_: Any, weights: Any) -> None:
    del place(weights)["0"]
    place(weights).create_dataset("0", (3, 6), "f4", external=[("/etc/passwd", 0, 72)])


def halved(_: Any, weights: Any) -> None:
    array = place(weights)["0"][()]
    del place(weights)["0"]
    place(weights)["0"] = array.astype("f2")


def cut(_: Any, weights: Any) -> None:
    array = place(weights)["1"][()]
    del place(weights)["1"]
    place(weights)["1"] = array[:, :4]


DAMAGE = {
    "'0' are a link to another place": linked,
    "lie in another file": external,
    "weights of float16": halved,
    r"expected recurrent_kernel \[2, 6\], got \[2, 4\]": cut,
    "no weights for the layer 'gru'": lambda _, weights: weights["layers"].pop("gru"),
    "not as Keras writes it: 'units'": lambda c, _: c["config"]["layers"][1]["config"].pop("units"),
    "holds a Novel, not a Seq": lambda c, _: c.update(class_name="Novel"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damaged_or_forged_files_are_refused(what: str, tmp_path: Path) -> None:
    """Links and data outside the file are not followed; shapes must agree."""
    saved(tmp_path / "m.keras", layers.GRU(2, name="gru"))
    with pytest.raises(ConversionError, match=what):
        read_keras(changed(tmp_path / "m.keras", DAMAGE[what]))


def test_bytes_that_are_not_what_they_say_are_refused(tmp_path: Path) -> None:
    """In one sentence, and never by an error of the libraries below."""
    path, random = tmp_path / "m.keras", np.random.default_rng(0)
    saved(path, layers.GRU(2, name="gru"))
    whole = path.read_bytes()
    refused = 0
    for _ in range(40):
        raw = bytearray(whole)
        for place in random.integers(0, len(raw), 20):
            raw[place] = random.integers(256)
        path.write_bytes(raw)
        try:
            read_keras(path)
        except ConversionError:
            refused += 1
    assert refused > 20
    # A table of HDF5 without its mark, in a zip whose checksums agree.
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    arrays, said = parts["model.weights.h5"], set[str]()
    for table in re.finditer(b"SNOD", arrays):
        raw = bytearray(arrays)
        raw[table.start()] = 0
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", parts["config.json"])
            archive.writestr("model.weights.h5", bytes(raw))
        with pytest.raises(ConversionError) as error:
            read_keras(path)
        said |= {str(error.value).split(": ")[0].removeprefix(f"{path} ")}
    assert "is damaged" in said


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    with pytest.raises(ConversionError, match="cannot be read: No such file"):
        read_keras(path)
    path.write_text("no zip")
    with pytest.raises(ConversionError, match=r"is no \.keras file"):
        read_keras(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.txt", "x")
    with pytest.raises(ConversionError, match=r"has no config\.json"):
        read_keras(path)
    saved(path, layers.Dense(2, name="only"))
    with pytest.raises(ConversionError, match="no GRU, LSTM or SimpleRNN; it has Dense 'only'"):
        read_keras(path)
