"""From labelled cases to a trained network: split, codec, graph, loop, best weights."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from recurra.codecs import AbstractCodec, Cases, after, tail_of, task_of
from recurra.errors import TrainingError
from recurra.runtime import MODELS, Parts
from recurra.spec.batch import EncodedCases
from recurra.spec.graph import Graph
from recurra.spec.report import Calibration, EpochRecord, Finding, FitReport
from recurra.spec.settings import Settings, refuse_foreign
from recurra.spec.settings_rules import refuse_unfed, refuse_unwatched
from recurra.spec.version import __version__
from recurra.tasks import AbstractTask, task_for
from recurra.train.budget import parameter_count
from recurra.train.checkpoint import load_checkpoint, save_checkpoint
from recurra.train.device import accelerator_for, real_dtype, threads_of
from recurra.train.doctor.judge import findings
from recurra.train.doctor.recorder import Recorder
from recurra.train.doctor.signals import Evidence, Signals
from recurra.train.evaluate import Watched, model_in_torch
from recurra.train.export import export
from recurra.train.loop import Loop, Run
from recurra.train.places import Places, placed, writing
from recurra.train.processes import agree, loss_of_another_named
from recurra.train.progress import Progress, Silent
from recurra.train.randomness import isolated, set_apart
from recurra.train.rivals import Rival
from recurra.train.tracking import require_tracker, tracking

__all__ = ["Fitted", "fit_cases", "network_for", "settled"]


@dataclass(frozen=True)
class Fitted:
    """A trained network and how it came about.

    Args:
        task: Loss, decoder, metric.
        settings: As they were used.
        codec: Fitted on the training part.
        graphs: The network as a value.
        module: The network with the best weights, on the CPU, in evaluation mode.
        history: One record an epoch.
        best_epoch: Whose weights these are; 0: interrupted within the first epoch.
        best_metric: Of the watched figure, on the held-out part (on the training part without one).
        parameters: Numbers that were learnt.
        fit_seconds: Wall time, that of resumed epochs included.
        stopped: "epochs", "patience" or "interrupted".
        metrics: Every figure of the task on the held-out part; None without one.
        calibration: What the temperature did to the held-out part; None: none was fitted.
        tail: Raw cases ahead of those that come next, as `codecs.tail_of` gives them.
        witnesses: Raw cases (held-out ones where there are any) for certificate and golden pair.
        places: Where it writes; None: nowhere.
        main: Whether this process, of several, is the one that writes.
        signals: What the doctor reads beside the history.
    """

    task: AbstractTask
    settings: Settings
    codec: AbstractCodec
    graphs: Mapping[str, Graph]
    module: torch.nn.Module
    history: list[EpochRecord]
    best_epoch: int
    best_metric: float
    parameters: int
    fit_seconds: float
    stopped: str
    metrics: Mapping[str, float] | None
    calibration: Calibration | None
    tail: tuple[Any, ...]
    witnesses: Cases
    places: Places | None
    main: bool
    signals: Signals

    def export(self, folder: Path, force: bool = False) -> Path:
        """Certify the model and write its bundle; in DIR.run, where there is one, report.json.

        Args:
            folder: Where. If it is the folder that training was given, what stands there is
                replaced whenever training was allowed to.
            force: Replace the bundle that is there.

        Returns:
            `folder`.

        Raises:
            CertificateError: the model breaks, by measurement, a promise; nothing was written.
            OutputError: the folder holds something and `force` is off, or the disk is full.
        """
        if not self.main:
            return folder
        places = self.places if self.places and folder == self.places.bundle else None
        with writing(folder) if places else nullcontext():
            export(
                folder,
                self.module,
                task=self.task.name,
                graphs=self.graphs,
                codec=self.codec,
                decoder=self.task.decoder(self.codec),
                witnesses=self.witnesses,
                metrics=self.metrics,
                tail=self.tail,
                force=force or (places is not None and places.replace),
            )
            if places:
                places.write_report(self.report(folder))
        return folder

    def beside(self) -> str | None:
        """What stands beside the network on the held-out part, in a line; None: nothing."""
        if self.calibration is not None:
            found = self.calibration
            return (
                f"expected calibration error {found['ece_after']:.4f}, before calibration "
                f"{found['ece_before']:.4f} (temperature {found['temperature']:.3f})"
            )
        return None if self.metrics is None else MODELS[self.task.name].beside(self.metrics)

    def remarks(self) -> list[str]:
        """What a person must know before the model is used, by its figures on the held-out part."""
        kind = MODELS[self.task.name]
        return [] if self.metrics is None else kind.remarks(self.metrics)

    def findings(self) -> list[Finding]:
        """What the doctor says of this training."""
        return findings(Evidence(self.signals, self.history))

    def report(self, bundle: Path) -> FitReport:
        """What `recurra fit --json` prints."""
        return FitReport(
            task=self.task.name,
            cell=self.settings.model.cell,
            parameters=self.parameters,
            epochs=len(self.history),
            best_epoch=self.best_epoch,
            metric=self.task.watched(self.settings.training)[0],
            best_metric=self.best_metric,
            fit_seconds=self.fit_seconds,
            stopped=self.stopped,
            bundle=str(bundle),
            findings=self.findings(),
            calibration=self.calibration,
        )


def fit_cases(
    cases: Cases,
    settings: Settings,
    *,
    valid: Cases | None = None,
    base: Parts | None = None,
    tail: Sequence[Any] = (),
    folder: Path | None = None,
    resume: bool = False,
    force: bool = False,
    progress: Progress | None = None,
    rival: Rival | None = None,
) -> Fitted:
    """Train a network on `cases`.

    The caller's random states and number of threads are as before afterwards, and what they were
    has no influence. Ctrl-C ends the training with the best weights so far.

    Args:
        cases: With targets.
        settings: Everything that can be chosen.
        valid: Held-out cases; None: `settings.training.valid_fraction` of `cases`.
        base: A trained model to go on from: its codec and its network stay, its weights are where
            training begins, and the last cases, not any, are held out. An epoch has to be better
            on them than the base to be taken, so `best_epoch` may stay 0: the base itself.
        tail: Of the base, as `codecs.tail_of` gave it: read again ahead of `cases`, so that
            learning goes on in the state in which it stopped.
        folder: DIR of the bundle to be; checkpoint and history go to DIR.run. None: no files.
        resume: Continue from DIR.run's checkpoint, bitwise as if nothing had happened; where there
            is none, begin. All settings but checkpoint_every and track, the sequences, the number
            of threads and of processes, the kind of device and the versions must be what they were
            (epochs too: the schedule spans them all).
        force: Replace what stands in DIR and DIR.run.
        progress: Told of every step.
        rival: Takes the place of the recurrent layers; such a network has no bundle.

    Raises:
        DataError: the cases cannot be learnt from.
        OutputError: something stands in the way, or a folder cannot be written; before training.
        SettingsError: nothing would read a setting, or settings contradict each other.
        TrainingError: the loss became NaN, or the checkpoint does not fit.
    """
    begin = time.perf_counter()
    chosen = settings.training
    task = task_for(base.task if base else task_of(cases, settings.data), settings)
    refuse_foreign(settings, task.name)
    require_tracker(chosen.track, folder)
    settings = settled(settings, cases, valid)
    if base is not None:
        task = task.based(base.decoder, base.weights)
        cases = after(base.codec, tail, cases)
    train, held = _parts(task, cases, settings, valid, base)
    if held is None:
        refuse_unwatched(settings.flat(), Settings().flat())
    codec = base.codec if base else task.codec(train, settings)
    encoded = task.encoded(codec, train, settings, training=True)
    watched = held or train
    encoded_watched = task.encoded(codec, watched, settings, training=False)
    task = task.weighed(encoded, chosen)
    graphs = base.graphs if base else task.graphs(settings.model, codec)
    if base is None:
        refuse_unfed(settings.flat(), Settings().flat(), graphs)

    with (
        _memory_named(settings),
        loss_of_another_named(),
        placed(folder, resume=resume, force=force) as places,
        isolated(chosen.seed),
        threads_of(chosen.threads),
        accelerator_for(chosen.precision, chosen.backend) as accelerator,
    ):
        agree(accelerator, _identity(settings, encoded, encoded_watched))
        module = network_for(task, graphs, settings)
        set_apart(chosen.seed, accelerator.process_index)
        if rival is not None:
            rival.install(module, graphs)
        if base is not None:
            module.load_state_dict({n: torch.from_numpy(w) for n, w in base.weights.items()})
        watch = Watched(
            module,
            task,
            graphs,
            codec,
            encoded_watched,
            watched,
            chosen.batch_size,
            task.watched(chosen)[0],
        )
        loop = Loop(
            module, task, encoded, watch.measure, chosen, accelerator, watched=held is not None
        )
        identity = _identity(settings, encoded, encoded_watched) | {
            "threads": torch.get_num_threads(),
            "base": base.fingerprint() if base else None,
            "rival": repr(rival) if rival else None,
            "processes": accelerator.num_processes,
            "device": accelerator.device.type,
            "recurra": __version__,
            "torch": str(torch.__version__),
        }

        recorder = Recorder(
            task=task,
            settings=settings,
            codec=codec,
            train=train,
            encoded=encoded,
            held=held,
            watched=encoded_watched,
            folder=places.run if places is not None and accelerator.is_main_process else None,
            continued=base is not None,
        )

        def after_epoch(run: Run) -> None:
            if places is None:
                return
            if accelerator.is_main_process:
                places.write_history(run.history)
            track(run.history)
            if run.stopped or run.epoch % chosen.checkpoint_every == 0:
                save_checkpoint(places.run, loop, run, identity)

        # Ahead of the checkpoint: what is resumed began with the same weights.
        recorder.begin(module)
        run = None
        if places is not None and resume:
            run = load_checkpoint(places.run, loop, identity)
        agree(accelerator, {"epochs of the checkpoint": run.epoch if run else 0})
        if places is not None and accelerator.is_main_process:
            # Not before everything else was accepted: what is refused has removed nothing.
            places.clear(continued=run is not None)
        recorder.write()
        before = sum(record["seconds"] for record in run.history) if run else 0.0
        if run is None:
            run = loop.standing() if base is not None and held is not None else Run()
        with tracking(chosen.track, places.run if places else None, accelerator) as track:
            track(run.history)
            try:
                run = loop.run(run, progress or Silent(), after_epoch)
            except TrainingError as error:
                recorder.failed(error, run.epoch + 1)
                raise
        recorder.end(module)
        module.load_state_dict(run.best)
        module.cpu().eval()
        figures = calibration = None
        if held is not None:
            before_it = watch.figures()[1] if chosen.calibrate else None
            model = model_in_torch(module, task, graphs, codec)
            task = task.calibrated(model, encoded_watched, held, chosen)
            watch.task = task
            figures = watch.figures()[1]
            if before_it is not None:
                calibration = Calibration(
                    temperature=float(getattr(task, "temperature", 1.0)),
                    ece_before=before_it["ece"],
                    ece_after=figures["ece"],
                )
        recorder.finish(
            module,
            best_epoch=run.best_epoch,
            stopped=run.stopped,
            figures=figures,
            answers=watch.answers,
            decoder=task.decoder(codec),
        )
        loop.settle()
    return Fitted(
        task=task,
        settings=settings,
        codec=codec,
        graphs=graphs,
        module=module,
        history=run.history,
        best_epoch=run.best_epoch,
        best_metric=run.best_metric,
        parameters=rival.parameters(graphs) if rival else parameter_count(graphs),
        fit_seconds=before + time.perf_counter() - begin,
        stopped=run.stopped,
        metrics=figures,
        calibration=calibration,
        tail=tail_of(codec, cases, chosen.window),
        witnesses=task.witnesses(codec, watched),
        places=places,
        main=accelerator.is_main_process,
        signals=recorder.signals,
    )


def _parts(
    task: AbstractTask,
    cases: Cases,
    settings: Settings,
    valid: Cases | None,
    base: Parts | None,
) -> tuple[Cases, Cases | None]:
    """The training part and the held-out part; with a base the newest cases are held out."""
    if valid is not None:
        return cases, valid
    if base is None:
        return task.parts(cases, settings)
    return task.newest(base.codec, cases, settings)


def settled(settings: Settings, *parts: Cases | None) -> Settings:
    """missing="auto" as all sequences ask for: chance decides which of them are held out."""
    chosen = settings.data
    if chosen.missing != "auto" or not any(part is not None and part.missing for part in parts):
        return settings
    last = chosen.model_copy(update={"missing": "last"})
    return settings.model_copy(update={"data": last})


def network_for(
    task: AbstractTask, graphs: Mapping[str, Graph], settings: Settings
) -> torch.nn.Module:
    """The network ahead of its first step, drawn from torch's random state."""
    model, training = settings.model, settings.training
    return task.network(
        graphs,
        input_init=model.input_init,
        recurrent_init=model.recurrent_init,
        bias_init=model.bias_init,
        chrono_length=model.chrono_length,
        init_gain=model.init_gain,
        backend=training.backend,
        dtype=real_dtype(training.precision),
    )


@contextmanager
def _memory_named(settings: Settings) -> Iterator[None]:
    """Say a lack of memory in our words; PyTorch has no type of its own for the CPU's."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        own = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not own and "allocate memory" not in str(error):
            raise
        model, training = settings.model, settings.training
        raise TrainingError(
            f"the training needs more memory than there is: try a smaller hidden (now "
            f"{model.hidden}), layers (now {model.layers}) or batch_size (now "
            f"{training.batch_size})"
        ) from error


def _identity(settings: Settings, train: EncodedCases, held: EncodedCases) -> dict[str, Any]:
    """What a training must be begun and continued with, by the names that a person knows."""
    tree = settings.model_dump(mode="json")
    named = {**tree["model"], **tree["training"]}
    # How often to save and who is told change nothing; threads are compared as they are in use.
    del named["checkpoint_every"], named["track"], named["threads"]
    return named | {"training sequences": train.digest(), "held-out sequences": held.digest()}
