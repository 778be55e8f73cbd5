"""The learning rate as a pure function of the step, so that a resumed run needs no memory of it."""

from __future__ import annotations

import math

from recurra.spec.settings import TrainingSettings

__all__ = ["learning_rate"]

# Where the falling schedules end, as a share of the highest rate: a last step of exactly 0 would
# be a step that learns nothing.
_FLOOR = 0.01


def learning_rate(step: int, steps: int, settings: TrainingSettings) -> float:
    """The rate of optimiser step `step`, counted from 0, of `steps` in all.

        warm-up, s < W:   rate * (s + 1) / W,   W = ceil(warmup * steps)
        then, with p = (s - W) / (steps - W):
        constant: rate;  linear: rate * (1 - p);  cosine: rate * (1 + cos(pi * p)) / 2

    linear and cosine end at 1 % of `settings.learning_rate` instead of 0.

    Args:
        step: 0 <= step < steps.
        steps: Optimiser steps of the whole training, at least 1.
        settings: `learning_rate`, `schedule` and `warmup`.

    Source: cosine without restarts: Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5.
    """
    highest = settings.learning_rate
    warmup = math.ceil(settings.warmup * steps)
    if step < warmup:
        return highest * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    share = {
        "constant": 1.0,
        "linear": 1.0 - progress,
        "cosine": (1.0 + math.cos(math.pi * progress)) / 2,
    }[settings.schedule]
    if settings.schedule == "constant":
        return highest
    return highest * (_FLOOR + (1.0 - _FLOOR) * share)
