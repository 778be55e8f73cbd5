"""What a training measures of itself for the doctor: at its start, at its end, of its answers."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from recurra.codecs import Cases, LabelCodec, SequenceCodec
from recurra.codecs.windows import Windows
from recurra.spec.batch import EncodedCases
from recurra.spec.settings import Settings
from recurra.tasks import AbstractTask
from recurra.train.doctor import material, naive
from recurra.train.doctor.answers import answers_of
from recurra.train.doctor.course import SMALL_BATCH
from recurra.train.doctor.inside import poor
from recurra.train.doctor.probe import measure, probe_index, reach_of
from recurra.train.doctor.series import series_of
from recurra.train.doctor.signals import Evidence, Failure, Signals

__all__ = ["Recorder"]

Array = npt.NDArray[Any]


class Recorder:
    """Measures one training.

    Args:
        task: As it is learnt.
        settings: As they are used.
        codec: Fitted on the training part.
        train: Raw cases to learn from.
        encoded: The same, encoded.
        held: Held-out cases; None: there are none.
        watched: The watched cases, encoded.
        folder: Where signals are written; None: nowhere.
        continued: Whether the training goes on from a bundle.
    """

    def __init__(
        self,
        *,
        task: AbstractTask,
        settings: Settings,
        codec: Any,
        train: Cases,
        encoded: EncodedCases,
        held: Cases | None,
        watched: EncodedCases,
        folder: Path | None,
        continued: bool,
    ) -> None:
        self._begin, self._own = time.process_time(), 0.0
        self._task, self._settings, self._codec = task, settings, codec
        self._train, self._encoded, self._held = train, encoded, held
        self._watched, self._folder = watched, folder
        self._start: dict[str, torch.Tensor] = {}
        self._index = probe_index(task, encoded, settings.training)
        lengths = encoded.lengths
        batches = len(task.batches(encoded, settings.training, 1))
        together = batches if settings.training.optimiser == "gd" else settings.training.accumulate
        self.signals = Signals(
            task=task.name,
            metric=task.watched(settings.training),
            settings=settings.flat(),
            sequences={"train": len(encoded), "held": 0 if held is None else len(watched)},
            steps=math.ceil(batches / together),
            length=float(np.median(lengths)),
            continued=continued,
            stopped="",
            best_epoch=0,
        )

    def begin(self, network: torch.nn.Module) -> None:
        """Measure the network ahead of its first step, and what it will learn from."""
        begin = time.process_time()
        self._start = {
            n: p.detach().clone() for n, p in network.named_parameters() if p.requires_grad
        }
        chosen = self._settings.training
        # Elsewhere nobody asks, and its gradients would cost as much as some steps.
        few = chosen.batch_size * chosen.accumulate <= SMALL_BATCH and not self._streams
        noise = self._task.batches(self._encoded, chosen, 1) if few else []
        self.signals["start"] = measure(
            network, self._task, self._encoded, self._index, noise=noise
        )
        names = getattr(self._codec, "features", ())
        self.signals["inputs"] = material.inputs_of(self._encoded, names)
        self.signals["target"] = self._target()
        self._own += time.process_time() - begin

    def end(self, network: torch.nn.Module) -> None:
        """Measure the network after its last step, ahead of the best weights' return."""
        begin = time.process_time()
        self.signals["end"] = measure(
            network, self._task, self._encoded, self._index, start=self._start
        )
        self._own += time.process_time() - begin

    def finish(
        self,
        network: torch.nn.Module,
        *,
        best_epoch: int,
        stopped: str,
        figures: Mapping[str, float] | None,
        answers: Any,
        decoder: Any,
    ) -> None:
        """Measure what is kept, and how it answers.

        Args:
            network: With the best weights.
            best_epoch: Whose.
            stopped: Why.
            figures: On the held-out part; None: there is none.
            answers: To the watched cases.
            decoder: Of the model.
        """
        begin = time.process_time()
        signals = self.signals
        signals["best_epoch"], signals["stopped"] = best_epoch, stopped
        signals["best"] = measure(
            network, self._task, self._encoded, self._index, start=self._start
        )
        signals["answers"] = (
            {} if answers is None else answers_of(self._task.name, answers, self._watched, decoder)
        )
        if figures is not None:
            signals["figures"] = dict(figures)
            signals["naive"] = self._naive()
        # A gradient for each step: only asked for where the answers are poor.
        if self._last_step and poor(Evidence(signals)):
            signals["best"]["reach"] = reach_of(network, self._task, self._encoded, self._index)
        self._own += time.process_time() - begin
        self.write()

    def failed(self, error: Exception, epoch: int) -> None:
        """Note how the training broke off, in which epoch (from 1)."""
        self.signals["failure"] = Failure(message=str(error), epoch=epoch)
        self.signals["stopped"] = "failed"
        self.write()

    def write(self) -> None:
        """Put what is known so far into the folder, where there is one."""
        self.signals["overhead_s"] = self._own
        self.signals["fit_s"] = time.process_time() - self._begin
        if self._folder is not None:
            Evidence(self.signals).write(self._folder)

    @property
    def _last_step(self) -> bool:
        """Whether the last step alone must know what the first ones said."""
        pooled = self._task.name in ("classify", "regress")
        return pooled and tuple(self._settings.model.pool) == ("last",)

    @property
    def _streams(self) -> bool:
        """Whether batches continue one another, so that none stands alone."""
        return self._task.name == "generate"

    def _truth(self, encoded: EncodedCases) -> Array:
        # A number is a row of one.
        return np.array([case.rows["y"] for case in encoded]).reshape(len(encoded))

    def _classes(self) -> int | None:
        target = getattr(self._codec, "target", None)
        return target.size if isinstance(target, LabelCodec) else None

    def _target(self) -> dict[str, Any]:
        """How the truth of the training part is spread, and what gives it away."""
        name, classes = self._task.name, self._classes()
        if isinstance(self._encoded, Windows):
            return series_of(self._encoded)
        if name == "tag":
            labels = np.concatenate([case.steps["y"] for case in self._encoded])
            counts = np.bincount(labels[labels >= 0], minlength=classes or 1)
            return {"counts": counts.tolist(), "labels": self._labels()}
        if name == "generate":
            return self._symbols()
        if not isinstance(self._codec, SequenceCodec):
            return {}
        truth = self._truth(self._encoded)
        found: dict[str, Any]
        if classes is None:
            values, counts = np.unique(truth, return_counts=True)
            common = float(counts.max() / len(truth))
            found = {
                "common": common,
                "value": float(self._codec.target.decode(values[counts.argmax()][None])[0]),
                "typical": material.spread_of(truth.astype(np.float64)),
            }
        else:
            found = {
                "counts": np.bincount(truth, minlength=classes).tolist(),
                "labels": self._labels(),
            }
        shown = truth[material.some(len(self._encoded))]
        whole = classes is not None
        found["relevance"] = material.relevance_of(self._encoded, shown, classes=whole)
        found["leak"] = material.leak_of(self._train, truth, classes=whole)
        if self._held is not None:
            found["duplicates"] = material.duplicates(self._train, self._held)
            if whole:
                held = np.unique(self._truth(self._watched), return_counts=True)
                found["held_classes"] = len(held[0])
        return found

    def _labels(self) -> list[str]:
        return [str(label) for label in self._codec.target.labels]

    def _symbols(self) -> dict[str, Any]:
        """Of a text the share of its most frequent symbol."""
        batches = self._task.batches(self._encoded, self._settings.training, 1)
        y = self._encoded.collate(batches[0]).steps["y"]
        if not np.issubdtype(y.dtype, np.integer):
            return {}
        return {"common": float(np.bincount(y.ravel()).max() / y.size)}

    def _naive(self) -> dict[str, dict[str, float]]:
        """Figures of what needs no network, on the held-out part."""
        name = self._task.name
        if self._held is None:
            return {}
        if name in ("classify", "regress"):
            truth, held_truth = self._truth(self._encoded), self._truth(self._watched)
            if name == "regress":
                # In the target's unit, as the network's figures are.
                decode = self._codec.target.decode
                truth, held_truth = decode(truth), decode(held_truth)
            return naive.naive_rows(self._train, self._held, truth, held_truth, self._classes())
        if name == "tag":
            return naive.naive_tags(self._encoded, self._watched, self._classes() or 1)
        if name == "generate":
            chosen = self._settings.training
            return naive.naive_symbols(
                self._encoded,
                self._watched,
                self._task.batches(self._encoded, chosen, 1),
                self._task.watched_batches(self._watched, chosen.batch_size),
            )
        if name == "forecast":
            found = self.signals.get("figures", {})
            return {
                rival: {"mae": found[f"{rival}_mae"], "mase": found[f"{rival}_mase"]}
                for rival in ("last_value", "seasonal_naive", "linear")
                if f"{rival}_mae" in found
            }
        return {}
