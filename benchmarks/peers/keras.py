"""Keras on JAX: its layer as a pure function, compiled by XLA."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.harness import Contender
from benchmarks.layer import WEIGHTS, Array, Layer

__all__ = ["inference", "training"]

_CLASSES = {"gru": "GRU", "lstm": "LSTM", "rnn": "SimpleRNN"}
# Our blocks (reset, update, candidate; input, forget, cell, output) in Keras' order.
_ORDERS = {"gru": (1, 0, 2), "lstm": (0, 1, 2, 3), "rnn": (0,)}


def inference(layer: Layer, _threads: int) -> Contender | None:
    """A whole sequence; XLA reads the number of threads from the environment."""
    jax = _jax()
    if jax is None:
        return None
    apply, weights = _function(layer)
    run = jax.jit(apply)
    x = jax.numpy.asarray(layer.x)

    def call() -> Any:
        return run(weights, x).block_until_ready()

    return Contender(call, lambda: {"y": np.asarray(call())})


def training(layer: Layer, _threads: int) -> Contender | None:
    """Forward and backward: the gradient of x and of every weight."""
    jax = _jax()
    if jax is None or layer.choices.get("reset", "after") != "after":
        return None
    apply, weights = _function(layer)
    x, dy = jax.numpy.asarray(layer.x), jax.numpy.asarray(layer.dy)

    def pulled(weights: Sequence[Any], x: Any) -> Any:
        return (apply(weights, x) * dy).sum()

    run = jax.jit(jax.grad(pulled, argnums=(0, 1)))

    def call() -> Any:
        return jax.block_until_ready(run(weights, x))

    def results() -> dict[str, Array]:
        (kernel, recurrent, bias), dx = call()
        order = _ORDERS[layer.family]
        # The LSTM and the plain network have one bias: the gradient of either of two.
        biases = np.broadcast_to(np.asarray(bias), (2, layer.weights["input_bias"].size))
        found = [np.asarray(kernel).T, np.asarray(recurrent).T, *biases]
        return {"x": np.asarray(dx)} | {
            name: layer.back(np.ascontiguousarray(gradient), order)
            for name, gradient in zip(WEIGHTS, found, strict=True)
        }

    return Contender(call, results)


def _jax() -> Any:
    """JAX, where it is installed and Keras too, and Keras runs on it."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    try:
        keras: Any = importlib.import_module("keras")
        jax: Any = importlib.import_module("jax")
    except ImportError:
        return None
    return jax if keras.backend.backend() == "jax" else None


def _function(layer: Layer) -> tuple[Callable[[Sequence[Any], Any], Any], list[Any]]:
    """The layer as a function of weights and inputs, and its weights."""
    keras: Any = importlib.import_module("keras")
    made = getattr(keras.layers, _CLASSES[layer.family])(layer.shape[3], return_sequences=True)
    made.build(layer.x.shape)
    input_weight, recurrent_weight, *biases = layer.theirs(_ORDERS[layer.family])
    bias = np.stack(biases) if layer.family == "gru" else np.add(*biases)
    made.set_weights([input_weight.T, recurrent_weight.T, bias])
    held = [variable.value for variable in made.non_trainable_variables]

    def apply(weights: Sequence[Any], x: Any) -> Any:
        return made.stateless_call(weights, held, x)[0]

    return apply, [variable.value for variable in made.trainable_variables]
