"""What a task is: graphs from settings and codec, a loss as sum and weight, a decoder, a metric."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Unpack

import numpy as np
import numpy.typing as npt
import torch

from recurra.codecs import AbstractCodec, Cases, SequenceCodec, fit_codec
from recurra.decode import AbstractDecoder
from recurra.errors import DataError, SettingsError, SpecError
from recurra.layers import BuildOptions, Networks, build
from recurra.spec.batch import Batch, EncodedCases, EncodedList
from recurra.spec.graph import Graph, Step
from recurra.spec.node import AbstractNode
from recurra.spec.nodes import Dropout, Linear, Pool
from recurra.spec.report import DIRECTIONS, METRICS
from recurra.spec.settings import ModelSettings, Settings, TrainingSettings
from recurra.tasks.buckets import epoch_batches, even_batches
from recurra.tasks.encoder import dense_steps, encoder_steps
from recurra.tasks.split import split
from recurra.tasks.truncation import Truncation, in_windows

__all__ = ["AbstractTask", "Learned", "in_full", "tensors_of", "too_few", "truth"]

Index = npt.NDArray[np.int64]
# Cases that the certificate is measured on and the golden pair is taken from.
_WITNESSES = 16


@dataclass(frozen=True)
class Learned:
    """What one batch gives.

    Args:
        total: Sum of the losses, a scalar; its gradient is what is learnt from.
        weight: What to divide the sum by, a scalar without gradient.
        carry: What the next batch begins with (a detached state); None where batches stand alone.
        outputs: What the main graph put out, where the model's `decode` answers from it; None: the
            model is asked for its answers when a network is measured.
    """

    total: torch.Tensor
    weight: torch.Tensor
    carry: Any = None
    outputs: Mapping[str, torch.Tensor] | None = None


class AbstractTask:
    """The base of all tasks: by default one value for each sequence, from the pooled steps.

    A task is a value: `weighed` gives a new one, nothing changes in place.
    """

    name: ClassVar[str]
    metric: ClassVar[tuple[str, Literal["max", "min"]]]
    # Commands for its bundles beside those that every bundle has; {bundle} stands for the folder.
    commands: ClassVar[tuple[str, ...]] = ()
    # Where back-propagation is cut; None: nowhere.
    windows: Truncation | None = None

    @classmethod
    def of(cls, settings: Settings) -> AbstractTask:  # noqa: ARG003 - most tasks have no choices of their own
        """The task as the settings choose it."""
        return cls()

    def parts(self, cases: Cases, settings: Settings) -> tuple[Cases, Cases | None]:
        """The training part and the held-out part of `cases`, None where nothing is held out."""
        chosen = settings.training
        train, held = split(len(cases), chosen.valid_fraction, chosen.seed)
        return cases.subset(train), cases.subset(held) if len(held) else None

    def newest(self, codec: Any, cases: Cases, settings: Settings) -> tuple[Cases, Cases | None]:
        """As `parts`, where a trained model goes on learning: the newest cases are held out.

        Raises:
            DataError: one case, which cannot be learnt from and held out.
        """
        del codec
        held = math.ceil(settings.training.valid_fraction * len(cases))
        if held >= len(cases):
            raise DataError(
                f"expected at least 2 sequences, of which the last is held out, got {len(cases)}: "
                "give more sequences, or valid_fraction=0",
                path=cases.source,
            )
        if not held:
            return cases, None
        first = len(cases) - held
        return cases.subset(range(first)), cases.subset(range(first, len(cases)))

    def codec(self, train: Cases, settings: Settings) -> AbstractCodec:
        """The codec that the training part asks for."""
        dtype: Literal["float32", "float64"]
        dtype = "float64" if settings.training.precision == "float64" else "float32"
        return fit_codec(train, settings.data, self.name, dtype=dtype)

    def encoded(
        self,
        codec: AbstractCodec,
        cases: Cases,
        settings: Settings,
        *,
        training: bool,
    ) -> EncodedCases:
        """The cases to learn from, or (`training` off) to watch."""
        del settings, training
        return EncodedList(codec.encode_cases(cases))

    def network(
        self, graphs: Mapping[str, Graph], **options: Unpack[BuildOptions]
    ) -> torch.nn.Module:
        """The graphs as one torch module whose `state_dict` has the paths of their parameters."""
        return build(graphs["main"], **options) if len(graphs) == 1 else Networks(graphs, options)

    def batches(self, cases: EncodedCases, settings: TrainingSettings, epoch: int) -> list[Index]:
        """The numbers of the cases of each batch of an epoch (counted from 1), in their order.

        A pure function of its arguments. Where `learn` carries a state from batch to batch, the
        rows of consecutive batches continue one another.
        """
        return epoch_batches(cases.lengths, settings.batch_size, settings.seed, epoch)

    def batch_counts(self, cases: EncodedCases, settings: TrainingSettings) -> list[int]:
        """How many batches `batches` gives in each epoch; by default always the same."""
        return [len(self.batches(cases, settings, 1))] * settings.epochs

    def watched_batches(self, cases: EncodedCases, batch_size: int) -> list[Index]:
        """The batches in which watched cases are measured: every case once, no chance in it."""
        return even_batches(cases.lengths, batch_size)

    def learn(
        self, network: Any, batch: Batch, carry: Any, device: torch.device, dtype: torch.dtype
    ) -> Learned:
        """The loss of one batch; with gradients off the same, to watch.

        Args:
            network: As `network` made it.
            batch: Some cases.
            carry: What the batch before gave; None at the beginning of an epoch.
            device: Where the network is.
            dtype: Of its inputs.
        """
        del carry
        inputs = tensors_of(batch, network.graph.inputs, device, dtype)
        lengths = torch.from_numpy(batch.lengths).to(device)
        if self.windows is None:
            outputs, _ = network(inputs, lengths=lengths)
        else:
            cuts = self.windows.cuts(int(batch.lengths.max()), drawn=network.training)
            outputs = in_windows(network, inputs, lengths, cuts)
        with torch.autocast(device.type, enabled=False):
            outputs = in_full(outputs)
            total, weight = self.loss(outputs, batch)
        return Learned(total, weight, None, outputs)

    def at_epoch(self, epoch: int, settings: TrainingSettings) -> AbstractTask:  # noqa: ARG002 - most learn alike from first to last
        """The task as it is learnt in one epoch, counted from 1: what follows a schedule."""
        return self

    def quick(self) -> AbstractTask:
        """The task as an epoch is measured by it: with a cheaper decoder, where there is one."""
        return self

    def witnesses(self, codec: Any, cases: Cases) -> Cases:  # noqa: ARG002 - most codecs take cases as they are
        """Raw cases, of the watched ones, for the certificate and the golden pair."""
        return cases.subset(range(min(_WITNESSES, len(cases))))

    def like(self, decoder: Any) -> AbstractTask:
        """This task with what a trained model's decoder has learnt from held-out cases."""
        del decoder
        return self

    def based(self, decoder: Any, weights: Mapping[str, npt.NDArray[Any]]) -> AbstractTask:
        """This task as it goes on from a trained model, by what that has settled."""
        del weights
        return self.like(decoder)

    def calibrated(
        self, model: Any, encoded: EncodedCases, cases: Cases, settings: TrainingSettings
    ) -> AbstractTask:
        """This task with what its decoder learns from held-out cases, once the network is trained.

        Args:
            model: The trained model, whose decoder has learnt nothing yet.
            encoded: The held-out cases.
            cases: The same, raw.
            settings: What is asked for.
        """
        del model, encoded, cases, settings
        return self

    def decoder(self, codec: Any) -> AbstractDecoder:
        """What turns the graphs' outputs into answers."""
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

    def watched(self, settings: TrainingSettings) -> tuple[str, Literal["max", "min"]]:
        """The figure by which the best epoch is chosen, and which way it is better.

        Raises:
            SettingsError: `watch` names no figure of this task.
        """
        if settings.watch == "auto":
            return self.metric
        known = [name for name in METRICS[self.name] if name in DIRECTIONS]
        if settings.watch not in known:
            raise SettingsError(
                f"watch must be one of auto, {', '.join(known)} for the task {self.name}; got "
                f"{settings.watch!r}"
            )
        return settings.watch, DIRECTIONS[settings.watch]

    def weighed(self, cases: EncodedCases, settings: TrainingSettings) -> AbstractTask:  # noqa: ARG002 - a task without weights needs neither
        """This task with whatever its loss must know of the training part."""
        return self

    def graphs(self, settings: ModelSettings, codec: Any) -> dict[str, Graph]:
        """{"main": what each step brings -> encoder -> pool -> [dropout] -> [dense] -> head}."""
        assert isinstance(codec, SequenceCodec)  # other tasks build other graphs
        signals = codec.signals()
        steps = encoder_steps(settings, signals)

        def add(step: str, node: AbstractNode) -> None:
            steps.append(Step(step, node, (steps[-1].name,)))

        end = steps[-1].name
        width = Graph(signals, tuple(steps), (end,)).signals()[end].size
        add("pool", Pool(size=width, modes=settings.pool))
        if settings.dropout > 0:
            add("head_dropout", Dropout(rate=settings.dropout))
        width *= len(settings.pool)
        steps += dense_steps(settings, steps[-1].name, width)
        width = (width, *settings.dense_after)[-1]
        add("head", Linear(input_size=width, output_size=codec.target.size))
        return {"main": Graph(signals, tuple(steps), ("head",))}


def in_full(outputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Outputs of mixed precision in float32, in which losses are taken; others as they are."""
    return {n: v.float() if v.dtype == torch.bfloat16 else v for n, v in outputs.items()}


def tensors_of(
    batch: Batch, names: Sequence[str] | Mapping[str, Any], device: torch.device, dtype: torch.dtype
) -> dict[str, torch.Tensor]:
    """Arrays of a batch as tensors by name: floats in `dtype`, tokens as they are."""
    tensors = {n: torch.from_numpy(a).to(device) for n, a in batch.arrays(names).items()}
    return {
        name: tensor.to(dtype) if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
    }


def too_few(coverage: float, count: int, things: str = "held-out cases") -> SettingsError:
    """What to say where so few held-out cases, or steps, can promise no such coverage."""
    least = math.ceil(coverage / (1 - coverage))
    return SettingsError(
        f"coverage={coverage} needs at least {least} {things}, there are {count}: hold out more "
        "(valid_fraction), or ask for less"
    )


def truth(batch: Batch, device: torch.device) -> torch.Tensor:
    """`rows["y"]` of a batch as a tensor on `device`.

    Raises:
        SpecError: the batch was encoded without its targets.
    """
    if "y" not in batch.rows:
        raise SpecError("the loss needs rows['y'] of each case: encode cases with their targets")
    values: Any = batch.rows["y"]
    return torch.from_numpy(values).to(device)
