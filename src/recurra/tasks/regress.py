"""Regression: numbers for each sequence; squared error on scaled targets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from recurra.codecs import Cases
from recurra.decode import AbstractDecoder, ValueDecoder, conformal_quantile
from recurra.spec.batch import Batch, EncodedCases
from recurra.spec.settings import Settings, TrainingSettings
from recurra.tasks.abstract import AbstractTask, too_few, truth
from recurra.tasks.truncation import Truncation

__all__ = ["Regress"]


@dataclass(frozen=True)
class Regress(AbstractTask):
    """Numbers for each sequence.

        mse:       sum = sum_bk (a_bk - y_bk)^2
        mae:       sum = sum_bk |a_bk - y_bk|
        huber:     as mse / 2 up to an error of 1, beyond it |error| - 1/2 (Huber 1964)
        quantile:  sum = sum_bk max(q * (y_bk - a_bk), (q - 1) * (y_bk - a_bk))
        weight = the number of targets in the batch

    The targets y are scaled by the codec (mean 0, variance 1 over the training part), so the loss
    has no unit; the metric is taken on decoded answers, in the target's own unit.

    Args:
        chosen: Which loss.
        quantile: q.
        margin, coverage: As `ValueDecoder` has them.
        windows: Where back-propagation is cut.
    """

    chosen: str = "mse"
    quantile: float = 0.5
    margin: float | None = None
    coverage: float | None = None
    windows: Truncation | None = None

    name: ClassVar[str] = "regress"
    metric: ClassVar[tuple[str, Literal["max", "min"]]] = ("mse", "min")

    @classmethod
    def of(cls, settings: Settings) -> Regress:
        """With the loss that the settings choose."""
        chosen = settings.training
        loss = "mse" if chosen.loss == "auto" else chosen.loss
        return cls(loss, chosen.quantile, windows=Truncation.of(settings))

    def at_epoch(self, epoch: int, settings: TrainingSettings) -> Regress:
        """With the windows of that epoch."""
        return replace(self, windows=self.windows and self.windows.at(epoch, settings))

    def decoder(self, codec: Any) -> AbstractDecoder:  # noqa: ARG002 - the same for every codec
        """Scaled numbers become numbers in the target's unit."""
        return ValueDecoder(margin=self.margin, coverage=self.coverage)

    def like(self, decoder: Any) -> Regress:
        """With the margin of a trained model."""
        return replace(self, margin=decoder.margin, coverage=decoder.coverage)

    def calibrated(
        self, model: Any, encoded: EncodedCases, cases: Cases, settings: TrainingSettings
    ) -> Regress:
        """With the margin that the settings' coverage needs.

        Raises:
            SettingsError: too few cases to promise that coverage.
        """
        if settings.coverage is None:
            return self
        scale = model.codec.target.scale
        errors = np.abs(np.asarray(model.answers(encoded)) - np.array(cases.target_values()))
        margin = conformal_quantile(errors / scale, settings.coverage)
        if margin == math.inf:
            raise too_few(settings.coverage, len(errors))
        return replace(self, margin=margin, coverage=settings.coverage)

    def loss(
        self, outputs: Mapping[str, torch.Tensor], batch: Batch
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The errors by the chosen loss; a case's targets count one each."""
        values = outputs["head"]
        wanted = truth(batch, values.device).to(values.dtype).reshape(values.shape)
        short = wanted - values
        match self.chosen:
            case "mse":
                total = short.square().sum()
            case "mae":
                total = short.abs().sum()
            case "huber":
                total = torch.nn.functional.huber_loss(values, wanted, reduction="sum")
            case _:
                total = torch.maximum(self.quantile * short, (self.quantile - 1) * short).sum()
        return total, values.new_tensor(values.numel())
