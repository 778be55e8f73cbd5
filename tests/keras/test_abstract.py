"""Values and gradients are those of `keras.layers`, whatever the arguments; `why` says the way."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

import recurra.keras
from keras_agreement import CHOICES, TOLERANCE, allowed, deviation
from keras_own_cases import outcomes
from recurra.errors import SettingsError, ShapeError
from recurra.keras import GRU, LSTM, SimpleRNN

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "torch", reason="Keras runs on another backend"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
LAYERS = {"GRU": GRU, "LSTM": LSTM, "SimpleRNN": SimpleRNN}


@given(
    recipe=st.fixed_dictionaries({n: st.sampled_from(c) for n, c in CHOICES.items()}),
    kind=st.sampled_from(tuple(LAYERS)),
)
def test_every_combination_computes_what_keras_computes(recipe: Any, kind: str) -> None:
    """All arguments drawn together: outputs, states, penalties and every gradient, on torch."""
    recipe = recipe | {"kind": kind}
    assume(allowed(recipe))
    assert deviation(recipe) < TOLERANCE


def other_backend(name: str, program: str, *more: str) -> str:
    """What one of the programs in `tests` prints for another backend, in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", str(ROOT / "tests" / f"{program}.py"), *more],
        env={**os.environ, "KERAS_BACKEND": name, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout


def test_elsewhere_it_is_keras_own_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Keras does not run on torch, its own class computes the loop, and `why` says so."""
    layer = GRU(2)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr(keras.layers.GRU, "inner_loop", lambda self, *given, **more: "theirs")
    assert layer.inner_loop(None, None, None) == "theirs"
    assert layer.why() == ("Keras' own loop, since Keras runs on jax, and the kernels are torch's")


def test_on_jax_too() -> None:
    """A few drawn recipes, in a process whose Keras runs on JAX."""
    pytest.importorskip("jax")
    assert "jax: 2 recipes" in other_backend("jax", "keras_agreement", "2")


@pytest.mark.deep
@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_on_other_backends_at_length(backend: str) -> None:
    """Values and gradients of drawn arguments, and Keras' own cases."""
    pytest.importorskip(backend)
    assert f"{backend}: 20 recipes" in other_backend(backend, "keras_agreement", "20", "--unrolled")
    assert f"{backend} LSTM test_masking: passed" in other_backend(backend, "keras_own_cases")


@pytest.mark.parametrize(
    ("kind", "more", "training", "why"),
    [
        ("GRU", {}, True, "recurra's kernels"),
        ("GRU", {"reset_after": False, "dropout": 0.5}, True, "recurra's kernels"),
        ("GRU", {"recurrent_dropout": 0.5}, False, "recurra's kernels"),
        ("GRU", {"recurrent_dropout": 0.5}, True, "its dropout draws anew for each gate"),
        ("GRU", {"recurrent_activation": "softsign"}, False, "update gate of one minus softsign"),
        ("LSTM", {"recurrent_activation": "softsign"}, False, "recurra's kernels"),
        ("LSTM", {"activation": "gelu"}, False, "no kernel has activation=gelu"),
        ("SimpleRNN", {"recurrent_dropout": 0.5}, True, "recurra's kernels"),
        ("SimpleRNN", {"activation": None}, True, "recurra's kernels"),
    ],
)
def test_why_says_what_computes_it(kind: str, more: Any, training: bool, why: str) -> None:
    assert why in LAYERS[kind](2, **more).why(training=training)


@pytest.mark.parametrize("kind", LAYERS)
def test_keras_own_tests_pass_with_our_layers(kind: str) -> None:
    """The cases of the installed Keras, its `layers` replaced by ours; all but those for others."""
    pytest.importorskip("keras.src.layers.rnn.gru_test")
    found = outcomes(kind)
    left = {name for name, outcome in found.items() if outcome.startswith("left out")}
    assert {name: outcome for name, outcome in found.items() if outcome != "passed"}.keys() == left
    assert len(found) - len(left) >= 5
    # For TensorFlow alone, and for a GPU with cuDNN.
    assert left <= {"test_stateful_with_symbolic_batch_size", "test_torch_cudnn_dispatch_fires"}


@pytest.mark.parametrize("kind", LAYERS)
def test_models_are_saved_and_loaded(kind: str, tmp_path: Path) -> None:
    """Sequential, with a mask from an embedding, and functional, both ways: the same answers."""
    layer = LAYERS[kind]
    tokens = np.array([[1, 2, 3, 0, 0], [4, 1, 0, 0, 0]])
    text = keras.Sequential(
        [
            keras.layers.Embedding(5, 3, mask_zero=True),
            keras.layers.Bidirectional(layer(4, return_sequences=True, activation="relu")),
            layer(2, go_backwards=True, kernel_regularizer="l2"),
        ]
    )
    x = keras.Input((None, 3))
    series = keras.Model(x, layer(3, return_state=True, dropout=0.2)(x))
    for k, (model, inputs) in enumerate(((text, tokens), (series, np.ones((2, 4, 3), "f4")))):
        before = keras.tree.flatten(model.predict(inputs, verbose=0))
        model.save(tmp_path / f"{k}.keras")
        again = keras.models.load_model(tmp_path / f"{k}.keras")
        after = keras.tree.flatten(again.predict(inputs, verbose=0))
        for one, other in zip(before, after, strict=True):
            np.testing.assert_array_equal(one, other)
    assert type(again.layers[-1]) is layer


@pytest.mark.parametrize("kind", LAYERS)
def test_config_says_all_that_the_constructor_took(kind: str) -> None:
    given = {"activation": "relu", "dropout": 0.1, "bias_constraint": "non_neg", "stateful": True}
    layer = LAYERS[kind](3, **given)
    config = layer.get_config()
    assert LAYERS[kind].from_config(config).get_config() == config
    peer = getattr(keras.layers, kind)(3, **given).get_config()
    assert set(config) == set(peer)
    assert config["dropout"] == 0.1


def test_a_symbolic_call_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Building a functional model over long sequences asks for shapes alone."""
    kernels = importlib.import_module("recurra.keras.kernels")
    monkeypatch.setattr(kernels.ops, "gru", None)
    y = GRU(4, return_sequences=True)(keras.Input((5000, 3)))
    assert y.shape == (None, 5000, 4)


def test_states_are_kept_and_reset() -> None:
    """A stateful layer goes on where the last batch ended, until reset_states()."""
    layer = GRU(3, stateful=True)
    x = torch.randn(2, 4, 3)
    first, second = layer(x), layer(x)
    assert not torch.allclose(first, second)
    layer.reset_states()
    torch.testing.assert_close(layer(x), first, rtol=0, atol=0)


def test_training_learns() -> None:
    """compile and fit run, and the loss falls."""
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(64, 8, 2)).astype("f4")
    y = x.sum((1, 2))[:, None]
    model = keras.Sequential([GRU(8, reset_after=False), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    losses = model.fit(x, y, epochs=30, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < 0.9 * losses[0]


def both_ways(make: Any) -> list[Any]:
    """What `make` makes of our layers and of Keras', from the same seed."""
    made = []
    for source in (recurra.keras, keras.layers):
        keras.utils.set_random_seed(1)
        made.append(make(source))
    return made


def assert_near(ours: Any, theirs: Any, atol: float = 2e-6) -> None:
    for one, other in zip(keras.tree.flatten(ours), keras.tree.flatten(theirs), strict=True):
        came, wanted = (keras.ops.convert_to_numpy(array) for array in (one, other))
        np.testing.assert_allclose(came, wanted, rtol=0, atol=atol)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("merge", ["concat", "sum", "mul", "ave", None])
def test_both_directions_and_inner_time(kind: str, merge: str | None) -> None:
    """Inside Keras' Bidirectional, with a mask and with states, and inside its TimeDistributed."""
    draw = np.random.default_rng(0)
    x, mask = draw.normal(size=(6, 7, 4)).astype("f4"), draw.random((6, 7)) < 0.7
    for more in ({"return_sequences": True}, {"return_state": True}):
        ours, theirs = both_ways(
            lambda source, more=more: keras.layers.Bidirectional(
                getattr(source, kind)(3, **more), merge_mode=merge
            )
        )
        assert type(ours.backward_layer) is LAYERS[kind]
        assert_near(ours(x, mask=mask), theirs(x, mask=mask))
    rows = draw.normal(size=(2, 3, 5, 4)).astype("f4")
    ours, theirs = both_ways(lambda s: keras.layers.TimeDistributed(getattr(s, kind)(3)))
    assert_near(ours(rows), theirs(rows))


@pytest.mark.parametrize("hidden", [False, True], ids=["no mask", "a mask"])
@pytest.mark.parametrize("kind", LAYERS)
def test_a_rate_of_one_drops_what_keras_drops(kind: str, hidden: bool) -> None:
    """Keras' GRU and LSTM drop every input, and none where a mask leads to their cells' loop."""
    x, mask = torch.randn(2, 4, 3), torch.ones(2, 4, dtype=torch.bool) if hidden else None
    found = []
    for source in (keras.layers, recurra.keras):
        keras.utils.set_random_seed(0)
        layer = getattr(source, kind)(3, dropout=1.0, bias_initializer="uniform", seed=1)
        found.append(layer(x, mask=mask, training=True).detach())
    torch.testing.assert_close(found[1], found[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("recurrent_dropout", [0.0, 0.2])
def test_fit_takes_the_same_steps(kind: str, recurrent_dropout: float) -> None:
    """Keras' own fit, compiled as it chooses: masks, dropout, penalties and constraints at work."""
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(12, 6, 3)).astype("f4"), draw.normal(size=(12, 1)).astype("f4")
    x[draw.random((12, 6)) < 0.3] = 0.0

    def trained(source: Any) -> Any:
        layer = getattr(source, kind)
        inputs = keras.Input((None, 3))
        steps = layer(5, return_sequences=True, dropout=0.2, recurrent_dropout=recurrent_dropout)(
            keras.layers.Masking()(inputs)
        )
        state = layer(
            3, go_backwards=True, kernel_regularizer="l2", recurrent_constraint="unit_norm"
        )(steps)
        model = keras.Model(inputs, keras.layers.Dense(1)(state))
        model.compile(keras.optimizers.SGD(0.1), "mse")
        model.fit(x, y, epochs=3, batch_size=4, verbose=0)
        return model

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = both_ways(trained)
    assert_near(ours.get_weights(), theirs.get_weights(), atol=1e-5)
    again = keras.models.model_from_json(keras.models.clone_model(ours).to_json())
    again.set_weights(ours.get_weights())
    assert type(again.layers[2]) is LAYERS[kind]
    assert_near(again.predict(x, verbose=0), ours.predict(x, verbose=0), atol=0)


@pytest.mark.parametrize("kind", LAYERS)
def test_what_does_not_fit_is_said(kind: str) -> None:
    layer = LAYERS[kind](3)
    x = torch.randn(6, 7, 4)
    layer(x)
    states = 2 if kind == "LSTM" else 1
    with pytest.raises(ShapeError, match=rf"{kind} expected x \[B, T, I=4\], got \[6, 7, 2\]"):
        layer(x[:, :, :2])
    with pytest.raises(ShapeError, match=r"an initial_state \[B=6, H=3\] .* got \[6, 9\]"):
        layer(x, initial_state=[torch.zeros(6, 9)] * states)
    with pytest.raises(ShapeError, match=r"expected a mask \[B=6, T=7\], got \[6, 5\]"):
        layer(x, mask=torch.ones(6, 5, dtype=torch.bool))
    if kind != "SimpleRNN":
        with pytest.raises(SettingsError, match="runs on recurra's kernels, not on cuDNN"):
            LAYERS[kind](3, use_cudnn=True)(x)
