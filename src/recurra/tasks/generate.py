"""Generation: each symbol or frame predicted from all before it; the state goes on from piece to
piece of a text (truncated back-propagation through time)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Unpack

import numpy as np
import numpy.typing as npt
import torch

from recurra.codecs import AbstractCodec, Cases, CorpusCodec, CorpusStreams, FrameCodec
from recurra.decode import AbstractDecoder, NextDecoder
from recurra.errors import DataError, SettingsError, SpecError
from recurra.layers import BuildOptions
from recurra.spec.batch import Batch, EncodedCases
from recurra.spec.counted import counted
from recurra.spec.graph import Graph, Step
from recurra.spec.node import AbstractNode
from recurra.spec.nodes import Dropout, Linear
from recurra.spec.settings import ModelSettings, Settings, TrainingSettings
from recurra.spec.state import map_arrays
from recurra.tasks.abstract import AbstractTask, Index, Learned, in_full, tensors_of
from recurra.tasks.encoder import dense_steps, encoder_steps
from recurra.tasks.truncation import shortest_of, window_at

__all__ = ["Generate"]


@dataclass(frozen=True)
class Generate(AbstractTask):
    """The next symbol, or the next frame, at every step.

        symbols: sum = sum_t -log softmax(a_t)[y_t]
        frames:  sum = sum_t sum_k log(1 + exp(a_tk)) - y_tk a_tk
        weight = the number of steps

    Args:
        tied: The head's weight is the embedding's (Press & Wolf 2017, arXiv:1608.05859).
    """

    tied: bool = False

    name: ClassVar[str] = "generate"
    metric: ClassVar[tuple[str, Literal["max", "min"]]] = ("nll", "min")
    commands: ClassVar[tuple[str, ...]] = ("recurra generate {bundle} --prompt TEXT",)

    @classmethod
    def of(cls, settings: Settings) -> Generate:
        """The task with the head that the settings choose."""
        return cls(settings.model.tie)

    def based(self, decoder: Any, weights: Mapping[str, npt.NDArray[Any]]) -> Generate:
        """Tied where the model is: its bundle holds the one parameter under both paths."""
        del decoder
        vectors = weights.get("embedding.weight")
        same = vectors is not None and np.array_equal(vectors, weights["head.weight"])
        return replace(self, tied=same)

    def parts(self, cases: Cases, settings: Settings) -> tuple[Cases, Cases | None]:
        """Of several sequences some are held out; of one running text its end."""
        return _parted(cases, settings) if len(cases) == 1 else super().parts(cases, settings)

    def newest(self, codec: Any, cases: Cases, settings: Settings) -> tuple[Cases, Cases | None]:
        """As `parts`: the newest of one running text is its end."""
        if len(cases) == 1:
            return _parted(cases, settings)
        return super().newest(codec, cases, settings)

    def codec(self, train: Cases, settings: Settings) -> AbstractCodec:
        """Of texts or of frames."""
        own = "binary_cross_entropy" if train.kind == "frames" else "cross_entropy"
        if settings.training.loss not in ("auto", own):
            raise SettingsError(
                f"loss={settings.training.loss!r} is not that of {train.kind}: take {own}, or "
                "leave it out"
            )
        if settings.training.transpose and train.kind != "frames":
            raise SettingsError(
                f"transpose={settings.training.transpose} moves the notes of frames, got "
                f"{train.kind}: set transpose=0"
            )
        if train.kind == "text":
            return CorpusCodec.fit(train, settings.data)
        if train.kind == "frames":
            wide = settings.training.precision == "float64"
            return FrameCodec.fit(train, settings.data, "float64" if wide else "float32")
        raise DataError(
            f"expected texts or frames to continue, got {train.kind}: for numbers take "
            "task=forecast",
            path=train.source,
        )

    def encoded(
        self, codec: AbstractCodec, cases: Cases, settings: Settings, *, training: bool
    ) -> EncodedCases:
        """Windows of `batch_size` parallel streams.

        What is watched is cut likewise, each stream first reading one window that does not count.
        """
        chosen = settings.training
        return CorpusStreams(
            codec.encode_cases(cases),
            streams=chosen.batch_size,
            window=chosen.window,
            **(_scheduled(chosen) if training else {}),
            seed=chosen.seed if training else None,
            overlap=0 if training else chosen.window,
            transpose=chosen.transpose if training else 0,
        )

    def batches(self, cases: EncodedCases, settings: TrainingSettings, epoch: int) -> list[Index]:
        """One window of every stream a batch, in the order of time."""
        del settings
        return _streams(cases).batches(epoch - 1)

    def batch_counts(self, cases: EncodedCases, settings: TrainingSettings) -> list[int]:
        """More in the epochs whose windows are short."""
        return [_streams(cases).count(epoch) for epoch in range(settings.epochs)]

    def watched_batches(self, cases: EncodedCases, batch_size: int) -> list[Index]:
        """As `batches`; how many streams there are was decided when they were cut."""
        del batch_size
        return _streams(cases).batches(0)

    def graphs(self, settings: ModelSettings, codec: Any) -> dict[str, Graph]:
        """{"main": what `encoder_steps` and `dense_steps` say, then [projection] -> head}."""
        if settings.bidirectional:
            raise SettingsError(
                "bidirectional reads the steps that are to be predicted: leave it out to generate"
            )
        signals = codec.signals()
        ((name, signal),) = signals.items()
        steps = encoder_steps(settings, signals)
        size = Graph(signals, tuple(steps), (steps[-1].name,)).signals()[steps[-1].name].size

        def add(step: str, node: AbstractNode) -> None:
            steps.append(Step(step, node, (steps[-1].name,)))

        if settings.dropout > 0:
            add("head_dropout", Dropout(rate=settings.dropout, variational=settings.variational))
        steps += dense_steps(settings, steps[-1].name, size)
        size = settings.dense_after[-1] if settings.dense_after else size
        if self.tied:
            if signal.dtype != "token":
                raise SettingsError("tie shares the vectors of symbols: frames have none")
            if size != settings.embedding:
                add("projection", Linear(input_size=size, output_size=settings.embedding))
                size = settings.embedding
        add("head", Linear(input_size=size, output_size=signal.size))
        return {"main": Graph({name: signal}, tuple(steps), ("head",))}

    def network(
        self, graphs: Mapping[str, Graph], **options: Unpack[BuildOptions]
    ) -> torch.nn.Module:
        """The graph as a module; tied, head and embedding are one parameter (the bundle holds it
        under both paths)."""
        network = super().network(graphs, **options)
        if self.tied:
            steps: Any = network
            steps.head.weight = steps.embedding.weight
        return network

    def learn(
        self, network: Any, batch: Batch, carry: Any, device: torch.device, dtype: torch.dtype
    ) -> Learned:
        """The loss of one window of every stream; `carry` is the state that the one before left."""
        inputs = tensors_of(batch, network.graph.inputs, device, dtype)
        steps: dict[str, torch.Tensor] = {}
        if (batch.lengths != batch.steps["x"].shape[1]).any():
            steps["lengths"] = torch.from_numpy(batch.lengths).to(device)
        if batch.steps["starts"].any():
            steps["starts"] = torch.from_numpy(batch.steps["starts"]).to(device)
        outputs, state = network(inputs, carry, **steps)
        with torch.autocast(device.type, enabled=False):
            outputs = in_full(outputs)
            total, weight = self.loss(outputs, batch)
        kept = {
            name: map_arrays(lambda slot: slot.detach(), slots) for name, slots in state.items()
        }
        return Learned(total, weight, kept, outputs)

    def loss(
        self, outputs: Mapping[str, torch.Tensor], batch: Batch
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The negative log-likelihood of the steps that count, in nats."""
        scores = outputs["head"]
        truth = torch.from_numpy(batch.steps["y"]).to(scores.device)
        counted = torch.from_numpy(_counted(batch)).to(scores.device)
        if truth.is_floating_point():
            each = torch.nn.functional.binary_cross_entropy_with_logits(
                scores, truth.to(scores.dtype), reduction="none"
            )
            terms = each.sum(dim=-1)
        else:
            flat = scores.reshape(-1, scores.shape[-1])
            terms = torch.nn.functional.cross_entropy(flat, truth.reshape(-1), reduction="none")
            terms = terms.reshape(truth.shape)
        # Not a product: a score that overflowed at a step that does not count must not count.
        total = torch.where(counted, terms, 0).sum()
        return total, scores.new_tensor(float(_counted(batch).sum()))

    def decoder(self, codec: Any) -> AbstractDecoder:
        """Scores become probabilities of what comes next."""
        (signal,) = codec.signals().values()
        form = "symbol" if signal.dtype == "token" else "frame"
        return NextDecoder(form=form, size=signal.size)


def _scheduled(settings: TrainingSettings) -> dict[str, Any]:
    """The windows of each pass as the settings schedule them.

    Raises:
        SettingsError: the shortest one is longer than the longest.
    """
    if settings.window_schedule == "growing":
        passes = range(1, settings.epochs + 1)
        return {"windows": [window_at(epoch, settings) for epoch in passes]}
    return {"shortest": shortest_of(settings)} if settings.window_schedule == "random" else {}


def _parted(cases: Cases, settings: Settings) -> tuple[Cases, Cases | None]:
    """One running text without its end, and its end."""
    whole = cases.inputs[0]
    held = round(settings.training.valid_fraction * len(whole))
    if not held:
        return cases, None
    if held >= len(whole):
        raise DataError(
            f"expected more than {counted(held, 'step')} to learn from: add some, or set "
            "valid_fraction=0",
            path=cases.source,
        )
    return replace(cases, inputs=(whole[:-held],)), replace(cases, inputs=(whole[-held:],))


def _counted(batch: Batch) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """[B, T]: neither padding nor a step that is only read."""
    within: np.ndarray[Any, np.dtype[np.bool_]]
    within = np.arange(batch.steps["x"].shape[1]) < batch.lengths[:, None]
    return within & batch.steps["counted"] if "counted" in batch.steps else within


def _streams(cases: EncodedCases) -> CorpusStreams:
    if not isinstance(cases, CorpusStreams):
        raise SpecError(f"generate learns from CorpusStreams, got {type(cases).__name__}")
    return cases
