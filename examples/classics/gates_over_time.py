"""8. Which earlier inputs a gate kept: school subjects that matter later.

A pupil takes eight subjects, one a term, in any order; each is passed or failed. At the end one
asks: will the course in physics be passed? It is, if mathematics and mechanics were. A GRU learns
that from examples. Its reset and update gates are drawn over the terms, and below them how far
each term moved the state, z (n - h): far at these two subjects, little at drawing or history.

What printed programs get wrong: gates that are drawn are those of another step, or of a layer with
random weights; the mean over all units is shown, where some units keep and others write; a high z
is read as "kept" or as "written" without a look at the convention (here z = 1 writes); and an open
gate is taken for a memory, although what it writes may be what was there before.

    KERAS_BACKEND=torch python examples/classics/gates_over_time.py gates.png
    KERAS_BACKEND=torch python examples/classics/gates_over_time.py gates.png --chinese
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from recurra import keras as recurra_keras
from recurra.convert import from_keras
from recurra.layers import GRU
from recurra.train.fonts import families_for

SUBJECTS = (
    *("mathematics", "drawing", "history", "mechanics", "music", "sport", "biology", "poetry"),
)
NEEDED = ("mathematics", "mechanics")
KINDS = ("reset gate (0 forgets)", "update gate (0 keeps, 1 writes)", "how far the state moved")
CHINESE = {
    **dict(
        zip(SUBJECTS, ("数学", "绘画", "历史", "力学", "音乐", "体育", "生物", "诗歌"), strict=True)
    ),
    **dict(
        zip(KINDS, ("重置门 (0 遗忘)", "更新门 (0 保留, 1 写入)", "状态移动了多远"), strict=True)
    ),
    "unit": "单元",
}
Array = npt.NDArray[np.float32]


def pupils(count: int, seed: int) -> tuple[Array, Array]:
    """Terms [B, T, S], 1 or -1 in the column of the subject taken; whether physics was passed."""
    random = np.random.default_rng(seed)
    x = np.zeros((count, len(SUBJECTS), len(SUBJECTS)), "f4")
    passed = random.random((count, len(SUBJECTS))) < 0.6
    for row, marks in zip(x, passed, strict=True):
        for term, subject in enumerate(random.permutation(len(SUBJECTS))):
            row[term, subject] = 1.0 if marks[subject] else -1.0
    needed = [SUBJECTS.index(name) for name in NEEDED]
    return x, passed[:, needed].all(1, keepdims=True).astype("f4")


def gates_of(layer: GRU, x: torch.Tensor) -> tuple[Array, Array]:
    """Reset and update gate of each unit at each step, [B, T, H], by the layer's equations."""
    h = layer.initial_state(len(x))
    resets, updates = [], []
    with torch.no_grad():
        for t in range(x.shape[1]):
            a = x[:, t] @ layer.input_weight.T + layer.input_bias
            b = h.h @ layer.recurrent_weight.T + layer.recurrent_bias
            reset, update = torch.sigmoid(a + b).chunk(3, 1)[:2]
            resets.append(reset)
            updates.append(update)
            _, h = layer.step(x[:, t], h)
    return torch.stack(resets, 1).numpy(), torch.stack(updates, 1).numpy()


def learn(units: int, epochs: int) -> tuple[GRU, float]:
    """A layer of recurra in a plain loop, and its accuracy on pupils not seen."""
    torch.manual_seed(0)
    x, y = map(torch.from_numpy, pupils(800, 0))
    gru, head = GRU(len(SUBJECTS), units), nn.Linear(units, 1)
    optimiser = torch.optim.Adam([*gru.parameters(), *head.parameters()], 1e-2)
    for _ in range(epochs):
        for index in torch.split(torch.randperm(len(x)), 50):
            said = head(gru(x[index])[1].h)
            loss = nn.functional.binary_cross_entropy_with_logits(said, y[index])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
            optimiser.step()
    held, answers = map(torch.from_numpy, pupils(200, 1))
    with torch.no_grad():
        said = head(gru(held)[1].h) > 0
    return gru, float((said == (answers > 0.5)).float().mean())


def learn_keras(units: int, epochs: int) -> tuple[GRU, float]:
    """The same in Keras; the layer comes over as it is, so that the same gates can be drawn."""
    keras.utils.set_random_seed(0)
    layer = recurra_keras.GRU(units)
    model = keras.Sequential([layer, keras.layers.Dense(1, activation="sigmoid")])
    model.compile(keras.optimizers.Adam(1e-2), "binary_crossentropy", metrics=["accuracy"])
    model.fit(*pupils(800, 0), epochs=epochs, batch_size=50, verbose=0)
    converted: Any = from_keras(layer)
    return converted, float(model.evaluate(*pupils(200, 1), verbose=0)[1])


def main(
    picture: str | Path, units: int = 8, epochs: int = 25, *, chinese: bool = False
) -> dict[str, float]:
    """Learn with both, draw one pupil's gates, and say how far each subject moved the state."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    def said(word: str) -> str:
        return CHINESE[word] if chinese else word

    families = families_for(map(said, SUBJECTS))
    figure, axes = plt.subplots(3, 2, figsize=(11, 8), layout="constrained", sharex=True)
    figures = {}
    x = pupils(200, 2)[0]
    taken = np.abs(x).argmax(2)
    for column, (name, learnt) in enumerate((("recurra", learn), ("keras", learn_keras))):
        gru, figures[f"{name}: accuracy"] = learnt(units, epochs)
        inputs = torch.from_numpy(x)
        gates = gates_of(gru, inputs)
        with torch.no_grad():
            states = nn.functional.pad(gru(inputs)[0], (0, 0, 1, 0)).numpy()
        steps = np.abs(np.diff(states, axis=1))
        moved = steps.sum(2)
        needed = np.isin(taken, [SUBJECTS.index(subject) for subject in NEEDED])
        figures[f"{name}: state moved by a needed subject"] = float(moved[needed].mean())
        figures[f"{name}: state moved by another"] = float(moved[~needed].mean())
        marks = [
            said(SUBJECTS[k]) + (" +" if x[0, t, k] > 0 else " -") for t, k in enumerate(taken[0])
        ]
        for place, kind, values in zip(axes[:, column], KINDS, (*gates, steps), strict=True):
            shown = place.imshow(values[0].T, aspect="auto", vmin=0, vmax=1, cmap="viridis")
            place.set_title(f"{name}: {said(kind)}", fontfamily=families)
            place.set_ylabel(said("unit"), fontfamily=families)
            place.set_xticks(range(len(marks)), marks, rotation=40, ha="right", fontfamily=families)
        figure.colorbar(shown, ax=axes[:, column], shrink=0.4)
    figure.savefig(picture, dpi=120)
    plt.close(figure)
    for figure_name, value in figures.items():
        print(f"{figure_name}: {value:.3f}")
    return figures


if __name__ == "__main__":
    named = [word for word in sys.argv[1:] if word != "--chinese"]
    main(named[0] if named else "gates.png", chinese="--chinese" in sys.argv)
