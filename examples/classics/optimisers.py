"""6. Gradient descent, SGD, Adam, RMSprop, clipping and decay on the same GRU, as one picture.

The task is to add the two marked numbers of a sequence (Hochreiter & Schmidhuber 1997); answering
the mean always has a squared error of 1/6.

What printed programs get wrong: "gradient descent" that in truth steps after each small batch
(that is SGD); curves drawn over epochs, although one makes eight steps in an epoch and another one;
each method begun from weights of its own; one learning rate for all, or a method called worse whose
rate nobody tried; the gradient clipped value by value where its norm was meant, which changes its
direction. Look at SGD with a rate of 0.5: it leaves the picture within a few steps, and with the
norm of its gradient clipped the same rate learns fastest of the four without a memory of earlier
gradients. RMSprop at so high a rate rattles about the minimum; a decaying rate lets it settle. The
two libraries take the same steps but for RMSprop, whose memory is longer in PyTorch (0.99) than in
Keras (0.9).

    KERAS_BACKEND=torch python examples/classics/optimisers.py optimisers.png
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import torch
from torch import Tensor, nn

from recurra import keras as recurra_keras
from recurra.convert import to_keras
from recurra.layers import GRU

ROWS, BATCH, TIME, UNITS = 512, 64, 8, 16


class Method(NamedTuple):
    """How to step: rows of a step, the gradient's largest norm, the rate's factor at each step."""

    kind: str
    rate: float
    rows: int = BATCH
    clip: float | None = None
    decay: float = 1.0


METHODS = {
    "gradient descent, 0.1": Method("SGD", 0.1, rows=ROWS),
    "SGD, 0.1": Method("SGD", 0.1),
    "SGD, 0.5": Method("SGD", 0.5),
    "SGD, 0.5, clipped": Method("SGD", 0.5, clip=0.5),
    "RMSprop, 0.03": Method("RMSprop", 0.03),
    "RMSprop, 0.03, decaying": Method("RMSprop", 0.03, decay=0.99),
    "Adam, 0.01": Method("Adam", 0.01),
    "Adam, 0.01, clipped": Method("Adam", 0.01, clip=0.5),
}


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


def start() -> tuple[GRU, nn.Linear]:
    """The weights with which every method begins."""
    torch.manual_seed(0)
    return GRU(2, UNITS), nn.Linear(UNITS, 1)


def batches(rows: int, steps: int) -> list[Tensor]:
    """The rows of each step; every method sees the same order."""
    torch.manual_seed(1)
    found: list[Tensor] = []
    while len(found) < steps:
        found += torch.split(torch.randperm(ROWS), rows)
    return found[:steps]


def with_recurra(method: Method, steps: int) -> list[float]:
    """The loss at each step, with a layer of recurra in a plain PyTorch loop."""
    (x, y), (gru, head) = draw(), start()
    parameters = [*gru.parameters(), *head.parameters()]
    optimiser = getattr(torch.optim, method.kind)(parameters, method.rate)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, method.decay)
    losses = []
    for index in batches(method.rows, steps):
        loss = nn.functional.mse_loss(head(gru(x[index])[1].h), y[index])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
        if method.clip is not None:
            nn.utils.clip_grad_norm_(parameters, method.clip)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
    return losses


def with_keras(method: Method, steps: int) -> list[float]:
    """The same as Keras users write it, begun from the same weights."""
    (x, y), (gru, head) = draw(), start()
    recurrent, dense = recurra_keras.GRU(UNITS), keras.layers.Dense(1)
    model = keras.Sequential([keras.Input((TIME, 2)), recurrent, dense])
    # Keras writes the gates in another order: the converter knows.
    recurrent.set_weights(to_keras(gru).get_weights())
    dense.set_weights([head.weight.detach().numpy().T, head.bias.detach().numpy()])
    rate: Any = method.rate
    if method.decay < 1:
        rate = keras.optimizers.schedules.ExponentialDecay(method.rate, 1, method.decay)
    kind = getattr(keras.optimizers, method.kind)
    model.compile(kind(rate, global_clipnorm=method.clip), "mse")
    losses = []
    for index in batches(method.rows, steps):
        losses.append(float(model.train_on_batch(x[index], y[index])))
        model.reset_metrics()
    return losses


def main(picture: str | Path, steps: int = 400) -> dict[str, float]:
    """Draw every curve; the mean loss of the last tenth of the steps."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    ends: dict[str, float] = {}
    colors: dict[tuple[str, float, int], str] = {}
    figure, panels = plt.subplots(1, 2, figsize=(12, 5), layout="constrained", sharey=True)
    for axes, (who, losses_of) in zip(
        panels, (("recurra", with_recurra), ("keras", with_keras)), strict=True
    ):
        for name, method in METHODS.items():
            losses = np.array(losses_of(method, steps))
            window = max(1, steps // 20)
            smooth = np.convolve(losses, np.ones(window) / window, "valid")
            style = "--" if method.clip or method.decay < 1 else "-"
            color = colors.setdefault((method.kind, method.rate, method.rows), f"C{len(colors)}")
            if np.isfinite(losses).all():
                axes.plot(np.arange(len(smooth)) + window, smooth, style, color=color, label=name)
            else:
                left = int(np.argmax(~(losses < 1)))
                axes.plot(left, 1, "X", color=color, clip_on=False, label=f"{name}: leaves here")
            ends[f"{who}: {name}"] = float(np.mean(losses[-max(1, steps // 10) :]))
        axes.axhline(1 / 6, color="grey", linestyle=":", label="the mean, always")
        axes.set(title=who, xlabel="steps of the optimiser", yscale="log", ylim=(1e-4, 1))
    panels[0].set_ylabel("squared error, smoothed")
    panels[0].legend(fontsize="small", loc="lower left")
    figure.savefig(picture, dpi=120)
    plt.close(figure)
    for name, loss in ends.items():
        print(f"{name}: {loss:.4f}" if np.isfinite(loss) else f"{name}: diverged")
    return ends


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "optimisers.png")
