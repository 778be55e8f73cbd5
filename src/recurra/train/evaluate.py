"""How good a network is on watched cases, by the code that will run its bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from recurra.codecs import AbstractCodec, Cases
from recurra.errors import BundleError, TrainingError
from recurra.runtime import AbstractModel, Parts, model_of
from recurra.spec.batch import EncodedCases
from recurra.spec.graph import Graph
from recurra.spec.report import DIRECTIONS
from recurra.tasks import AbstractTask
from recurra.train.constraint import plain_weights
from recurra.train.rivals import stood_in
from recurra.train.torch_network import networks_of

__all__ = ["Watched", "model_in_torch", "weights_of"]

Array = npt.NDArray[Any]
# Figures that not every model of a task has, and what they need.
_NEEDED = {
    "auc": "two classes, both among the watched sequences",
    "perplexity": "symbols, and these are frames",
    "chrf": "the package sacrebleu",
    "bleu": "the package sacrebleu",
    "pinball": "quantiles, distribution='quantiles'",
    "mase": "rows ahead of the watched ones to measure a season by",
}


def weights_of(module: torch.nn.Module) -> dict[str, Array]:
    """Every parameter by its path; views of a network on the CPU, copies of one that is not."""
    return {name: value.cpu().numpy() for name, value in plain_weights(module).items()}


def model_in_torch(
    module: torch.nn.Module, task: AbstractTask, graphs: Mapping[str, Graph], codec: AbstractCodec
) -> AbstractModel:
    """The model whose networks are torch's, with the weights as they are now.

    Raises:
        BundleError: a weight is not finite.
    """
    weights = stood_in(module, weights_of(module), graphs)
    parts = Parts(task.name, graphs, weights, codec, task.decoder(codec))
    return model_of(parts, networks=networks_of(module, graphs))


class Watched:
    """Cases that a network is measured on.

    Args:
        module: In evaluation mode whenever it is measured.
        task: Gives loss, decoder and metric.
        graphs: The networks as values.
        codec: Gives answers their unit.
        encoded: The cases with their targets.
        cases: The same, raw.
        batch_size: Cases at a time.
        metric: The figure to watch; None: the task's own.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        task: AbstractTask,
        graphs: Mapping[str, Graph],
        codec: AbstractCodec,
        encoded: EncodedCases,
        cases: Cases,
        batch_size: int,
        metric: str | None = None,
    ) -> None:
        self.module, self.task, self.graphs, self.codec = module, task, graphs, codec
        self.encoded, self.cases = encoded, cases
        self.metric = metric or task.metric[0]
        self._batches = task.watched_batches(encoded, batch_size)
        # The newest, for whoever asks how they are spread.
        self.answers: Any = None

    def measure(self) -> tuple[float, float]:
        """Mean loss and the task's metric.

        Raises:
            TrainingError: one of them is not finite.
        """
        loss, figures = self.figures(self.task.quick())
        if self.metric not in figures:
            raise TrainingError(
                f"watch={self.metric!r} needs {_NEEDED[self.metric]}: watch another figure, one of "
                f"{', '.join(name for name in figures if name in DIRECTIONS)}"
            )
        metric = figures[self.metric]
        if not np.isfinite(metric):
            raise TrainingError(f"{self.metric} became {metric}: change the unit of the target")
        return loss, metric

    @torch.no_grad()
    def figures(self, task: AbstractTask | None = None) -> tuple[float, dict[str, float]]:
        """Mean loss and every figure of the task.

        Args:
            task: Whose decoder answers; None: the task's own.

        Raises:
            TrainingError: the loss is not finite.
        """
        try:
            model = model_in_torch(self.module, task or self.task, self.graphs, self.codec)
        except BundleError as error:
            raise TrainingError(f"{error}, with a smaller learning_rate") from None
        parameter = next(self.module.parameters())
        found: list[Any] | None = [None] * len(self.encoded)
        loss = weight = 0.0
        carry: Any = None
        for index in self._batches:
            batch = self.encoded.collate(index)
            learned = self.task.learn(self.module, batch, carry, parameter.device, parameter.dtype)
            carry, total = learned.carry, float(learned.total)
            if not np.isfinite(total):
                raise TrainingError(
                    f"the loss of sequences that are only watched became {total}: try a "
                    "smaller learning_rate, or look for huge values among their features"
                )
            loss, weight = loss + total, weight + float(learned.weight)
            if learned.outputs is None:
                found = None
            elif found is not None:
                outputs = {name: v.cpu().numpy() for name, v in learned.outputs.items()}
                for k, answer in zip(batch.index, model.decode(outputs, batch), strict=True):
                    found[k] = answer
        # A task that does not answer from one pass (beams, streams) is asked for its answers.
        answers = model.answers(self.encoded) if found is None else model.joined(found)
        self.answers = answers
        with np.errstate(over="ignore"):
            return loss / weight, model.figures(answers, self.encoded, self.cases)
