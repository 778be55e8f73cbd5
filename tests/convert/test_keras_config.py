"""A Keras config says the same in our words, or is refused by the name of what ours lack."""

from __future__ import annotations

from typing import Any

import pytest

from recurra.convert.keras_config import cell_of_config, training_only
from recurra.errors import ConversionError
from recurra.spec.cells import GRUCell, LSTMCell, RNNCell

CONFIG: dict[str, Any] = {
    "name": "n",
    "units": 2,
    "use_bias": False,
    "activation": "linear",
    "recurrent_activation": "hard_sigmoid",
    "reset_after": False,
}


def test_words_are_ours() -> None:
    sizes = {"input_size": 3, "hidden_size": 2, "bias": False, "activation": "identity"}
    gate = {"gate_activation": "hard_sigmoid"}
    shapes = [(3, 6)]
    assert cell_of_config(CONFIG, "GRU", shapes) == GRUCell(**sizes, **gate, reset="before")
    assert cell_of_config(CONFIG, "LSTM", shapes) == LSTMCell(**sizes, **gate)
    assert cell_of_config(CONFIG, "SimpleRNN", shapes) == RNNCell(**sizes)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"activation": "swish"}, "activation='swish'; ours have tanh"),
        ({"activation": "tanhh"}, "the nearest name is 'tanh'"),
        ({"activation": {"class_name": "__lambda__", "config": {}}}, "activation='a lambda'"),
        ({"activation": {"class_name": "LeakyReLU", "config": "x"}}, "activation='x'"),
        ({"recurrent_activation": "relu"}, "can turn round"),
    ],
)
def test_what_ours_lack_is_named(change: dict[str, Any], what: str) -> None:
    with pytest.raises(ConversionError, match=what):
        cell_of_config(CONFIG | change, "GRU", [(3, 6)])


def test_a_layer_without_a_kernel_is_refused() -> None:
    for shapes in ([], [(3,)]):
        with pytest.raises(ConversionError, match="'n' has no kernel"):
            cell_of_config(CONFIG, "GRU", shapes)


def test_what_acts_in_training_only() -> None:
    config = {"dropout": 0.5, "recurrent_dropout": 0.0, "kernel_regularizer": {"class_name": "L2"}}
    assert training_only(config) == ["dropout=0.5", "kernel_regularizer=L2"]
    assert training_only(CONFIG) == []
