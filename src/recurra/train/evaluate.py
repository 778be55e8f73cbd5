"""How good a network is on encoded cases, by the decoder and the metrics that the runtime uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from recurra.codecs import Cases, SequenceCodec
from recurra.errors import TrainingError
from recurra.metrics import evaluate
from recurra.spec.batch import Encoded, collate
from recurra.tasks import AbstractTask
from recurra.train.buckets import even_batches
from recurra.train.tensors import inputs_of, lengths_of

__all__ = ["answers_and_loss", "measure", "truth_of"]

Array = npt.NDArray[Any]


def truth_of(cases: Cases, codec: SequenceCodec) -> Array:
    """What `metrics.evaluate` compares answers with: class indices [N], or numbers [N]."""
    values = cases.target_values()
    if codec.task == "classify":
        return np.array([codec.target.encode(value) for value in values], np.int64)
    return np.array(values, np.float64)


@torch.no_grad()
def answers_and_loss(
    network: torch.nn.Module,
    task: AbstractTask,
    codec: SequenceCodec,
    cases: Sequence[Encoded],
    batch_size: int,
) -> tuple[Array, float]:
    """The decoded answers in the order of `cases` (numbers in the target's unit), and mean loss.

    Args:
        network: In evaluation mode.
        task: Gives loss and decoder.
        codec: Gives numbers their unit back.
        cases: Encoded, with their targets.
        batch_size: Cases at a time.

    Raises:
        TrainingError: the loss is not finite.
    """
    parameter = next(network.parameters())
    decoder = task.decoder(codec)
    answers: list[Array] = []
    order: list[Array] = []
    loss = weight = 0.0
    for index in even_batches([case.length for case in cases], batch_size):
        batch = collate(cases, index.tolist())
        inputs = inputs_of(batch, parameter.dtype, parameter.device)
        outputs, _ = network(inputs, lengths=lengths_of(batch, parameter.device))
        total, weighed = task.loss(outputs, batch)
        if not torch.isfinite(total):
            raise TrainingError(
                f"the loss of sequences that are only watched became {float(total)}: try a "
                "smaller learning_rate, or look for huge values among their features"
            )
        loss, weight = loss + float(total), weight + float(weighed)
        answers.append(decoder.decode({name: v.cpu().numpy() for name, v in outputs.items()}))
        order.append(index)
    joined = np.concatenate(answers)[np.argsort(np.concatenate(order))]
    return (joined if codec.task == "classify" else codec.target.decode(joined)), loss / weight


def measure(
    network: torch.nn.Module,
    task: AbstractTask,
    codec: SequenceCodec,
    cases: Sequence[Encoded],
    truth: Array,
    batch_size: int,
) -> tuple[float, float]:
    """Mean loss and the task's metric.

    Raises:
        TrainingError: one of them is not finite.
    """
    answers, loss = answers_and_loss(network, task, codec, cases, batch_size)
    with np.errstate(over="ignore"):
        metric = evaluate(task.name, answers, truth)[task.metric[0]]
    if not np.isfinite(metric):
        raise TrainingError(f"{task.metric[0]} became {metric}: change the unit of the target")
    return loss, metric
