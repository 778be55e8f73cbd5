"""Tagging: a label for each step; a linear-chain CRF or cross-entropy, spans or plain tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from recurra.codecs import Cases
from recurra.codecs.tags import UNSEEN, TagCodec
from recurra.decode import AbstractDecoder, TagDecoder, conformal_quantile
from recurra.errors import DataError, SettingsError, SpecError
from recurra.spec.batch import Batch, EncodedCases, EncodedList
from recurra.spec.crf import Crf
from recurra.spec.graph import Graph, Step
from recurra.spec.node import AbstractNode
from recurra.spec.nodes import Dropout, Linear
from recurra.spec.schemes import rules
from recurra.spec.settings import ModelSettings, Settings, TrainingSettings
from recurra.tasks.abstract import AbstractTask, too_few
from recurra.tasks.crf import log_likelihood
from recurra.tasks.encoder import dense_steps, encoder_steps

__all__ = ["EncodedTags", "Tag", "TagSpans"]

_HEAD, _CRF = "head", "crf"


class EncodedTags(EncodedList):
    """Encoded cases beside the codec and the settings that made them.

    Args:
        codec: Knows the tags and their scheme.
        cases: With their tags, where they have any.
        settings: As they were used.
    """

    def __init__(self, codec: TagCodec, cases: Cases, settings: Settings) -> None:
        super().__init__(codec.encode_cases(cases))
        self.codec, self.settings = codec, settings


@dataclass(frozen=True)
class Tag(AbstractTask):
    """A tag for each step.

        with a CRF: sum = -sum_b log p(y_b | x_b)   over whole paths (`tasks/crf.py`)
        without:    sum = sum_bt w[y_bt] * (log sum_k exp(a_btk) - a_bt,y_bt)

    The weight is the number of steps (without a CRF the sum of their w), so that the loss is in
    nats a step. A step whose tag training has not seen counts nothing, and with a CRF its case.

    Args:
        codec_: What the tags are; None: not known yet (`weighed` gives it).
        crf: Score neighbours.
        lag: Of the decoder.
        tag_weights: w, one for each tag; None: all 1.
        doubt, coverage: Of the decoder.
    """

    codec_: TagCodec | None = None
    crf: bool = True
    lag: int = 0
    tag_weights: tuple[float, ...] | None = None
    doubt: float | None = None
    coverage: float | None = None

    name: ClassVar[str] = "tag"
    metric: ClassVar[tuple[str, Literal["max", "min"]]] = ("accuracy", "max")
    figures: ClassVar[tuple[str, ...]] = ("accuracy", "macro_f1")

    @classmethod
    def of(cls, settings: Settings) -> Tag:
        """With the CRF and the lag that the settings choose."""
        return cls(crf=settings.model.crf, lag=settings.model.lag)

    def watched(self, settings: TrainingSettings) -> tuple[str, Literal["max", "min"]]:
        """The figure by which the best epoch is chosen, and which way it is better.

        Raises:
            SettingsError: `watch` names none that these tags have.
        """
        if self.codec_ is not None and settings.watch not in ("auto", *self.figures):
            kind = "without spans" if self.codec_.scheme == "none" else "that spell spans"
            raise SettingsError(
                f"watch must be one of auto, {', '.join(self.figures)} for tags {kind}; got "
                f"{settings.watch!r}"
            )
        return super().watched(settings)

    def codec(self, train: Cases, settings: Settings) -> TagCodec:
        """The codec that the training part asks for."""
        return TagCodec.fit(
            train,
            settings.data,
            characters=settings.model.character_hidden > 0,
            pairs=settings.model.pair_embedding > 0,
            dtype="float64" if settings.training.precision == "float64" else "float32",
        )

    def encoded(
        self,
        codec: Any,
        cases: Cases,
        settings: Settings,
        *,
        training: bool,
    ) -> EncodedTags:
        """The cases to learn from or to watch.

        Raises:
            DataError: a tag to learn from that a trained model does not know.
        """
        encoded = EncodedTags(codec, cases, settings)
        if training:
            _refuse_unseen(codec, cases, encoded)
        return encoded

    def weighed(self, cases: EncodedCases, settings: TrainingSettings) -> Tag:
        """This task once it knows the tags; where they spell spans, their F1 is what is watched.

        With class_weight="balanced": w_k = N / (K * N_k), so that each tag weighs the same.

        Raises:
            SettingsError: weights for a CRF, which learns whole paths.
        """
        assert isinstance(cases, EncodedTags)  # as `encoded` made them
        codec = cases.codec
        weights = None
        if settings.class_weight == "balanced":
            if self.crf:
                raise SettingsError(
                    "class_weight='balanced' weighs steps, and a CRF learns whole paths: set "
                    "crf=False, or class_weight='none'"
                )
            labels = np.concatenate([case.steps["y"] for case in cases])
            counts = np.bincount(labels, minlength=codec.target.size)
            balanced = len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))
            weights = tuple(float(weight) for weight in balanced)
        kind = Tag if codec.scheme == "none" else TagSpans
        return kind(codec, self.crf, self.lag, weights, self.doubt, self.coverage)

    def decoder(self, codec: TagCodec) -> AbstractDecoder:
        """Scores become the best tags that the scheme allows."""
        return TagDecoder(
            tags=codec.tags,
            scheme=codec.scheme,
            potentials=_CRF if self.crf else "",
            lag=self.lag,
            doubt=self.doubt,
            coverage=self.coverage,
        )

    def like(self, decoder: Any) -> Tag:
        """With the CRF, the lag, the doubt and the coverage of a trained model."""
        return replace(
            self,
            crf=bool(decoder.potentials),
            lag=decoder.lag,
            doubt=decoder.doubt,
            coverage=decoder.coverage,
        )

    def calibrated(
        self, model: Any, encoded: EncodedCases, cases: Cases, settings: TrainingSettings
    ) -> Tag:
        """With the doubt that the settings' coverage of the steps needs.

        Raises:
            SettingsError: too few held-out steps to say.
        """
        del cases
        if settings.coverage is None:
            return self
        doubts = model.doubts(encoded)
        doubt = conformal_quantile(doubts, settings.coverage)
        if not np.isfinite(doubt) and np.isfinite(doubts).all():
            raise too_few(settings.coverage, len(doubts), "held-out steps")
        # Tags that training has not seen are in no set, however large.
        return replace(self, doubt=min(doubt, 1.0), coverage=settings.coverage)

    def loss(
        self, outputs: Mapping[str, torch.Tensor], batch: Batch
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Nats of all steps, and how many there are.

        Args:
            outputs: "head" [B, T, K] and, with a CRF, its row.
            batch: `steps["y"]` [B, T] is the truth.
        """
        scores = outputs[_HEAD]
        if "y" not in batch.steps or self.codec_ is None:
            raise SpecError("the loss needs steps['y']: encode cases with their tags")
        labels = torch.from_numpy(batch.steps["y"]).to(scores.device)
        lengths = torch.from_numpy(batch.lengths).to(scores.device)
        within = torch.arange(scores.shape[1], device=scores.device) < lengths[:, None]
        if not self.crf:
            return self._cross_entropy(scores, torch.where(within, labels, UNSEEN))
        known = ((labels != UNSEEN) | ~within).all(1)
        likelihood = log_likelihood(
            scores,
            outputs[_CRF][0],
            labels.clamp(min=0),
            lengths,
            rules(self.codec_.tags, self.codec_.scheme),
        )
        total = -torch.where(known, likelihood, 0.0).sum()
        return total, scores.new_tensor(float(batch.lengths.sum()))

    def _cross_entropy(
        self, scores: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        weights = None
        if self.tag_weights is not None:
            weights = torch.tensor(self.tag_weights, dtype=scores.dtype, device=scores.device)
        total = torch.nn.functional.cross_entropy(
            scores.flatten(0, 1), labels.flatten(), weights, ignore_index=UNSEEN, reduction="sum"
        )
        known = labels[labels != UNSEEN]
        counted = scores.new_tensor(known.numel()) if weights is None else weights[known].sum()
        return total, counted

    def graphs(self, settings: ModelSettings, codec: TagCodec) -> dict[str, Graph]:
        """{"main": what each step brings -> [dropout] -> encoder -> [dropout] -> head [-> crf]}."""
        signals = codec.signals()
        steps = encoder_steps(settings, signals)

        def add(step: str, node: AbstractNode) -> None:
            steps.append(Step(step, node, (steps[-1].name,)))

        end = steps[-1].name
        width = Graph(signals, tuple(steps), (end,)).signals()[end].size
        if settings.dropout > 0:
            add("head_dropout", Dropout(rate=settings.dropout, variational=settings.variational))
        steps += dense_steps(settings, steps[-1].name, width)
        width, count = (width, *settings.dense_after)[-1], codec.target.size
        add(_HEAD, Linear(input_size=width, output_size=count))
        outputs: tuple[str, ...] = (_HEAD,)
        if settings.crf:
            steps.append(Step(_CRF, Crf(tags=count), (_HEAD,)))
            outputs = (_HEAD, _CRF)
        return {"main": Graph(signals, tuple(steps), outputs)}


@dataclass(frozen=True)
class TagSpans(Tag):
    """A tag for each step, where tags spell spans: the F1 of whole spans is watched."""

    metric: ClassVar[tuple[str, Literal["max", "min"]]] = ("entity_f1", "max")
    figures: ClassVar[tuple[str, ...]] = (
        "accuracy",
        "entity_f1",
        "entity_precision",
        "entity_recall",
    )


def _refuse_unseen(codec: TagCodec, cases: Cases, encoded: EncodedTags) -> None:
    """A codec made from other cases may lack their tags: these would be passed over in silence."""
    for k, case in enumerate(encoded):
        if "y" not in case.steps:
            continue
        unseen = np.flatnonzero(case.steps["y"] == UNSEEN)
        if len(unseen):
            tag = codec.texts_of(cases)[k][int(unseen[0])]
            raise DataError(
                f"case {cases.ids[k]!r}, step {unseen[0]}: expected one of the tags that the model "
                f"was trained on, got {tag!r}: correct it, or train a new model",
                path=cases.source,
            )
