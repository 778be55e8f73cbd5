"""The learning rate as a pure function of the step and of the metrics so far.

So a resumed run needs no memory of it beside its history.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from recurra.spec.settings import TrainingSettings

__all__ = ["falls", "learning_rate"]

# Where the falling schedules end, as a share of the highest rate: a last step of exactly 0 would
# be a step that learns nothing.
_FLOOR = 0.01
# One-cycle rises over this share of all steps (Smith 2018, as in PyTorch's OneCycleLR).
_RISE = 0.3
# ... from this share of the highest rate.
_START = 0.04


def learning_rate(
    step: int,
    steps: int,
    settings: TrainingSettings,
    fallen: int = 0,
    passed: float | None = None,
) -> float:
    """The rate of optimiser step `step`, counted from 0, of `steps` in all.

        warm-up, s < W:   rate * (s + 1) / W,   W = ceil(warmup * steps)
        then, with p = (s - W) / (steps - W) and e = the epoch, counted from 0:
        constant:      rate
        linear:        rate * (1 - p)
        cosine:        rate * (1 + cos(pi * p)) / 2
        step:          rate * decay_factor^floor(e / decay_epochs)
        exponential:   rate * decay_factor^(epochs before this step / decay_epochs)
        inverse_sqrt:  rate * sqrt(max(W, 1) / (s + 1))
        plateau:       rate * decay_factor^fallen
        one_cycle:     a cosine from 4 % of rate up to rate over the first 30 % of the steps, then a
                       cosine down; without a warm-up of its own

    linear, cosine and one_cycle end at 1 % of `settings.learning_rate` instead of 0.

    Args:
        step: 0 <= step < steps.
        steps: Optimiser steps of the whole training, at least 1.
        settings: `learning_rate`, `schedule`, `warmup`, `epochs` and what the schedule takes.
        fallen: How often the plateau schedule has lowered the rate, as `falls` counts.
        passed: Epochs before this step, in parts too; None: all have as many steps.

    Source: cosine: Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5; one cycle: Smith & Topin
    2018, arXiv:1708.07120; inverse square root: Vaswani et al. 2017, arXiv:1706.03762, eq. 3.
    """
    highest, schedule = settings.learning_rate, settings.schedule
    if schedule == "one_cycle":
        return highest * _one_cycle(step, steps)
    warmup = math.ceil(settings.warmup * steps)
    if step < warmup:
        return highest * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    epoch = step * settings.epochs / steps if passed is None else passed
    match schedule:
        case "linear":
            return highest * (_FLOOR + (1.0 - _FLOOR) * (1.0 - progress))
        case "cosine":
            share = (1.0 + math.cos(math.pi * progress)) / 2
            return highest * (_FLOOR + (1.0 - _FLOOR) * share)
        case "step":
            return highest * math.pow(
                settings.decay_factor, math.floor(epoch / settings.decay_epochs)
            )
        case "exponential":
            return highest * math.pow(settings.decay_factor, epoch / settings.decay_epochs)
        case "inverse_sqrt":
            return highest * math.sqrt(max(warmup, 1) / (step + 1))
        case "plateau":
            return highest * math.pow(settings.decay_factor, fallen)
    return highest


def falls(metrics: Sequence[float], patience: int, *, larger_is_better: bool) -> int:
    """How often a plateau has lowered the rate: once after `patience` epochs without a better one.

    Counting begins anew after each fall and after each better metric.
    """
    best, since, count = None, 0, 0
    for metric in metrics:
        better = best is None or (metric > best if larger_is_better else metric < best)
        if better:
            best, since = metric, 0
            continue
        since += 1
        if since == patience:
            count, since = count + 1, 0
    return count


def _one_cycle(step: int, steps: int) -> float:
    top = max(1, round(_RISE * steps))
    if step < top:
        return _START + (1.0 - _START) * (1.0 - math.cos(math.pi * step / top)) / 2
    progress = (step - top) / max(1, steps - top)
    return _FLOOR + (1.0 - _FLOOR) * (1.0 + math.cos(math.pi * progress)) / 2
