"""Floats take the model's dtype, tokens stay whole numbers, lengths stay int64."""

import numpy as np
import torch

from recurra.spec.batch import Encoded, collate
from recurra.train.tensors import inputs_of, lengths_of


def test_floats_are_converted_and_tokens_are_not() -> None:
    cases = [Encoded({"x": np.ones((n, 2), np.float32), "tokens": np.arange(n)}) for n in (3, 1)]
    batch = collate(cases, [0, 1])
    inputs = inputs_of(batch, torch.float64, torch.device("cpu"))
    assert inputs["x"].dtype == torch.float64
    assert inputs["tokens"].dtype == torch.int64
    assert inputs["x"].tolist() == batch.steps["x"].tolist()
    lengths = lengths_of(batch, torch.device("cpu"))
    assert lengths.dtype == torch.int64
    assert lengths.tolist() == [3, 1]
