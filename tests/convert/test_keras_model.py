"""A .keras file's recurrent layers are read from its bytes, and nothing in it is ever executed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import keras
import pytest
import torch
from keras import layers

from convert.keras_files import changed, saved
from recurra.convert.found import read_layers, write_layers
from recurra.convert.keras_child import layers_in
from recurra.convert.onnx_layer import layer_of
from recurra.errors import ConversionError

pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "torch", reason="Keras runs on another backend"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def test_layers_in_a_row_become_one(tmp_path: Path) -> None:
    """A stack of both ways and one way, named in Chinese, computes what the model computes."""
    path = tmp_path / "模型.keras"
    model = saved(
        path,
        layers.Bidirectional(layers.LSTM(4, return_sequences=True), name="编码"),
        layers.Dropout(0.2),
        layers.GRU(5, return_sequences=True, reset_after=False, dropout=0.1, name="gru"),
    )
    found, left = layers_in(path)
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
    found, left = layers_in(path)
    assert [one.name for one in found] == ["low", "back", inner.layers[0].name, "high"]
    assert [one.reverse for one in found] == [False, True, False, False]
    assert left == ("Dense 'mix'", "Dense 'head'")


def test_cells_that_an_rnn_runs_are_read(tmp_path: Path) -> None:
    """RNN over one cell, over several, in both directions: with the layers they make one stack."""
    path = tmp_path / "m.keras"
    cells = [layers.GRUCell(4, dropout=0.1), layers.LSTMCell(3), layers.GRUCell(2)]
    model = saved(
        path,
        layers.RNN(layers.GRUCell(5, reset_after=False), return_sequences=True, name="one"),
        layers.Bidirectional(layers.RNN(layers.SimpleRNNCell(2), return_sequences=True)),
        layers.RNN(cells, return_sequences=True, name="three"),
        layers.RNN(layers.StackedRNNCells([layers.LSTMCell(2)]), return_sequences=True),
    )
    found, left = layers_in(path)
    assert [one.name for one in found] == ["one"]
    assert len(found[0].node.layers) == 6
    assert (found[0].notes, left) == (("three: dropout=0.1",), ())
    x = torch.randn(2, 6, 3)
    torch.testing.assert_close(layer_of(found[0])(x)[0], model(x), rtol=0, atol=3e-6)


def test_an_rnn_that_ours_cannot_hold_is_refused(tmp_path: Path) -> None:
    """Several cells that go backwards or both ways, with the reason; one cell may."""
    path = tmp_path / "m.keras"
    two = [layers.GRUCell(2), layers.GRUCell(2)]
    saved(
        path,
        layers.RNN(layers.LSTMCell(2), go_backwards=True, return_sequences=True, name="back"),
        layers.RNN(two, go_backwards=True, return_sequences=True, name="deep"),
        layers.Bidirectional(layers.RNN(two), name="both"),
    )
    found, left = layers_in(path)
    assert [(one.name, one.reverse) for one in found] == [("back", True)]
    assert left == (
        "the RNN 'deep' has go_backwards=True over 2 cells: ours reads one cell backwards",
        "the Bidirectional 'both' runs 2 cells one above another each way: ours runs one",
    )


def test_a_functional_model_is_read(tmp_path: Path) -> None:
    x = keras.Input((None, 3))
    y = layers.Dense(2)(layers.LSTM(4, name="reads")(x))
    keras.Model(x, y).save(tmp_path / "m.keras")
    found, left = layers_in(tmp_path / "m.keras")
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
    found, _ = layers_in(path)
    write_layers(tmp_path / "l.safetensors", found)
    kept = read_layers(tmp_path / "l.safetensors")
    assert list(kept) == ["g", "g.2"]
    third = layers.GRU(3, return_sequences=True, name="h")
    saved(path, inner("c"), inner("d"), keras.Sequential([keras.Input((None, 3)), third]))

    def renamed(config: Any, weights: Any) -> None:
        config["config"]["layers"][3]["config"]["layers"][1]["config"]["name"] = "g.2"
        weights["layers/sequential_2/layers/gru/vars"].attrs["name"] = "g.2"

    assert [one.name for one in layers_in(changed(path, renamed))[0]] == ["g", "g.2", "g.2.2"]
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
        layers_in(path)
    saved(path, turned, layers.LSTM(3, name="kept"))
    found, left = layers_in(path)
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
    found, _ = layers_in(tmp_path / "m.keras")
    notes = {one.name: one.notes for one in found}
    assert notes == {"plain": (), "led": ("led: its initial_state, given in the model",)}


def test_custom_objects_are_refused_by_name_and_never_executed(tmp_path: Path) -> None:
    """A Lambda, a registered class, a class of another module, an activation of one's own."""
    path = tmp_path / "m.keras"
    saved(path, layers.GRU(2), layers.Lambda(lambda x: x))
    with pytest.raises(ConversionError, match="holds a Lambda layer, which is code"):
        layers_in(path)

    @keras.saving.register_keras_serializable("mine")
    class Odd(layers.Dense):
        pass

    class Unregistered(layers.Dense):
        pass

    saved(path, layers.GRU(2), Odd(2))
    with pytest.raises(ConversionError, match="custom object mine>Odd: it is never executed"):
        layers_in(path)
    saved(path, layers.GRU(2), Unregistered(2))
    with pytest.raises(ConversionError, match="custom object Unregistered"):
        layers_in(path)

    @keras.saving.register_keras_serializable("mine")
    def bend(x: Any) -> Any:
        return x

    saved(path, layers.GRU(2, activation=bend))
    with pytest.raises(ConversionError, match="custom object mine>bend"):
        layers_in(path)
    saved(path, layers.GRU(2))

    def harm(config: Any, _: Any) -> None:
        config["config"]["layers"][1]["config"]["bias_initializer"] = {
            "module": "os",
            "class_name": "system",
            "config": {"command": "touch harm"},
        }

    with pytest.raises(ConversionError, match=r"custom object os\.system"):
        layers_in(changed(path, harm))


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


def unheld(_: Any, weights: Any) -> None:
    del place(weights)["0"]
    place(weights).create_dataset("0", (10**6, 10**6), "f4", chunks=(10, 10))


DAMAGE = {
    "'0' are a link to another place": linked,
    "lie in another file": external,
    "weights of float16": halved,
    r"expected recurrent_kernel \[2, 6\], got \[2, 4\]": cut,
    "no weights for the layer 'gru'": lambda _, weights: weights["layers"].pop("gru"),
    "not as Keras writes it: 'units'": lambda c, _: c["config"]["layers"][1]["config"].pop("units"),
    r"claims weights of \[1000000, 1000000\] and does not hold": unheld,
    "holds a Novel, not a Seq": lambda c, _: c.update(class_name="Novel"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damaged_or_forged_files_are_refused(what: str, tmp_path: Path) -> None:
    """Links and data outside the file are not followed; shapes must agree."""
    saved(tmp_path / "m.keras", layers.GRU(2, name="gru"))
    with pytest.raises(ConversionError, match=what):
        layers_in(changed(tmp_path / "m.keras", DAMAGE[what]))
