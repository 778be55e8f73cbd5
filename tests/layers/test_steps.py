"""lengths and valid together say which steps count."""

from __future__ import annotations

import pytest
import torch

from recurra.errors import DTypeError, ShapeError
from recurra.layers.steps import check_steps, counted, one_step, zero_skipped


def test_a_step_counts_within_its_length_and_where_valid() -> None:
    """Both conditions must hold; what is not given excludes nothing."""
    x, lengths = torch.zeros(2, 3, 1), torch.tensor([3, 1])
    valid = torch.tensor([[True, False, True], [True, True, True]])
    assert counted(x, None, None) is None
    assert counted(x, None, valid) is valid
    assert torch.equal(counted(x, lengths, None), torch.tensor([[True] * 3, [True, False, False]]))
    both = torch.tensor([[True, False, True], [True, False, False]])
    assert torch.equal(counted(x, lengths, valid), both)


def test_skipped_steps_are_replaced_not_multiplied() -> None:
    """NaN and infinity are gone from what does not count, also from the gradient."""
    x = torch.tensor([[[1.0], [float("nan")], [float("inf")]]], requires_grad=True)
    counts = torch.tensor([[True, False, False]])
    y = zero_skipped(x, counts)
    assert y.flatten().tolist() == [1.0, 0.0, 0.0]
    assert torch.autograd.grad(y.square().sum(), x)[0].flatten().tolist() == [2.0, 0.0, 0.0]
    assert zero_skipped(x, None) is x


def test_one_step_gains_the_axis_of_time() -> None:
    """[B] becomes [B, 1]; None stays None."""
    assert one_step(torch.zeros(4)).shape == (4, 1)
    assert one_step(None) is None


@pytest.mark.parametrize(
    ("name", "array", "error"),
    [
        ("lengths", torch.tensor([1]), ShapeError),
        ("lengths", torch.tensor([1, 2], dtype=torch.int32), DTypeError),
        ("valid", torch.ones(2, 4, dtype=torch.bool), ShapeError),
        ("valid", torch.ones(2, 3), DTypeError),
        ("starts", torch.ones(3, 2, dtype=torch.bool), ShapeError),
        ("starts", torch.ones(2, 3, dtype=torch.int64), DTypeError),
    ],
)
def test_what_does_not_fit_is_refused(name: str, array: torch.Tensor, error: type) -> None:
    """Axes and dtypes of lengths, valid and starts are checked, and named."""
    with pytest.raises(error, match=f"Pool expected {name}"):
        check_steps("Pool", 2, 3, **{name: array})
