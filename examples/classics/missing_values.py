"""7. A series with holes: filled with a constant, interpolated, or masked.

The next value of a noisy wave is predicted from the 24 before it, of which a third are missing.

What printed programs get wrong: NaN goes into the network, and out comes NaN; zeros are filled in
before the series is scaled, so that a hole looks like an extreme value; a hole is interpolated with
the value behind it, which at the time of prediction nobody has; and Masking(0.0) masks the values
that happen to be zero and needs the holes to be filled with just that.

Which is best depends on the series. This one is smooth, so a line between two neighbours is nearly
the value that is missing. A mask holds the state and hides how much time went by, which is worst
here. Where a hole says something by itself, flags beside the values keep that (`missing=` of
recurra's estimators).

    KERAS_BACKEND=torch python examples/classics/missing_values.py
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
WINDOW = 24


def windows(count: int, seed: int) -> tuple[Array, Array]:
    """Windows [B, T, 1] with NaN at the holes, and the value after each, [B, 1]."""
    random = np.random.default_rng(seed)
    time = np.arange(count + WINDOW)
    wave = np.sin(time / 4) + 0.5 * np.sin(time / 11) + 0.05 * random.normal(size=len(time))
    x = np.stack([wave[k : k + WINDOW] for k in range(count)])
    holes = random.random(x.shape) < 1 / 3
    holes[:, 0] = False
    return np.where(holes, np.nan, x)[:, :, None].astype("f4"), wave[WINDOW:, None].astype("f4")


def filled(x: Array) -> Array:
    """Every hole holds the mean of the series, which is zero here."""
    return np.nan_to_num(x, nan=0.0)


def interpolated(x: Array) -> Array:
    """Lines between the values of the window; behind its last one that value goes on."""
    rows = x[:, :, 0].copy()
    steps = np.arange(rows.shape[1])
    for row in rows:
        known = ~np.isnan(row)
        row[:] = np.interp(steps, steps[known], row[known])
    return rows[:, :, None]


WAYS = {"filled": filled, "interpolated": interpolated, "masked": filled}


def with_keras(way: str, epochs: int) -> float:
    """Squared error on a later part of the series; the mask goes in beside the values."""
    x, y = windows(600, 0)
    inputs, mask = keras.Input((WINDOW, 1)), keras.Input((WINDOW,), dtype="bool")
    state = recurra_keras.GRU(16)(inputs, mask=mask if way == "masked" else None)
    model = keras.Model([inputs, mask], keras.layers.Dense(1)(state))
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    model.fit([WAYS[way](x), ~np.isnan(x[:, :, 0])], y, epochs=epochs, batch_size=50, verbose=0)
    held, answers = windows(300, 1)
    given = [WAYS[way](held), ~np.isnan(held[:, :, 0])]
    return float(model.evaluate(given, answers, verbose=0))


def with_recurra(way: str, epochs: int) -> float:
    """The same with a layer of recurra: `valid` is false at a hole, where the state is held."""
    gru, head = GRU(1, 16), nn.Linear(16, 1)
    optimiser = torch.optim.Adam([*gru.parameters(), *head.parameters()], 1e-2)

    def answer(x: Array) -> torch.Tensor:
        valid = torch.from_numpy(~np.isnan(x[:, :, 0])) if way == "masked" else None
        # What stands at a step that is not valid is never read: not even NaN.
        values = torch.from_numpy(x if way == "masked" else WAYS[way](x))
        said: torch.Tensor = head(gru(values, valid=valid)[1].h)
        return said

    x, y = windows(600, 0)
    for _ in range(epochs):
        for index in torch.split(torch.randperm(len(x)), 50):
            loss = nn.functional.mse_loss(answer(x[index.numpy()]), torch.from_numpy(y)[index])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
            optimiser.step()
    held, answers = windows(300, 1)
    with torch.no_grad():
        return float(nn.functional.mse_loss(answer(held), torch.from_numpy(answers)))


def main(epochs: int = 30) -> dict[str, float]:
    """Three ways, both libraries."""
    keras.utils.set_random_seed(0)
    figures = {}
    for way in WAYS:
        figures[f"keras, {way}"] = with_keras(way, epochs)
        figures[f"recurra, {way}"] = with_recurra(way, epochs)
    for name, error in figures.items():
        print(f"{name}: squared error {error:.4f}")
    return figures


if __name__ == "__main__":
    main()
