"""What the made-up problems share: one recurrent layer, one head, fresh cases for every step.

The layers are the library's own in a plain PyTorch loop: Adam, the gradient's norm clipped, the
rate falling by a cosine. Nothing is chosen by the cases of the test, which are drawn once from
another seed; the weights are those of the last step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypedDict

import torch
from torch import Tensor

from benchmarks.command import Clock
from benchmarks.memory import Peak
from recurra.layers import from_node
from recurra.layers.abstract import AbstractRecurrent
from recurra.layers.linear import Linear
from recurra.spec.cells import CELLS
from recurra.train.device import threads_of
from recurra.train.randomness import isolated

__all__ = ["Learnt", "Model", "Problem", "Row", "begun", "learn", "learnt_row", "shown"]

# Of the seeds: the cases of the test are those of no training.
_TEST_SEED = 2**31
_WARM_STEPS = 50


class Row(TypedDict):
    """One line of a table.

    Args:
        model: The cell, or the baseline.
        loss: On the test cases.
        published: The figure of the paper; None: there is none.
        parameters: How many numbers are learnt.
        steps: Of training; a step is one batch.
        cpu_seconds: Of training, over all threads.
        seconds: Of training, wall.
        peak_mb: Memory that training took at its highest, beyond what was there; None: unknown.
    """

    model: str
    loss: float
    published: float | None
    parameters: int
    steps: int
    cpu_seconds: float
    seconds: float
    peak_mb: float | None


@dataclass(frozen=True)
class Problem:
    """A problem whose cases are made as they are needed.

    Args:
        inputs: Width of a step.
        outputs: Numbers that the head gives.
        cases: Count and generator -> inputs [B, T, inputs] and the truth.
        loss: Outputs of every step [B, T, outputs] and the truth -> a mean.
        last: The head reads the last step alone: its outputs are [B, 1, outputs].
    """

    inputs: int
    outputs: int
    cases: Callable[[int, torch.Generator], tuple[Tensor, Tensor]]
    loss: Callable[[Tensor, Tensor], Tensor]
    last: bool = False


class Model(torch.nn.Module):
    """A recurrent layer and a linear head over its outputs."""

    def __init__(self, layer: AbstractRecurrent, outputs: int, last: bool) -> None:
        super().__init__()
        self.layer, self.last = layer, last
        self.head = Linear(layer.node.hidden_size, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs [B, T, outputs] of x [B, T, inputs]; of the last step alone [B, 1, outputs]."""
        y, _ = self.layer(x)
        found: Tensor = self.head(y[:, -1:] if self.last else y)[0]
        return found


@dataclass(frozen=True)
class Learnt:
    """What a training came to.

    Args:
        model: In evaluation mode.
        loss: On the test cases.
        curve: Step -> loss of its batch, ten on the way.
        clock: Of the training alone.
        peak_mb: As `Row.peak_mb`.
    """

    model: Model
    loss: float
    curve: Mapping[int, float]
    clock: Clock
    peak_mb: float | None


def learn(problem: Problem, settings: Mapping[str, Any], seed: int) -> Learnt:
    """Train one cell.

    Args:
        problem: What it learns.
        settings: cell, hidden, bias_init, chrono_length, batch, learning_rate, clip_norm, steps,
            test (cases), products ("bfloat16": of factors rounded so where the machine has them).
        seed: Of the weights and of the cases.
    """
    with isolated(seed), threads_of(1), _products(settings["products"]):
        return _learn(problem, settings, seed)


def begun(problem: Problem, settings: Mapping[str, Any], seed: int) -> Model:
    """The model with which `learn` begins."""
    with isolated(seed):
        return _made(problem, settings)


def _made(problem: Problem, settings: Mapping[str, Any]) -> Model:
    node = CELLS[settings["cell"]](input_size=problem.inputs, hidden_size=settings["hidden"])
    layer = from_node(
        node, bias_init=settings["bias_init"], chrono_length=settings["chrono_length"]
    )
    assert isinstance(layer, AbstractRecurrent)
    return Model(layer, problem.outputs, problem.last)


def _learn(problem: Problem, settings: Mapping[str, Any], seed: int) -> Learnt:
    model = _made(problem, settings)
    optimiser = torch.optim.Adam(model.parameters(), settings["learning_rate"])
    drawn = torch.Generator().manual_seed(seed)
    x_test, truth_test = problem.cases(
        settings["test"], torch.Generator().manual_seed(_TEST_SEED + seed)
    )
    curve: dict[int, float] = {}
    training, clock = Peak(), Clock()
    with training, clock:
        for step in range(1, settings["steps"] + 1):
            for group in optimiser.param_groups:
                group["lr"] = settings["learning_rate"] * _share(step, settings["steps"])
            x, truth = problem.cases(settings["batch"], drawn)
            loss = problem.loss(model(x), truth)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(model.parameters(), settings["clip_norm"])
            optimiser.step()
            if step * 10 // settings["steps"] > (step - 1) * 10 // settings["steps"]:
                curve[step] = float(loss.detach())
    model.eval()
    with torch.no_grad():
        tested = [
            (len(t), float(problem.loss(model(x), t)))
            for x, t in zip(torch.split(x_test, 100), torch.split(truth_test, 100), strict=True)
        ]
    mean = sum(count * value for count, value in tested) / sum(count for count, _ in tested)
    return Learnt(model, mean, curve, clock, training.megabytes)


@contextmanager
def _products(name: str) -> Iterator[None]:
    """bfloat16: factors of products are rounded, as in mixed precision; float32: they are not."""
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium" if name == "bfloat16" else "highest")
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _share(step: int, steps: int) -> float:
    """Of the learning rate: a short rise, then a cosine down to a hundredth."""
    fall = 0.5 * (1.0 + math.cos(math.pi * step / steps))
    return min(1.0, step / _WARM_STEPS) * (0.01 + 0.99 * fall)


def learnt_row(learnt: Learnt, settings: Mapping[str, Any], published: float | None) -> Row:
    """A line of the table."""
    return Row(
        model=settings["cell"],
        loss=learnt.loss,
        published=published,
        parameters=sum(parameter.numel() for parameter in learnt.model.parameters()),
        steps=settings["steps"],
        cpu_seconds=learnt.clock.cpu_seconds,
        seconds=learnt.clock.seconds,
        peak_mb=learnt.peak_mb,
    )


def shown(row: Row, unit: str) -> str:
    """A line for the eye, the published figure beside ours."""
    published = "none" if row["published"] is None else f"{row['published']:.2g}"
    memory = "" if row["peak_mb"] is None else f", {row['peak_mb']:.0f} MB"
    return (
        f"{row['model']:<12}{unit} {row['loss']:<9.2g} published {published:<8} "
        f"{row['parameters']:>7,} parameters, {row['steps']:,} steps, "
        f"{row['cpu_seconds']:.0f} CPU s{memory}"
    )
