"""6. Gradient descent, SGD, Adam, RMSprop, clipping and decay on the same GRU, as one picture.

The task is to add the two marked numbers of a sequence (Hochreiter & Schmidhuber 1997); answering
the mean always has a squared error of 1/6.

What printed programs get wrong: "gradient descent" that in truth steps after each small batch
(that is SGD); curves drawn over epochs, although one makes fifty steps in an epoch and another one;
each method begun from weights of its own; one learning rate for all; the gradient clipped value by
value where its norm was meant, which changes its direction.

    KERAS_BACKEND=torch python examples/classics/optimisers.py optimisers.png
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import torch
from torch import Tensor, nn

from recurra import keras as recurra_keras
from recurra.layers import GRU

ROWS, BATCH, TIME = 512, 64, 20


def draw() -> tuple[Tensor, Tensor]:
    """Sequences [B, T, 2] of numbers and marks, and the sum of the two marked numbers [B, 1]."""
    random = np.random.default_rng(0)
    numbers, marks = random.random((ROWS, TIME)), np.zeros((ROWS, TIME))
    for row in marks:
        row[random.choice(TIME, 2, replace=False)] = 1
    x = np.stack((numbers, marks), 2).astype("f4")
    return torch.from_numpy(x), torch.from_numpy(
        (numbers * marks).sum(1, keepdims=True).astype("f4")
    )


Make = Callable[[Any], torch.optim.Optimizer]
# Name -> optimiser, rows of a step, the gradient's largest norm, decay of the rate a step.
METHODS: dict[str, tuple[Make, int, float | None, float]] = {
    "gradient descent": (lambda p: torch.optim.SGD(p, 0.1), ROWS, None, 1.0),
    "SGD": (lambda p: torch.optim.SGD(p, 0.1), BATCH, None, 1.0),
    "SGD, clipped": (lambda p: torch.optim.SGD(p, 0.5), BATCH, 0.5, 1.0),
    "RMSprop": (lambda p: torch.optim.RMSprop(p, 0.003), BATCH, None, 1.0),
    "Adam": (lambda p: torch.optim.Adam(p, 0.01), BATCH, None, 1.0),
    "Adam, clipped, decaying": (lambda p: torch.optim.Adam(p, 0.02), BATCH, 0.5, 0.995),
}


def with_recurra(name: str, steps: int) -> list[float]:
    """The loss at each step, from the same first weights and over the same order of rows."""
    make, rows, clip, decay = METHODS[name]
    torch.manual_seed(0)
    x, y = draw()
    gru, head = GRU(2, 16), nn.Linear(16, 1)
    parameters = [*gru.parameters(), *head.parameters()]
    optimiser = make(parameters)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, decay)
    losses: list[float] = []
    while len(losses) < steps:
        for index in torch.split(torch.randperm(ROWS), rows):
            loss = nn.functional.mse_loss(head(gru(x[index])[1].h), y[index])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
            if clip is not None:
                nn.utils.clip_grad_norm_(parameters, clip)
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
    return losses[:steps]


def with_keras(steps: int) -> list[float]:
    """The last of the methods as Keras users write it."""
    keras.utils.set_random_seed(0)
    x, y = draw()
    model = keras.Sequential([recurra_keras.GRU(16), keras.layers.Dense(1)])
    rate = keras.optimizers.schedules.ExponentialDecay(0.02, decay_steps=1, decay_rate=0.995)
    model.compile(keras.optimizers.Adam(rate, global_clipnorm=0.5), "mse")
    losses: list[float] = []
    while len(losses) < steps:
        for index in torch.split(torch.randperm(ROWS), BATCH):
            losses.append(float(model.train_on_batch(x[index], y[index])))
            model.reset_metrics()
    return losses[:steps]


def main(picture: str | Path, steps: int = 400) -> dict[str, float]:
    """Draw every curve; the mean loss of the last tenth of the steps."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    curves = {name: with_recurra(name, steps) for name in METHODS}
    curves["Adam, clipped, decaying (Keras)"] = with_keras(steps)
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for name, losses in curves.items():
        window = max(1, steps // 20)
        smooth = np.convolve(losses, np.ones(window) / window, "valid")
        axes.plot(np.arange(len(smooth)) + window, smooth, label=name)
    axes.axhline(1 / 6, color="grey", linestyle=":", label="the mean, always")
    axes.set(xlabel="steps of the optimiser", ylabel="squared error, smoothed", yscale="log")
    axes.legend(fontsize="small")
    figure.savefig(picture, dpi=120)
    plt.close(figure)
    ends = {name: float(np.mean(losses[-max(1, steps // 10) :])) for name, losses in curves.items()}
    for name, loss in ends.items():
        print(f"{name}: {loss:.4f}")
    return ends


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "optimisers.png")
