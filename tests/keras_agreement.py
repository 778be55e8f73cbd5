"""Layers of `recurra.keras` beside those of `keras.layers`: values and gradients, on any backend.

    KERAS_BACKEND=jax python tests/keras_agreement.py 20 [--unrolled]

draws so many recipes, compares each and prints the largest deviation. Unrolled layers take long
where each of their steps is compiled, so they are drawn only when asked for.
"""

from __future__ import annotations

import random
import sys
from typing import Any

import keras
import numpy as np

import recurra.keras as ours

CHOICES: dict[str, tuple[Any, ...]] = {
    "kind": ("GRU", "LSTM", "SimpleRNN"),
    "units": (1, 3),
    "activation": ("tanh", "relu", "softsign", "linear", "silu", "hard_tanh"),
    "recurrent_activation": ("sigmoid", "hard_sigmoid", "softsign", "tanh"),
    "use_bias": (True, False),
    "reset_after": (True, False),
    "dropout": (0.0, 0.3),
    "recurrent_dropout": (0.0, 0.4),
    "implementation": (2, 1),
    "return_sequences": (True, False),
    "return_state": (True, False),
    "go_backwards": (True, False),
    "stateful": (False, True),
    "unroll": (False, True),
    "zero_output_for_mask": (False, True),
    "kernel_initializer": ("glorot_uniform", "he_normal", "zeros"),
    "recurrent_initializer": ("orthogonal", "identity", "random_normal"),
    "bias_initializer": ("zeros", "ones", "random_uniform"),
    "kernel_regularizer": (None, "l1", "l2"),
    "recurrent_regularizer": (None, "l1l2", "orthogonal_regularizer"),
    "bias_regularizer": (None, "l2"),
    "activity_regularizer": (None, "l1"),
    "kernel_constraint": (None, "max_norm"),
    "recurrent_constraint": (None, "unit_norm"),
    "bias_constraint": (None, "non_neg"),
    "masked": (None, "right", "left", "anywhere", "a whole row"),
    "begins": (False, True),
    "training": (False, True),
    "batch": (3, 40),
    "time": (5, 1, 17),
    "inputs": (2, 1),
    "seed": (1, 2, 3),
}
TOLERANCE = 5e-6


def allowed(recipe: dict[str, Any]) -> bool:
    """Leave out what Keras' own unrolled loop cannot do: on torch it fails on a reversed mask."""
    return not (recipe["unroll"] and recipe["masked"] is not None and recipe["go_backwards"])


def arguments(recipe: dict[str, Any]) -> dict[str, Any]:
    """The constructor's arguments, but for the units."""
    own = {
        name: recipe[name]
        for name in (
            *("activation", "use_bias", "dropout", "recurrent_dropout", "return_sequences"),
            *("return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask", "seed"),
        )
    }
    if recipe["kind"] != "SimpleRNN":
        own["recurrent_activation"] = recipe["recurrent_activation"]
        own["implementation"] = recipe["implementation"]
        # Keras' fused path fails on the several dropout masks of implementation 1.
        own["use_cudnn"] = "auto" if recipe["implementation"] == 2 else False
    if recipe["kind"] == "GRU":
        own["reset_after"] = recipe["reset_after"]
    for of in ("kernel", "recurrent", "bias", "activity"):
        for what in ("initializer", "regularizer", "constraint"):
            if f"{of}_{what}" in recipe:
                own[f"{of}_{what}"] = recipe[f"{of}_{what}"]
    if recipe["kind"] != "SimpleRNN" and own["recurrent_initializer"] == "identity":
        # Keras' identity is for square weights.
        own["recurrent_initializer"] = "orthogonal"
    return own


def masks(recipe: dict[str, Any]) -> Any:
    """True at the steps that count, [B, T]."""
    if recipe["masked"] is None:
        return None
    shape = recipe["batch"], recipe["time"]
    draw = np.random.default_rng(recipe["seed"])
    if recipe["masked"] in ("right", "left"):
        mask = np.arange(shape[1]) < draw.integers(1, shape[1] + 1, shape[0])[:, None]
        return mask if recipe["masked"] == "right" else mask[:, ::-1].copy()
    mask = draw.random(shape) < 0.6
    if recipe["masked"] == "a whole row":
        mask[1] = False
    return mask


def layers(recipe: dict[str, Any]) -> tuple[Any, Any]:
    """Ours and Keras', with the same weights; those that both begin with are the same too."""
    both = []
    for source in (ours, keras.layers):
        keras.utils.set_random_seed(recipe["seed"])
        layer = getattr(source, recipe["kind"])(recipe["units"], **arguments(recipe))
        layer.build((recipe["batch"], recipe["time"], recipe["inputs"]))
        both.append(layer)
    for one, other in zip(*(layer.cell.get_weights() for layer in both), strict=True):
        np.testing.assert_array_equal(one, other)
    draw = np.random.default_rng(recipe["seed"])
    weights = [draw.uniform(-0.9, 0.9, w.shape) for w in both[1].cell.get_weights()]
    # Beside them stand the seed generator's state and, where it is stateful, the states.
    for layer in both:
        for variable, value in zip(layer.cell.trainable_variables, weights, strict=False):
            variable.assign(value)
    return both[0], both[1]


def differentiate(layer: Any, recipe: dict[str, Any], x: Any, begin: Any, mask: Any) -> list[Any]:
    """Outputs and penalties, then the gradients of one number made of them all.

    The gradients are those of x, of the initial state and of the weights.
    """
    backend = keras.backend.backend()
    training = recipe["training"]
    more: dict[str, Any] = {"training": training, "mask": mask}

    def scalar(outputs: Any, penalties: Any) -> Any:
        flat = keras.tree.flatten(outputs)
        total = sum(penalties, 0.0)
        for k, output in enumerate(flat):
            weights = np.linspace(-1, 1.5 + k, int(np.prod(output.shape))).reshape(output.shape)
            total = total + keras.ops.sum(
                output * keras.ops.convert_to_tensor(weights.astype("f4"))
            )
        return total

    if backend == "torch":
        import torch

        x = torch.from_numpy(x).requires_grad_()
        begin = None if begin is None else [torch.from_numpy(b).requires_grad_() for b in begin]
        outputs = layer(x, initial_state=begin, **more)
        penalties = layer.losses
        weights = [variable.value for variable in layer.trainable_variables]
        inputs = [x, *(begin or ()), *weights]
        try:
            found = torch.autograd.grad(scalar(outputs, penalties), inputs)
        except RuntimeError:
            # Keras' own stateful layers overwrite what their gradient needs.
            assert layer.stateful
            assert not isinstance(layer, ours.GRU | ours.LSTM | ours.SimpleRNN)
            found = ()
        flat = (*keras.tree.flatten(outputs), *penalties, *found)
        return [keras.ops.convert_to_numpy(a) for a in flat]
    if backend == "jax":
        import jax

        held = [v.value for v in layer.non_trainable_variables]

        def run(weights: Any, x: Any, begin: Any) -> Any:
            outputs, after, penalties = layer.stateless_call(
                weights, held, x, initial_state=begin, return_losses=True, **more
            )
            return scalar(outputs, penalties), (outputs, penalties, after)

        weights = [v.value for v in layer.trainable_variables]
        found, (outputs, penalties, after) = jax.jit(
            jax.grad(run, argnums=(1, 2, 0), has_aux=True)
        )(weights, x, begin)
        for variable, value in zip(layer.non_trainable_variables, after, strict=True):
            variable.assign(value)
        grads = [g for g in found if g is not None]
        flat = keras.tree.flatten([outputs, penalties, grads])
        return [np.asarray(a) for a in flat]
    import tensorflow as tf

    x = tf.constant(x)
    begin = None if begin is None else [tf.constant(b) for b in begin]
    with tf.GradientTape() as tape:
        tape.watch([x, *(begin or ())])
        outputs = layer(x, initial_state=begin, **more)
        penalties = layer.losses
        total = scalar(outputs, penalties)
    weights = [variable.value for variable in layer.trainable_variables]
    found = tape.gradient(total, [x, *(begin or ()), *weights])
    flat = (*keras.tree.flatten(outputs), *penalties, *found)
    return [np.asarray(a) for a in flat if a is not None]


def deviation(recipe: dict[str, Any]) -> float:
    """The largest deviation of any value or gradient, as a share of the largest of its array."""
    mine, theirs = layers(recipe)
    draw = np.random.default_rng(recipe["seed"] + 10)
    states = 2 if recipe["kind"] == "LSTM" else 1
    begin = None
    if recipe["begins"]:
        begin = [
            draw.normal(size=(recipe["batch"], recipe["units"])).astype("f4") for _ in range(states)
        ]
    worst, mask = 0.0, masks(recipe)
    # The second call begins, where the layer is stateful, from the state of the first.
    for _ in range(2 if recipe["stateful"] else 1):
        x = draw.normal(size=(recipe["batch"], recipe["time"], recipe["inputs"])).astype("f4")
        came = differentiate(mine, recipe, x, begin, mask)
        wanted = differentiate(theirs, recipe, x, begin, mask)
        assert len(came) == len(wanted) or recipe["stateful"]
        for ours_, exact in zip(came, wanted, strict=not recipe["stateful"]):
            assert ours_.shape == exact.shape
            scale = max(1.0, float(np.abs(exact).max(initial=0.0)))
            worst = max(worst, float(np.abs(ours_ - exact).max(initial=0.0)) / scale)
    return worst


def main(count: int, unrolled: bool) -> None:
    """Compare drawn recipes and say how far they were apart."""
    draw = random.Random(count)
    worst = 0.0
    done = 0
    while done < count:
        recipe = {name: draw.choice(choices) for name, choices in CHOICES.items()}
        if not allowed(recipe) or (recipe["unroll"] and not unrolled):
            continue
        off = deviation(recipe)
        assert off < TOLERANCE, (off, recipe)
        worst = max(worst, off)
        done += 1
    print(f"{keras.backend.backend()}: {done} recipes, largest deviation {worst:.1e}")


if __name__ == "__main__":
    main(int(sys.argv[1]), "--unrolled" in sys.argv)
