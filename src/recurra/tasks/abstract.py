"""What a task is: graphs from settings and codec, a loss as sum and weight, a decoder, a metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch

from recurra.codecs import SequenceCodec
from recurra.decode import AbstractDecoder
from recurra.errors import SpecError
from recurra.spec.batch import Batch, Encoded
from recurra.spec.graph import Graph, Step
from recurra.spec.node import AbstractNode, Signal
from recurra.spec.nodes import Dropout, Embedding, Linear, Pool
from recurra.spec.settings import ModelSettings, TrainingSettings
from recurra.tasks.encoder import encoder_node

__all__ = ["AbstractTask", "truth"]


class AbstractTask:
    """The base of all tasks: one value for each sequence, from the pooled steps.

    A task is a value: `weighed` gives a new one, nothing changes in place.
    """

    name: ClassVar[str]
    metric: ClassVar[tuple[str, Literal["max", "min"]]]

    def decoder(self, codec: SequenceCodec) -> AbstractDecoder:
        """What turns the head's output into answers."""
        raise SpecError(f"{type(self).__name__} has no decoder for {codec}")

    def loss(
        self, outputs: Mapping[str, torch.Tensor], batch: Batch
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The sum of the losses of a batch and the weight to divide it by.

        Args:
            outputs: What the graph puts out; "head" [B, size of the target].
            batch: The batch that went in; `rows["y"]` is the truth.

        Returns:
            Sum and weight, scalars of the outputs' dtype; only the sum has a gradient.
        """
        raise SpecError(f"{type(self).__name__} has no loss for {len(batch)} cases, {outputs}")

    def weighed(self, cases: Sequence[Encoded], settings: TrainingSettings) -> AbstractTask:  # noqa: ARG002 - a task without weights needs neither
        """This task with whatever its loss must know of the training part."""
        return self

    def graphs(self, settings: ModelSettings, codec: SequenceCodec) -> dict[str, Graph]:
        """{"main": [embedding] -> [dropout] -> encoder -> pool -> [dropout] -> head}."""
        ((name, signal),) = codec.signals().items()
        steps: list[Step] = []

        def add(step: str, node: AbstractNode) -> None:
            steps.append(Step(step, node, (steps[-1].name if steps else name,)))

        size = signal.size
        if signal.dtype == "token":
            add("embedding", Embedding(tokens=signal.size, size=settings.embedding))
            size = settings.embedding
        if settings.dropout > 0:
            add("input_dropout", Dropout(rate=settings.dropout, variational=settings.variational))
        encoder = encoder_node(settings, size)
        add("encoder", encoder)
        width = encoder.output((Signal("steps", size),)).size
        add("pool", Pool(size=width, modes=settings.pool))
        if settings.dropout > 0:
            add("head_dropout", Dropout(rate=settings.dropout))
        add(
            "head",
            Linear(input_size=width * len(settings.pool), output_size=codec.target.size),
        )
        return {"main": Graph({name: signal}, tuple(steps), ("head",))}


def truth(batch: Batch, device: torch.device) -> torch.Tensor:
    """`rows["y"]` of a batch as a tensor on `device`.

    Raises:
        SpecError: the batch was encoded without its targets.
    """
    if "y" not in batch.rows:
        raise SpecError("the loss needs rows['y'] of each case: encode cases with their targets")
    values: Any = batch.rows["y"]
    return torch.from_numpy(values).to(device)
