"""Classification: one class for each sequence; cross-entropy, accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from recurra.codecs import Cases, label_text
from recurra.decode import AbstractDecoder, ClassDecoder
from recurra.spec.batch import Batch, EncodedCases
from recurra.spec.settings import Settings, TrainingSettings
from recurra.tasks.abstract import AbstractTask, truth
from recurra.tasks.split import split_classes

__all__ = ["Classify"]


@dataclass(frozen=True)
class Classify(AbstractTask):
    """One of C classes for each sequence.

        sum = sum_b w[y_b] * (log sum_c exp(a_bc) - a_b,y_b),  weight = sum_b w[y_b]

    Args:
        class_weights: w, one for each class; None: all 1.
    """

    class_weights: tuple[float, ...] | None = None

    name: ClassVar[str] = "classify"
    metric: ClassVar[tuple[str, Literal["max", "min"]]] = ("accuracy", "max")

    def parts(self, cases: Cases, settings: Settings) -> tuple[Cases, Cases | None]:
        """As every task's, each class giving its share."""
        labels = [label_text(value) for value in cases.target_values()]
        chosen = settings.training
        train, held = split_classes(labels, chosen.valid_fraction, chosen.seed)
        return cases.subset(train), cases.subset(held) if len(held) else None

    def decoder(self, codec: Any) -> AbstractDecoder:
        """Scores become probabilities and the class of the highest one."""
        return ClassDecoder(classes=codec.target.size)

    def weighed(self, cases: EncodedCases, settings: TrainingSettings) -> Classify:
        """With class_weight="balanced": w_c = N / (C * N_c), so that each class weighs the same."""
        if settings.class_weight == "none":
            return Classify()
        counts = np.bincount([int(case.rows["y"]) for case in cases])
        present = np.maximum(counts, 1)
        return Classify(tuple(float(w) for w in len(cases) / (np.count_nonzero(counts) * present)))

    def loss(
        self, outputs: Mapping[str, torch.Tensor], batch: Batch
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Cross-entropy, each case counted with its class's weight."""
        scores = outputs["head"]
        classes = truth(batch, scores.device)
        weights = None
        if self.class_weights is not None:
            weights = torch.tensor(self.class_weights, dtype=scores.dtype, device=scores.device)
        total = torch.nn.functional.cross_entropy(scores, classes, weights, reduction="sum")
        weight = scores.new_tensor(len(batch)) if weights is None else weights[classes].sum()
        return total, weight
