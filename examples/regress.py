"""Learn a number from each sequence: where a random walk stands on average.

python examples/regress.py
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recurra import SequenceRegressor


def walks(cases: int, seed: int) -> tuple[list[npt.NDArray[np.float64]], npt.NDArray[np.float64]]:
    """Walks [10 to 29, 1] and the mean of each."""
    random = np.random.default_rng(seed)
    X = [random.normal(size=(random.integers(10, 30), 1)).cumsum(axis=0) for _ in range(cases)]
    return X, np.array([x.mean() for x in X])


def main() -> float:
    """Train and score; R squared on unseen walks."""
    model = SequenceRegressor(cell="lstm", hidden=16, epochs=20, learning_rate=0.01)
    model.fit(*walks(200, seed=0))
    score = model.score(*walks(100, seed=1))
    print(f"R squared {score:.3f}")
    return score


if __name__ == "__main__":
    main()
