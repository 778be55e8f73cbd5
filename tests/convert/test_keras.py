"""Keras' layers and ours compute the same after a conversion, and give the same bits back."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recurra.convert import from_keras, from_torch, to_keras
from recurra.errors import ConversionError
from recurra.layers import GRU, LSTM, RNN, Bidirectional, Linear, MinGRU, Stack

pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "torch", reason="Keras runs on another backend"),
    # Keras 3.15 asks numpy for an array in a way that numpy 2 deprecates.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
# Of float64 too: keras.ops.matmul on torch multiplies float64 in float32 (Keras 3.15).
TOLERANCE = 3e-6
ACTIVATIONS = ("tanh", "relu", "sigmoid", "hard_sigmoid", "hard_tanh", "softsign", "linear")


def filled(layer: Any, seed: int, inputs: int = 3) -> Any:
    """The layer with weights in (-0.8, 0.8), biases too."""
    layer.build((None, None, inputs))
    random = np.random.default_rng(seed)
    layer.set_weights([random.uniform(-0.8, 0.8, w.shape) for w in layer.get_weights()])
    return layer


@st.composite
def recipes(draw: st.DrawFn) -> tuple[Any, ...]:
    """Kind, units, choices, both directions, seed: any form that ours can hold."""
    kind = draw(st.sampled_from(("GRU", "LSTM", "SimpleRNN")))
    choices: dict[str, Any] = {
        "activation": draw(st.sampled_from(ACTIVATIONS)),
        "use_bias": draw(st.booleans()),
        "return_sequences": True,
        "dtype": draw(st.sampled_from(("float32", "float64"))),
    }
    if kind == "GRU":
        choices["reset_after"] = draw(st.booleans())
        choices["recurrent_activation"] = draw(st.sampled_from(("sigmoid", "hard_sigmoid")))
    if kind == "LSTM":
        choices["recurrent_activation"] = draw(st.sampled_from(ACTIVATIONS))
    return kind, draw(st.integers(1, 4)), choices, draw(st.booleans()), draw(st.integers(0, 99))


def cooked(kind: str, units: int, choices: dict[str, Any], both: bool, seed: int) -> Any:
    layer = getattr(keras.layers, kind)(units, **choices)
    if both:
        layer = keras.layers.Bidirectional(layer, dtype=choices["dtype"])
    return filled(layer, seed)


def bits(layer: Any) -> list[bytes]:
    return [array.tobytes() for array in layer.get_weights()]


@given(recipe=recipes(), seed=st.integers(0, 99))
def test_values_agree_and_weights_come_back(recipe: Any, seed: int) -> None:
    """Whatever Keras' layer is, ours gives its outputs, and to_keras its weights to the bit."""
    layer = cooked(*recipe)
    dtype = np.dtype(layer.compute_dtype)
    x = np.random.default_rng(seed).normal(size=(2, 5, 3)).astype(dtype)
    ours = from_keras(layer)
    y = ours(torch.from_numpy(x))[0]
    theirs = layer(x)
    scale = max(1.0, float(theirs.detach().abs().max()))
    torch.testing.assert_close(y, theirs, rtol=0, atol=scale * TOLERANCE)
    back = to_keras(ours)
    assert type(back) is type(layer)
    assert bits(back) == bits(layer)
    torch.testing.assert_close(back(x), theirs, rtol=0, atol=0)


CELLS = {
    "gru": lambda: keras.layers.GRUCell(4),
    "gru before": lambda: keras.layers.GRUCell(3, reset_after=False, use_bias=False),
    "lstm": lambda: keras.layers.LSTMCell(4, recurrent_activation="hard_sigmoid"),
    "rnn": lambda: keras.layers.SimpleRNNCell(2, activation="relu"),
}


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("what", CELLS)
def test_a_cell_that_an_rnn_runs(what: str, both: bool) -> None:
    """RNN over a cell, in one direction and both: the same values, the same bits back."""
    layer = keras.layers.RNN(CELLS[what](), return_sequences=True)
    layer = filled(keras.layers.Bidirectional(layer) if both else layer, 7)
    ours = from_keras(layer)
    x = torch.randn(2, 5, 3)
    torch.testing.assert_close(ours(x)[0], layer(x), rtol=0, atol=TOLERANCE)
    assert bits(to_keras(ours)) == bits(layer)


@pytest.mark.parametrize("form", ["a list", "StackedRNNCells", "one of them"])
def test_cells_above_one_another(form: str) -> None:
    """They are a Stack; what each but the first drops is dropped between its layers."""
    cells = [keras.layers.LSTMCell(4)]
    if form != "one of them":
        cells += [
            keras.layers.GRUCell(2, dropout=0.25),
            keras.layers.SimpleRNNCell(3, dropout=0.25),
        ]
    given = cells if form == "a list" else keras.layers.StackedRNNCells(cells)
    layer = filled(keras.layers.RNN(given, return_sequences=True), 8)
    ours = from_keras(layer).eval()
    x = torch.randn(2, 5, 3)
    torch.testing.assert_close(ours(x)[0], layer(x), rtol=0, atol=TOLERANCE)
    assert bits(to_keras(ours)) == bits(layer)
    if form != "one of them":
        assert (ours.node.dropout, ours.node.variational) == (0.25, True)
        above = filled(keras.layers.GRU(2, dropout=0.25), 9)
        assert len(from_keras([layer, above]).node.layers) == 4


def test_cells_that_go_backwards() -> None:
    one = keras.layers.RNN(keras.layers.GRUCell(2), go_backwards=True, return_sequences=True)
    x = torch.randn(2, 5, 3)
    ours = from_keras(filled(one, 4), reverse=True)
    torch.testing.assert_close(ours(x, reverse=True)[0].flip(1), one(x), rtol=0, atol=TOLERANCE)
    two = [keras.layers.GRUCell(2), keras.layers.GRUCell(2)]
    with pytest.raises(ConversionError, match="for one layer of one cell"):
        from_keras(filled(keras.layers.RNN(two, go_backwards=True), 4), reverse=True)


def _over_another() -> Any:
    class ConvLSTMLike(keras.layers.LSTMCell):
        """A cell of one's own."""

    ConvLSTMLike.__module__ = "keras.other"
    return keras.layers.RNN(ConvLSTMLike(2), name="odd")


OURS = {
    "gru": lambda: GRU(3, 4, reset="after"),
    "gru before": lambda: GRU(3, 4, reset="before", bias=False),
    "lstm": lambda: LSTM(3, 4, gate_activation="hard_sigmoid"),
    "rnn": lambda: RNN(3, 4, activation="relu"),
    "both ways": lambda: Bidirectional(GRU(3, 4), GRU(3, 4)),
    "stack": lambda: Stack([GRU(3, 4), LSTM(4, 5)], dropout=0.25, variational=True),
    "deep": lambda: Stack([Bidirectional(LSTM(3, 4), LSTM(3, 4)), RNN(8, 2)]),
}


@pytest.mark.parametrize("what", OURS)
def test_ours_come_back_too(what: str) -> None:
    """Ours -> Keras -> ours: the same node, the same bits."""
    torch.manual_seed(3)
    layer = OURS[what]().double()
    for name, parameter in layer.named_parameters():
        # Keras' LSTM and SimpleRNN have one bias, so the second is zero here.
        if name.endswith("bias") and (what == "gru" or not name.endswith("recurrent_bias")):
            torch.nn.init.normal_(parameter)
    theirs = to_keras(layer)
    back = from_keras(theirs)
    assert back.node == layer.node
    for name, value in layer.state_dict().items():
        assert torch.equal(back.state_dict()[name], value), name
    x = torch.randn(2, 6, 3, dtype=torch.float64)
    torch.testing.assert_close(layer.eval()(x)[0], theirs(x), rtol=0, atol=TOLERANCE)


def test_pytorch_s_two_biases_become_keras_sum() -> None:
    """PyTorch -> ours -> Keras: an LSTM's biases are added, and the values agree."""
    theirs = torch.nn.LSTM(3, 4, num_layers=2, batch_first=True).double()
    made = to_keras(from_torch(theirs))
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    torch.testing.assert_close(made(x), theirs(x)[0], rtol=0, atol=TOLERANCE)
    assert len(made.layers) == 2


def test_the_update_gate_is_turned_round() -> None:
    """The update block is Keras' negated; the others are as they were, in our order."""
    layer = filled(keras.layers.GRU(2), 1)
    kernel = layer.get_weights()[0]
    reset, update, candidate = from_keras(layer).input_weight.detach().numpy().reshape(3, 2, 3)
    np.testing.assert_array_equal(update, -kernel[:, 0:2].T)
    np.testing.assert_array_equal(reset, kernel[:, 2:4].T)
    np.testing.assert_array_equal(candidate, kernel[:, 4:6].T)


def test_backwards_is_said_aloud() -> None:
    """go_backwards=True is taken with reverse=True, and ours then stands at each step."""
    layer = filled(keras.layers.GRU(2, go_backwards=True, return_sequences=True), 4)
    with pytest.raises(ConversionError, match=r"go_backwards=True: say reverse=True"):
        from_keras(layer)
    ours = from_keras(layer, reverse=True)
    x = torch.randn(2, 5, 3)
    torch.testing.assert_close(ours(x, reverse=True)[0].flip(1), layer(x), rtol=0, atol=TOLERANCE)
    assert to_keras(ours, reverse=True).go_backwards
    with pytest.raises(ConversionError, match="for a single cell"):
        to_keras(Stack([GRU(3, 3), GRU(3, 3)]), reverse=True)


def test_frozen_weights_stay_frozen() -> None:
    """trainable goes along both ways."""
    layer = filled(keras.layers.LSTM(2, trainable=False), 5)
    ours = from_keras(layer)
    assert not any(parameter.requires_grad for parameter in ours.parameters())
    assert not to_keras(ours).trainable


def test_what_acts_in_training_only_is_left_out_by_name() -> None:
    """Dropout, regularisers and constraints are refused by name, or left out when asked."""
    layer = keras.layers.GRU(2, dropout=0.1, kernel_regularizer="l2", bias_constraint="non_neg")
    with pytest.raises(ConversionError, match=r"dropout=0\.1, kernel_regularizer=L2, bias_constr"):
        from_keras(filled(layer, 6))
    assert from_keras(layer, inference=True).node.hidden_size == 2


REFUSED_BY_OURS = {
    "merge_mode='sum'": lambda: keras.layers.Bidirectional(keras.layers.GRU(2), merge_mode="sum"),
    "activation='swish'|activation='silu'": lambda: keras.layers.LSTM(2, activation="swish"),
    "recurrent_activation='relu': its update": lambda: keras.layers.GRU(
        2, recurrent_activation="relu"
    ),
    "got keras.*Conv1D": lambda: keras.layers.Conv1D(2, 1),
    r"RNN 'odd' runs keras.*ConvLSTM.* ours are GRUCell": lambda: _over_another(),
    "'two' runs 2 cells one above another": lambda: keras.layers.Bidirectional(
        keras.layers.RNN([keras.layers.GRUCell(2), keras.layers.GRUCell(2)]), name="two"
    ),
    "got keras.*GRUCell": lambda: keras.layers.GRUCell(2),
    "weights of float16": lambda: keras.layers.GRU(
        2, recurrent_initializer="zeros", dtype="float16"
    ),
}


@pytest.mark.parametrize("what", REFUSED_BY_OURS)
def test_what_ours_cannot_hold_is_refused(what: str) -> None:
    layer = REFUSED_BY_OURS[what]()
    layer.build((None, 3) if isinstance(layer, keras.layers.GRUCell) else (None, None, 3))
    with pytest.raises(ConversionError, match=what):
        from_keras(layer)


def test_other_things_are_refused() -> None:
    """A layer without weights, a subclass, a chain that passes on no steps, nothing at all."""

    class Twice(keras.layers.GRU):
        def call(self, *arguments: Any, **more: Any) -> Any:
            return 2 * super().call(*arguments, **more)

    with pytest.raises(ConversionError, match="no weights yet"):
        from_keras(keras.layers.GRU(2))
    with pytest.raises(ConversionError, match=r"got .*Twice"):
        from_keras(filled(Twice(2), 1))
    with pytest.raises(ConversionError, match="return_sequences=False"):
        from_keras([filled(keras.layers.GRU(3), 1), filled(keras.layers.GRU(3), 1)])
    with pytest.raises(ConversionError, match="at least one"):
        from_keras([])


REFUSED_BY_KERAS = {
    "reset='none'": lambda: GRU(3, 4, reset="none"),
    "gate_activation='relu': its update gate": lambda: GRU(3, 4, gate_activation="relu"),
    "learn_initial_state": lambda: RNN(3, 4, learn_initial_state=True),
    "zoneout=0.1": lambda: GRU(3, 4, zoneout=0.1),
    "zoneout_cell": lambda: LSTM(3, 4, zoneout_cell=0.1),
    "weight_dropout": lambda: LSTM(3, 4, weight_dropout=0.1),
    "residual": lambda: Stack([GRU(4, 4), GRU(4, 4)], residual=True),
    "variational=False": lambda: Stack([GRU(4, 4), GRU(4, 4)], dropout=0.1),
    "a mingru": lambda: MinGRU(3, 4),
    "differ in hidden_size": lambda: Bidirectional(GRU(4, 4), GRU(4, 5)),
    "expected a GRU, LSTM, RNN": lambda: Linear(3, 4),
}


@pytest.mark.parametrize("what", REFUSED_BY_KERAS)
def test_what_keras_cannot_hold_is_refused(what: str) -> None:
    with pytest.raises(ConversionError, match=what):
        to_keras(REFUSED_BY_KERAS[what]())
