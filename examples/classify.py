"""Train on sequences of unequal length, see how good it is, write a bundle.

python examples/classify.py [BUNDLE]
"""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt

from recurra import SequenceClassifier

SPEEDS = {"slow": 0.3, "fast": 0.8}


def waves(cases: int, seed: int) -> tuple[list[npt.NDArray[np.float64]], list[str]]:
    """Noisy waves [20 to 39, 1] of two speeds, and which speed each has."""
    random = np.random.default_rng(seed)
    X, y = [], []
    for case in range(cases):
        label = ("slow", "fast")[case % 2]
        steps = np.arange(random.integers(20, 40))
        wave = np.sin(SPEEDS[label] * steps + random.uniform(0, 6))
        X.append((wave + 0.2 * random.normal(size=len(steps)))[:, None])
        y.append(label)
    return X, y


def main(bundle: str = "runs/classify") -> float:
    """Train, score, save; the test accuracy."""
    model = SequenceClassifier(cell="gru", hidden=16, epochs=15, learning_rate=0.01)
    model.fit(*waves(160, seed=0))
    accuracy = model.score(*waves(100, seed=1))
    print(f"{model.parameters_} parameters, test accuracy {accuracy:.2f}")
    model.save(bundle, force=True)
    print(f"the bundle is {bundle}; python examples/stream.py {bundle} streams with it")
    return accuracy


if __name__ == "__main__":
    main(*sys.argv[1:])
