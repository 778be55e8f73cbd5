"""Values come out as the network gave them, in float64, one number a row."""

import numpy as np

from recurra.decode import ValueDecoder


def test_values_are_widened_and_nothing_else() -> None:
    values = np.array([[0.1], [-3e38], [7.0]], np.float32)
    answers = ValueDecoder(output="head").decode({"head": values})
    assert answers.dtype == np.float64
    assert answers.tolist() == values[:, 0].astype(np.float64).tolist()
