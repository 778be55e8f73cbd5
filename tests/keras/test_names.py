"""A name that Keras does not know is refused with the nearest that it does."""

from __future__ import annotations

from typing import Any

import keras
import pytest

from recurra.errors import SettingsError
from recurra.keras import GRU, SimpleRNN
from recurra.keras.names import check_names, word_of


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        ({"activation": "tanhh"}, "'tanh'"),
        ({"recurrent_activation": "hard_sigmod"}, "'hard_sigmoid'"),
        ({"kernel_initializer": "glorot_unifrom"}, "'glorot_uniform'"),
        ({"recurrent_initializer": "orthagonal"}, "'orthogonal'"),
        ({"bias_regularizer": "l3"}, "'l[12]'"),
        ({"kernel_constraint": "nonneg"}, "'non_neg'"),
    ],
)
def test_typos_are_met_with_the_nearest_name(arguments: dict[str, Any], nearest: str) -> None:
    (name,) = arguments
    with pytest.raises(SettingsError, match=f"GRU expected {name} .*did you mean {nearest}"):
        GRU(3, **arguments)


def test_positional_names_are_looked_at_too() -> None:
    with pytest.raises(SettingsError, match="SimpleRNN expected activation"):
        SimpleRNN(3, "tanhh")


def test_what_keras_knows_passes() -> None:
    """Names in either case, objects, functions, None."""
    given: dict[str, Any] = {
        "activation": "swish",
        "kernel_initializer": "GlorotNormal",
        "bias_initializer": keras.initializers.Constant(0.5),
        "kernel_regularizer": None,
        "recurrent_constraint": keras.constraints.MaxNorm(2),
        "units": "not looked at",
    }
    check_names("GRU", given)


def test_only_keras_own_functions_have_our_words() -> None:
    """A function of one's own that borrows a name is not the kernels'."""

    def tanh(x: Any) -> Any:
        return x

    assert word_of(keras.activations.tanh) == "tanh"
    assert word_of(keras.activations.linear) == word_of(None) == "identity"
    assert word_of(tanh) is None
    assert word_of(keras.activations.gelu) is None
