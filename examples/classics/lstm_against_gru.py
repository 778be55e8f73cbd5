"""4. LSTM against GRU on make_classification, its 20 features read as 20 steps.

What printed programs get wrong: the features are scaled with what the test rows tell; accuracy is
given for the training rows; one run with one seed is taken as an answer to which cell is better
(on 1,000 rows whose columns have no order it is none); and LSTM and GRU of equal units are called
equal, although the LSTM has a third more weights.

    KERAS_BACKEND=torch python examples/classics/lstm_against_gru.py
"""

from __future__ import annotations

from typing import Any

import keras
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from torch import nn

from recurra import layers
from recurra.keras import GRU, LSTM


def with_keras(cell: type, data: Any, units: int, epochs: int) -> float:
    """Accuracy on the rows held out."""
    x, held, y, answers = data
    model = keras.Sequential(
        [keras.Input((20, 1)), cell(units, activation="relu"), keras.layers.Dense(1, "sigmoid")]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=epochs, batch_size=32, verbose=0)
    return float(model.evaluate(held, answers, verbose=0)[1])


def with_recurra(cell: type, data: Any, units: int, epochs: int) -> float:
    """The same with a layer of recurra in a plain PyTorch loop."""
    x, held, y, answers = (torch.as_tensor(array) for array in data)
    recurrent, head = cell(1, units, activation="relu"), nn.Linear(units, 1)
    optimiser = torch.optim.Adam([*recurrent.parameters(), *head.parameters()])
    for _ in range(epochs):
        for index in torch.split(torch.randperm(len(x)), 32):
            _, state = recurrent(x[index])
            loss = nn.functional.binary_cross_entropy_with_logits(
                head(state.h)[:, 0], y[index].float()
            )
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
            optimiser.step()
    with torch.no_grad():
        said = head(recurrent(held)[1].h)[:, 0] > 0
    return float((said == answers).float().mean())


def main(units: int = 50, epochs: int = 10) -> dict[str, float]:
    """Both cells, both ways."""
    keras.utils.set_random_seed(0)
    features, labels = make_classification(
        n_samples=1000, n_features=20, n_classes=2, random_state=42
    )
    data = train_test_split(features[:, :, None].astype("f4"), labels, random_state=42)
    figures = {}
    for name, theirs, ours in (("LSTM", LSTM, layers.LSTM), ("GRU", GRU, layers.GRU)):
        figures[f"keras {name}"] = with_keras(theirs, data, units, epochs)
        figures[f"recurra {name}"] = with_recurra(ours, data, units, epochs)
    for name, accuracy in figures.items():
        print(f"{name}: accuracy {accuracy:.3f}")
    return figures


if __name__ == "__main__":
    main()
