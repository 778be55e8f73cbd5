"""A name that Keras does not know is refused with the nearest that it does."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from recurra.errors import SettingsError
from recurra.keras import GRU, SimpleRNN
from recurra.keras.names import refuse_names, word_of

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        ({"activation": "tanhh"}, "'tanh'"),
        ({"recurrent_activation": "hard_sigmod"}, "'hard_sigmoid'"),
        ({"kernel_initializer": "glorot_unifrom"}, "'glorot_uniform'"),
        ({"recurrent_initializer": "orthagonal"}, "'orthogonal'"),
        ({"bias_regularizer": "l3"}, "'l[12]'"),
        ({"kernel_regularizer": "l1_l2"}, "'L1L2'"),
        ({"activation": "TANH"}, "'tanh'"),
        ({"kernel_constraint": "non_negg"}, "'non_neg'"),
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
    refuse_names("GRU", given)


def test_looking_at_names_draws_nothing() -> None:
    """After the same seed the weights are those of Keras' own layer."""
    both = []
    for source in (GRU, keras.layers.GRU):
        keras.utils.set_random_seed(3)
        layer = source(4)
        layer.build((None, None, 2))
        both.append(layer.cell.get_weights()[:3])
    for one, other in zip(*both, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_no_name_is_left_to_keras() -> None:
    with pytest.raises(ValueError, match="expected a positive integer, got 0"):
        GRU(0)
    with pytest.raises(ValueError, match="Unrecognized keyword arguments"):
        GRU(3, actvation="tanh")


def test_only_keras_own_functions_have_our_words() -> None:
    """A function of one's own that borrows a name is not the kernels'."""

    def tanh(x: Any) -> Any:
        return x

    assert word_of(keras.activations.tanh) == "tanh"
    assert word_of(keras.activations.linear) == word_of(None) == "identity"
    assert word_of(tanh) is None
    assert word_of(keras.activations.gelu) is None
