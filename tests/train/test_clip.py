"""Every way of clipping bounds what it says it bounds, and leaves small gradients alone."""

import math

import numpy as np
import pytest
import torch

from recurra.errors import StateError
from recurra.spec.settings import TrainingSettings
from recurra.train.clip import Clipper


def parameters(scale: float = 1.0) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    found = []
    for shape in ((3, 4), (3,)):
        parameter = torch.nn.Parameter(torch.randn(shape, generator=generator))
        parameter.grad = scale * torch.randn(shape, generator=generator)
        found.append(parameter)
    return found


def norm_of(chosen: list[torch.nn.Parameter]) -> float:
    return math.sqrt(sum(float(p.grad.square().sum()) for p in chosen if p.grad is not None))


def clipped(scale: float, **settings: object) -> tuple[list[torch.nn.Parameter], float, bool]:
    chosen = parameters(scale)
    norm, changed = Clipper(chosen, TrainingSettings(**settings))()
    return chosen, norm, changed


def test_by_norm() -> None:
    chosen, norm, changed = clipped(10.0, clip_norm=0.5)
    assert changed
    assert norm == pytest.approx(norm_of(parameters(10.0)))
    assert norm_of(chosen) == pytest.approx(0.5, rel=1e-4)
    chosen, norm, changed = clipped(10.0, clip_norm=0.0)
    assert not changed
    assert norm_of(chosen) == pytest.approx(norm)


def test_by_value() -> None:
    chosen, _, changed = clipped(10.0, clip="value", clip_value=0.25)
    assert changed
    for parameter, before in zip(chosen, parameters(10.0), strict=True):
        assert torch.equal(parameter.grad, before.grad.clamp(-0.25, 0.25))
    assert not clipped(1e-3, clip="value", clip_value=0.25)[2]


def test_by_each_units_weights() -> None:
    chosen, _, changed = clipped(10.0, clip="adaptive", clip_ratio=0.1)
    assert changed
    weight, bias = chosen
    for row, gradient in zip(weight, weight.grad, strict=True):
        assert gradient.norm() == pytest.approx(0.1 * row.norm().item(), rel=1e-4)
    assert bias.grad.norm() == pytest.approx(0.1 * bias.norm().item(), rel=1e-4)
    before = parameters(1e-4)
    chosen, _, changed = clipped(1e-4, clip="adaptive", clip_ratio=0.1)
    assert not changed
    assert torch.equal(chosen[0].grad, before[0].grad)


def test_weights_at_zero_can_leave_it() -> None:
    parameter = torch.nn.Parameter(torch.zeros(2, 2))
    parameter.grad = torch.ones(2, 2)
    Clipper([parameter], TrainingSettings(clip="adaptive", clip_ratio=0.1))()
    assert parameter.grad.norm(dim=1).tolist() == pytest.approx([1e-4, 1e-4])


def test_by_the_norms_so_far() -> None:
    settings = TrainingSettings(clip="auto", clip_percentile=50)
    chosen = parameters()
    clipper = Clipper(chosen, settings)
    norms = []
    for scale in (1.0, 2.0, 4.0, 8.0):
        fresh = parameters(scale)
        for parameter, new in zip(chosen, fresh, strict=True):
            parameter.grad = new.grad
        norm, changed = clipper()
        norms.append(norm)
        assert changed == (norm > np.percentile(norms, 50))
        assert norm_of(chosen) == pytest.approx(min(norm, np.percentile(norms, 50)), rel=1e-4)
    other = Clipper(chosen, settings)
    other.restore(clipper.state())
    assert torch.equal(other.state()["norms"], clipper.state()["norms"])
    with pytest.raises(StateError, match="does not know"):
        other.restore({"more": torch.zeros(1)})


@pytest.mark.parametrize("how", ["norm", "value", "adaptive", "auto"])
def test_what_is_not_finite_is_told(how: str) -> None:
    chosen = parameters()
    chosen[0].grad[0, 0] = torch.nan
    clipper = Clipper(chosen, TrainingSettings(clip=how))
    assert math.isnan(clipper()[0])
    assert not clipper.state()
