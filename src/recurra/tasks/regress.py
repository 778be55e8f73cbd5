"""Regression: numbers for each sequence; squared error on scaled targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch

from recurra.decode import AbstractDecoder, ValueDecoder
from recurra.spec.batch import Batch
from recurra.tasks.abstract import AbstractTask, truth

__all__ = ["Regress"]


@dataclass(frozen=True)
class Regress(AbstractTask):
    """Numbers for each sequence.

    sum = sum_bk (a_bk - y_bk)^2,  weight = the number of targets in the batch

    The targets y are scaled by the codec (mean 0, variance 1 over the training part), so the loss
    has no unit; the metric is taken on decoded answers, in the target's own unit.
    """

    name: ClassVar[str] = "regress"
    metric: ClassVar[tuple[str, Literal["max", "min"]]] = ("mse", "min")

    def decoder(self, codec: Any) -> AbstractDecoder:  # noqa: ARG002 - the same for every codec
        """Scaled numbers become numbers in the target's unit."""
        return ValueDecoder()

    def loss(
        self, outputs: Mapping[str, torch.Tensor], batch: Batch
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The squared error; a case's targets count one each."""
        values = outputs["head"]
        wanted = truth(batch, values.device).to(values.dtype).reshape(values.shape)
        return (values - wanted).square().sum(), values.new_tensor(values.numel())
