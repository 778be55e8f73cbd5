"""What dropout leaves: independent draws of the right chance, repeated by a seed."""

from __future__ import annotations

import math

import pytest
import torch

from recurra.layers.draw import kept

LIKE = torch.empty(0)


@pytest.mark.parametrize("rate", [0.001, 0.1, 0.5, 0.9])
def test_the_share_is_the_rate(rate: float) -> None:
    """Within 5 standard deviations; halves of one draw alike."""
    torch.manual_seed(0)
    drawn = kept((200_000,), rate, LIKE)
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    for part in (drawn[::2], drawn[1::2]):
        deviation = math.sqrt(rate * (1 - rate) / len(part))
        assert abs((1 - part.mean().item()) - rate) < 5 * deviation


def test_neighbours_are_independent() -> None:
    torch.manual_seed(1)
    drawn = kept((100_000,), 0.5, LIKE) - 0.5
    for lag in (1, 2, 3, 4):
        correlation = 4 * (drawn[lag:] * drawn[:-lag]).mean().item()
        assert abs(correlation) < 5 / math.sqrt(len(drawn))


def test_at_rate_0_everything_is_left() -> None:
    assert kept((300, 500), 0.0, LIKE).min() == 1


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3,), (2, 3, 5)])
def test_any_shape(shape: tuple[int, ...]) -> None:
    drawn = kept(shape, 0.3, LIKE.double())
    assert (tuple(drawn.shape), drawn.dtype) == (shape, torch.float64)


def test_a_seed_repeats_the_draw() -> None:
    torch.manual_seed(7)
    first, second = kept((50,), 0.5, LIKE), kept((50,), 0.5, LIKE)
    torch.manual_seed(7)
    assert kept((50,), 0.5, LIKE).equal(first)
    assert not first.equal(second)
