"""Outputs at steps that a mask leaves out: the last one repeated, or zeros."""

from __future__ import annotations

import keras
import pytest
import torch

from recurra.keras.masked import outputs_of

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="Keras runs on another backend"
)
# The state at each of four steps: it enters as 9 and is held where the mask is false.
Y = torch.tensor([9.0, 1.0, 1.0, 2.0])[None, :, None]
MASK = torch.tensor([[False, True, False, True]])


def outputs(mask: torch.Tensor | None, **more: bool) -> list[float]:
    choices = {"go_backwards": False, "zeros": False} | more
    return [float(value) for value in outputs_of(Y, mask, **choices).flatten()]


def test_ahead_of_the_first_step_there_is_nothing_to_repeat() -> None:
    assert outputs(MASK) == [0, 1, 1, 2]
    assert outputs(None) == [9, 1, 1, 2]


def test_zeros_at_every_step_left_out() -> None:
    assert outputs(MASK, zeros=True) == [0, 1, 0, 2]


def test_backwards_the_mask_is_read_from_its_end() -> None:
    """Outputs stand in the order of computing, the mask in that of time."""
    assert outputs(MASK, go_backwards=True, zeros=True) == [9, 0, 1, 0]


def test_a_row_left_out_whole_is_zeros() -> None:
    assert outputs(torch.zeros(1, 4, dtype=torch.bool)) == [0, 0, 0, 0]
