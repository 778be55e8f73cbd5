"""5. A softmax over 10 classes at each step: return_sequences and categorical cross-entropy.

The label of a step is how many marks there were so far, modulo 10: it cannot
be told from the step alone, so what is learnt is learnt by the state.

What printed programs get wrong: the targets are integers where categorical_crossentropy wants one
row of 10 for each step (integers go with its sparse form); labels that have nothing to do with the
inputs, so that no accuracy above chance is possible; return_sequences left out, so that one answer
is compared with many.

    KERAS_BACKEND=torch python examples/classics/label_each_step.py
"""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from recurra import keras as recurra_keras
from recurra.layers import GRU

Array = npt.NDArray[np.float32]


def draw(rows: int, time: int, seed: int) -> tuple[Array, npt.NDArray[np.int64]]:
    """Marks [B, T, 1] of 0 or 1, and how many there were so far, modulo 10, [B, T]."""
    marks = np.random.default_rng(seed).integers(0, 2, (rows, time))
    return marks[:, :, None].astype("f4"), marks.cumsum(1) % 10


def with_keras(units: int, epochs: int, time: int) -> float:
    """Accuracy of a step on sequences not seen."""
    x, y = draw(1000, time, 0)
    model = keras.Sequential(
        [
            keras.Input((None, 1)),
            recurra_keras.GRU(units, return_sequences=True),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(1e-2), "categorical_crossentropy", metrics=["categorical_accuracy"]
    )
    model.fit(x, np.eye(10)[y], epochs=epochs, batch_size=50, verbose=0)
    held, answers = draw(200, time, 1)
    return float(model.evaluate(held, np.eye(10)[answers], verbose=0)[1])


def with_recurra(units: int, epochs: int, time: int) -> float:
    """The same with a layer of recurra in a plain PyTorch loop."""
    x, y = map(torch.from_numpy, draw(1000, time, 0))
    gru, head = GRU(1, units), nn.Linear(units, 10)
    optimiser = torch.optim.Adam([*gru.parameters(), *head.parameters()], 1e-2)
    for _ in range(epochs):
        for index in torch.split(torch.randperm(len(x)), 50):
            steps, _ = gru(x[index])
            loss = nn.functional.cross_entropy(head(steps).flatten(0, 1), y[index].flatten())
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
            optimiser.step()
    held, answers = map(torch.from_numpy, draw(200, time, 1))
    with torch.no_grad():
        return float((head(gru(held)[0]).argmax(-1) == answers).float().mean())


def main(units: int = 64, epochs: int = 20, time: int = 30) -> dict[str, float]:
    """Both ways; chance is about 0.15."""
    keras.utils.set_random_seed(0)
    figures = {
        "keras": with_keras(units, epochs, time),
        "recurra": with_recurra(units, epochs, time),
    }
    for name, accuracy in figures.items():
        print(f"{name}: {accuracy:.3f} of all steps right")
    return figures


if __name__ == "__main__":
    main()
