"""Classification: one class for each sequence; cross-entropy, accuracy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from recurra.codecs import Cases, label_text
from recurra.decode import (
    AbstractDecoder,
    ClassDecoder,
    best_temperature,
    best_threshold,
    conformal_quantile,
    tempered,
)
from recurra.errors import SettingsError
from recurra.spec.batch import Batch, EncodedCases
from recurra.spec.settings import Settings, TrainingSettings
from recurra.tasks.abstract import AbstractTask, too_few, truth
from recurra.tasks.split import split_classes
from recurra.tasks.truncation import Truncation

__all__ = ["Classify"]


@dataclass(frozen=True)
class Classify(AbstractTask):
    """One of C classes for each sequence.

        sum = sum_b w[y_b] * (1 - p_b)^focal * (log sum_c exp(a_bc) - a_b,y_b)
        weight = sum_b w[y_b],  p_b the probability of the true class

    Args:
        class_weights: w, one for each class; None: all 1.
        smoothing: Share of each target's probability that is spread over all classes
            (Szegedy et al. 2016, arXiv:1512.00567, section 7).
        focal: Exponent of the focal loss (Lin et al. 2017, arXiv:1708.02002, eq. 4); 0: none.
        temperature, threshold, doubt, coverage: As `ClassDecoder` has them.
        windows: Where back-propagation is cut.
        binary: Of two classes one score is learnt, d = a_1 - a_0, by
            sum = sum_b w[y_b] * (log(1 + exp(d_b)) - y_b d_b): binary cross-entropy. It is the same
            number as cross-entropy over the two.
    """

    class_weights: tuple[float, ...] | None = None
    smoothing: float = 0.0
    focal: float = 0.0
    temperature: float = 1.0
    threshold: float = 0.5
    doubt: float | None = None
    coverage: float | None = None
    windows: Truncation | None = None
    binary: bool = False

    name: ClassVar[str] = "classify"
    metric: ClassVar[tuple[str, Literal["max", "min"]]] = ("accuracy", "max")

    @classmethod
    def of(cls, settings: Settings) -> Classify:
        """With the loss that the settings choose."""
        chosen = settings.training
        if chosen.focal and chosen.label_smoothing:
            raise SettingsError(
                f"focal={chosen.focal} and label_smoothing={chosen.label_smoothing} contradict "
                "each other: one counts sure cases less, the other forbids to be sure; set one to 0"
            )
        return cls(
            smoothing=chosen.label_smoothing,
            focal=chosen.focal,
            binary=chosen.loss == "binary_cross_entropy",
            windows=Truncation.of(settings),
        )

    def at_epoch(self, epoch: int, settings: TrainingSettings) -> Classify:
        """With the windows of that epoch."""
        return replace(self, windows=self.windows and self.windows.at(epoch, settings))

    def parts(self, cases: Cases, settings: Settings) -> tuple[Cases, Cases | None]:
        """As every task's, each class giving its share."""
        labels = [label_text(value) for value in cases.target_values()]
        chosen = settings.training
        train, held = split_classes(labels, chosen.valid_fraction, chosen.seed)
        return cases.subset(train), cases.subset(held) if len(held) else None

    def decoder(self, codec: Any) -> AbstractDecoder:
        """Scores become probabilities and the class of the highest one."""
        return ClassDecoder(
            classes=codec.target.size,
            temperature=self.temperature,
            threshold=self.threshold,
            doubt=self.doubt,
            coverage=self.coverage,
        )

    def like(self, decoder: Any) -> Classify:
        """With the temperature, threshold, doubt and coverage of a trained model."""
        return replace(
            self,
            temperature=decoder.temperature,
            threshold=decoder.threshold,
            doubt=decoder.doubt,
            coverage=decoder.coverage,
        )

    def calibrated(
        self, model: Any, encoded: EncodedCases, cases: Cases, settings: TrainingSettings
    ) -> Classify:
        """With temperature, threshold and doubt as the settings ask for them.

        Raises:
            SettingsError: too few cases to promise that coverage.
        """
        del cases
        found = self
        # Of a model that was calibrated before, the temperature that it answers with is on top.
        answers = np.asarray(model.answers(encoded))
        truth = np.array([case.rows["y"] for case in encoded])
        if settings.calibrate:
            more = best_temperature(answers, truth)
            found = replace(found, temperature=found.temperature * more)
            answers = tempered(answers, more)
        if settings.tune_threshold:
            found = replace(found, threshold=best_threshold(answers[:, 1], truth))
        if settings.coverage is not None:
            scores = 1.0 - answers[np.arange(len(truth)), truth]
            doubt = conformal_quantile(scores, settings.coverage)
            if doubt == math.inf:
                raise too_few(settings.coverage, len(scores))
            found = replace(found, doubt=doubt, coverage=settings.coverage)
        return found

    def weighed(self, cases: EncodedCases, settings: TrainingSettings) -> Classify:
        """With class_weight="balanced": w_c = N / (C * N_c), so that each class weighs the same.

        Raises:
            SettingsError: a threshold is to be tuned, or the loss is binary, and there are more
                than two classes.
        """
        asked = {"tune_threshold": settings.tune_threshold, "binary_cross_entropy": self.binary}
        classes = {int(case.rows["y"]) for case in cases} if any(asked.values()) else set()
        for name in (name for name, wanted in asked.items() if wanted):
            if len(classes) > 2:
                raise SettingsError(
                    f"{name} is for two classes, there are {len(classes)}: leave it out"
                )
        if settings.class_weight == "none":
            return self
        counts = np.bincount([int(case.rows["y"]) for case in cases])
        present = np.maximum(counts, 1)
        weights = len(cases) / (np.count_nonzero(counts) * present)
        return replace(self, class_weights=tuple(map(float, weights)))

    def loss(
        self, outputs: Mapping[str, torch.Tensor], batch: Batch
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Cross-entropy, each case counted with its class's weight."""
        scores = outputs["head"]
        classes = truth(batch, scores.device)
        weights = None
        if self.class_weights is not None:
            weights = torch.tensor(self.class_weights, dtype=scores.dtype, device=scores.device)
        if self.binary and not self.focal:
            each = self._binary(scores[:, 1] - scores[:, 0], classes)
            total = (each if weights is None else each * weights[classes]).sum()
        elif self.focal:
            logs = torch.log_softmax(scores, -1).gather(1, classes[:, None])[:, 0]
            # Not (1 - p)^focal, whose gradient is infinite at p = 1 for a focal below 1.
            missed = (-torch.expm1(logs)).clamp(min=torch.finfo(logs.dtype).tiny)
            each = -missed.pow(self.focal) * logs
            total = (each if weights is None else each * weights[classes]).sum()
        else:
            total = torch.nn.functional.cross_entropy(
                scores, classes, weights, reduction="sum", label_smoothing=self.smoothing
            )
        weight = scores.new_tensor(len(batch)) if weights is None else weights[classes].sum()
        return total, weight

    def _binary(self, score: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        wanted = classes.to(score.dtype) * (1 - self.smoothing) + self.smoothing / 2
        losses: torch.Tensor = torch.nn.functional.binary_cross_entropy_with_logits(
            score, wanted, reduction="none"
        )
        return losses
