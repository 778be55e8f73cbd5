"""A fit is a function of cases, settings and seed; it disturbs nothing and overwrites nothing."""

import json
import random
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recurra import runtime
from recurra.codecs import Cases, Timed, cases_from_arrays
from recurra.codecs.missing import Missing
from recurra.codecs.read import read_cases
from recurra.errors import DataError, OutputError, SettingsError, TrainingError
from recurra.spec.report import EpochRecord, FitReport
from recurra.spec.settings import DataSettings, Settings
from recurra.train.fit import Fitted, fit_cases
from recurra.train.progress import Silent


def cases(count: int = 24, seed: int = 0) -> Cases:
    generator = np.random.default_rng(seed)
    x = [generator.normal(size=(int(generator.integers(2, 6)), 2)) + k % 2 for k in range(count)]
    return cases_from_arrays(x, ["a" if k % 2 else "b" for k in range(count)])


def settings(**changes: Any) -> Settings:
    small = {"hidden": 4, "epochs": 3, "batch_size": 5, "dropout": 0.2, "zoneout": 0.1}
    return Settings.from_flat({**small, **changes})


def bits(fitted: Fitted) -> list[Any]:
    """Weights and loss curve, to the bit."""
    curve = [{**record, "seconds": 0.0} for record in fitted.history]
    weights = {name: v.numpy().tobytes() for name, v in fitted.module.state_dict().items()}
    return [weights, [{k: float(v).hex() for k, v in record.items()} for record in curve]]


def test_the_same_seed_gives_the_same_bits_whatever_the_callers_random_state() -> None:
    first = fit_cases(cases(), settings())
    torch.manual_seed(99)
    random.seed(99)
    np.random.seed(99)
    again = fit_cases(cases(), settings())
    other = fit_cases(cases(), settings(seed=1))
    assert bits(first) == bits(again)
    assert bits(first) != bits(other)


def test_the_callers_random_states_and_threads_are_left_alone() -> None:
    torch.manual_seed(4)
    random.seed(4)
    np.random.seed(4)
    wanted = torch.rand(2).tolist(), random.random(), np.random.random()
    threads = torch.get_num_threads()
    torch.manual_seed(4)
    random.seed(4)
    np.random.seed(4)
    fit_cases(cases(), settings(threads=1))
    assert (torch.rand(2).tolist(), random.random(), np.random.random()) == wanted
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
def test_every_precision_trains(precision: str) -> None:
    fitted = fit_cases(cases(), settings(precision=precision, epochs=8, learning_rate=0.02))
    wanted = torch.float64 if precision == "float64" else torch.float32
    assert {p.dtype for p in fitted.module.parameters()} == {wanted}
    assert fitted.history[-1]["loss"] < fitted.history[0]["loss"]


def test_bfloat16_is_not_float32() -> None:
    plain, mixed = (fit_cases(cases(), settings(precision=p)) for p in ("float32", "bfloat16"))
    assert bits(plain)[1] != bits(mixed)[1]


@pytest.mark.parametrize("backend", ["auto", "torch", "reference"])
def test_the_backend_reaches_the_layers(backend: str) -> None:
    plain = {"zoneout": 0.0}
    fitted = fit_cases(cases(), settings(backend=backend, **plain))
    encoder: Any = fitted.module.get_submodule("encoder")
    assert encoder.backend == backend


@pytest.mark.parametrize(("watch", "best"), [("auc", max), ("log_loss", min), ("auto", max)])
def test_the_watched_figure_chooses_the_epoch(watch: str, best: Any) -> None:
    """The better way of each figure: a rate as high, a loss as low as it gets."""
    fitted = fit_cases(cases(40), settings(watch=watch, epochs=6, learning_rate=0.05, patience=0))
    name = "accuracy" if watch == "auto" else watch
    assert fitted.best_metric == best(record["metric"] for record in fitted.history)
    assert fitted.metrics is not None
    assert fitted.metrics[name] == pytest.approx(fitted.best_metric)
    assert fitted.report(Path("out"))["metric"] == name


def test_a_figure_that_is_not_there_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"watch must be one of auto, accuracy.*got 'mse'"):
        fit_cases(cases(), settings(watch="mse"))
    three = cases_from_arrays([np.eye(3)[[k % 3, k % 2]] for k in range(30)], list("abc" * 10))
    with pytest.raises(TrainingError, match="watch='auc' needs two classes"):
        fit_cases(three, settings(watch="auc"))


def test_a_missing_value_in_the_held_out_part_alone_is_taken_too() -> None:
    """Which sequences are held out is chance; what becomes of missing values is not."""
    full = cases()
    for k in (0, 5, 23):
        inputs = [x.copy() for x in full.inputs]
        inputs[k][0, 0] = np.nan
        fitted = fit_cases(replace(full, inputs=tuple(inputs)), settings(epochs=1))
        assert fitted.codec.input.missing == Missing("last")
    assert fit_cases(full, settings(epochs=1)).codec.input.missing is None


def test_a_grud_is_trained_exported_and_streams(tmp_path: Path) -> None:
    """Holes and uneven times through every layer: the certificate's claims are measured."""
    generator = np.random.default_rng(0)
    raw, labels = [], []
    for k in range(24):
        x = generator.normal(k % 2, 1, (int(generator.integers(4, 9)), 2))
        x[generator.random(x.shape) < 0.4] = np.nan
        raw.append(Timed(x, np.cumsum(generator.exponential(60.0, len(x)))))
        labels.append("a" if k % 2 else "b")
    fitted = fit_cases(cases_from_arrays(raw, labels), settings(missing="decay", layers=2))
    model = runtime.load(fitted.export(tmp_path / "b"))
    session = model.session()
    for x, time in zip(*raw[0], strict=True):
        answer = session.feed(x, time)
    assert answer.tobytes() == model(raw[0]).tobytes()
    assert model.manifest is not None
    claims = model.manifest.certificate["claims"]
    assert claims["step_vs_whole"]["max_abs_diff"] == 0.0
    assert claims["runtime_vs_torch"]["max_abs_diff"] < 1e-5
    mean = fitted.module.state_dict()["encoder.mean"]
    assert not mean.any()


def test_what_comes_back_describes_the_training() -> None:
    fitted = fit_cases(cases(), settings(epochs=4, patience=0))
    assert (fitted.task.name, fitted.stopped, len(fitted.history)) == ("classify", "epochs", 4)
    best = fitted.history[fitted.best_epoch - 1]
    assert fitted.best_metric == best["metric"]
    assert fitted.metrics is not None
    assert fitted.metrics["accuracy"] == pytest.approx(fitted.best_metric)
    assert fitted.parameters == sum(p.numel() for p in fitted.module.parameters())
    assert fitted.fit_seconds > sum(record["seconds"] for record in fitted.history)
    assert not fitted.module.training
    report = fitted.report(Path("out"))
    assert set(report) == set(FitReport.__annotations__)


def test_held_out_cases_may_be_given() -> None:
    held = cases(10, seed=7)
    fitted = fit_cases(cases(), settings(), valid=held)
    assert fitted.witnesses.inputs[0] is held.inputs[0]
    with pytest.raises(DataError, match="label seen in training"):
        fit_cases(cases(), settings(), valid=replace(held, targets=("c",) * len(held)))


def test_nothing_need_be_held_out() -> None:
    fitted = fit_cases(cases(), settings(valid_fraction=0.0))
    assert (fitted.best_epoch, fitted.metrics) == (3, None)
    with pytest.raises(SettingsError, match="patience=1 goes by held-out cases, and there are no"):
        fit_cases(cases(), settings(valid_fraction=0.0, patience=1))


def test_numbers_are_learnt_in_their_own_unit() -> None:
    generator = np.random.default_rng(0)
    x = [generator.normal(size=(5, 1)) for _ in range(60)]
    given = cases_from_arrays(x, [1000.0 + 50 * float(v.mean()) for v in x])
    chosen = Settings.from_flat({"hidden": 8, "epochs": 40, "learning_rate": 0.02})
    fitted = fit_cases(given, chosen)
    assert fitted.task.name == "regress"
    assert fitted.metrics is not None
    assert fitted.metrics["mse"] == pytest.approx(fitted.best_metric)
    assert fitted.metrics["mse"] < 0.2 * np.var(given.targets)


def test_texts_are_learnt() -> None:
    texts = ["good film", "very good", "bad film", "very bad"] * 10
    given = cases_from_arrays(texts, ["yes", "yes", "no", "no"] * 10)
    chosen = Settings.from_flat({"hidden": 8, "epochs": 15, "symbol": "word", "embedding": 8})
    assert fit_cases(given, chosen).best_metric == 1.0


def test_balanced_classes_change_the_loss_only_where_classes_differ_in_size() -> None:
    skewed = cases().subset([*range(0, 24, 2), 1, 3, 5])
    for given, same in ((cases(), True), (skewed, False)):
        plain, balanced = (
            fit_cases(given, settings(class_weight=word, valid_fraction=0.0, epochs=1))
            for word in ("none", "balanced")
        )
        equal = plain.history[0]["loss"] == pytest.approx(balanced.history[0]["loss"], rel=1e-6)
        assert equal is same


class Presses(Silent):
    """Presses Ctrl-C after a step."""

    def __init__(self, epoch: int, batch: int) -> None:
        self.when = epoch, batch

    def on_step(
        self, epoch: int, batch: int, loss: float, metric: float | None, speed: float, eta_s: float
    ) -> None:
        if (epoch, batch) == self.when:
            signal.raise_signal(signal.SIGINT)


def test_an_interrupted_training_is_exported_and_resumed_bitwise(tmp_path: Path) -> None:
    whole = fit_cases(cases(), settings(epochs=4))
    folder = tmp_path / "model"
    part = fit_cases(cases(), settings(epochs=4), folder=folder, progress=Presses(3, 2))
    assert (part.stopped, len(part.history)) == ("interrupted", 2)
    part.export(folder)
    runtime.load(folder)
    resumed = fit_cases(cases(), settings(epochs=4), folder=folder, resume=True)
    assert bits(resumed) == bits(whole)
    resumed.export(folder)
    runtime.load(folder)


def test_a_finished_training_resumed_is_itself(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    first = fit_cases(cases(), settings(), folder=folder)
    first.export(folder)
    before = (folder / "manifest.json").read_bytes()
    again = fit_cases(cases(), settings(), folder=folder, resume=True)
    assert bits(again) == bits(first)
    again.export(folder)
    assert (folder / "manifest.json").read_bytes() == before


def test_resume_where_there_is_nothing_begins(tmp_path: Path) -> None:
    fitted = fit_cases(cases(), settings(), folder=tmp_path / "deep" / "model", resume=True)
    assert bits(fitted) == bits(fit_cases(cases(), settings()))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"learning_rate": 0.5}, "learning_rate was 0.003, is 0.5"),
        ({"epochs": 9}, "epochs was 3, is 9"),
        ({"seed": 5}, "seed was 0, is 5"),
        ({"hidden": 5}, "hidden was 4, is 5"),
        ({"threads": 3}, "threads was"),
    ],
)
def test_resume_with_other_settings_names_them(
    tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    fit_cases(cases(), settings(), folder=tmp_path / "model")
    with pytest.raises(TrainingError, match=named.replace(".", r"\.")):
        fit_cases(cases(), settings(**change), folder=tmp_path / "model", resume=True)


def test_resume_with_other_sequences_names_them(tmp_path: Path) -> None:
    fit_cases(cases(), settings(), folder=tmp_path / "model")
    with pytest.raises(TrainingError, match="training sequences"):
        fit_cases(cases(seed=1), settings(), folder=tmp_path / "model", resume=True)


def test_how_often_to_save_may_change(tmp_path: Path) -> None:
    once = fit_cases(cases(), settings(checkpoint_every=2), folder=tmp_path / "model")
    again = fit_cases(cases(), settings(), folder=tmp_path / "model", resume=True)
    assert bits(once) == bits(again)


def test_the_working_files_say_what_happened(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    fitted = fit_cases(cases(), settings(), folder=folder)
    fitted.export(folder)
    run = tmp_path / "model.run"
    lines = (run / "history.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == fitted.history
    assert set(json.loads(lines[0])) == set(EpochRecord.__annotations__)
    assert json.loads((run / "report.json").read_text()) == fitted.report(folder)


class Never(Silent):
    """Fails as soon as a training begins."""

    def on_start(self, plan: object) -> None:
        raise AssertionError("the training began")


@pytest.mark.parametrize("resume", [False, True])
def test_a_bundle_in_the_way_is_refused_before_training(tmp_path: Path, resume: bool) -> None:
    folder = fit_cases(cases(), settings()).export(tmp_path / "model")
    with pytest.raises(OutputError, match="--force"):
        fit_cases(cases(), settings(), folder=folder, resume=resume, progress=Never())
    runtime.load(folder)
    fit_cases(cases(), settings(seed=1), folder=folder, force=True).export(folder)
    runtime.load(folder)


def test_a_checkpoint_in_the_way_is_refused_before_training(tmp_path: Path) -> None:
    fit_cases(cases(), settings(), folder=tmp_path / "model")
    with pytest.raises(OutputError, match=r"--resume continues it, --force begins anew"):
        fit_cases(cases(), settings(), folder=tmp_path / "model", progress=Never())
    forced = fit_cases(cases(), settings(seed=2), folder=tmp_path / "model", force=True)
    assert bits(forced) == bits(fit_cases(cases(), settings(seed=2)))


def test_what_is_refused_has_removed_nothing(tmp_path: Path) -> None:
    fit_cases(cases(), settings(), folder=tmp_path / "model").export(tmp_path / "model")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    one_class = replace(cases(), targets=("a",) * 24)
    with pytest.raises(DataError, match="two classes"):
        fit_cases(one_class, settings(), folder=tmp_path / "model", force=True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    with pytest.raises(DataError, match="two classes"):
        fit_cases(one_class, settings(), folder=tmp_path / "new")
    assert not (tmp_path / "new.run").exists()


def test_a_lack_of_memory_is_said_with_what_to_try(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to ...")

    monkeypatch.setattr("recurra.tasks.abstract.build", refuse)
    with pytest.raises(TrainingError, match=r"try a smaller hidden \(now \d+\)"):
        fit_cases(cases(), settings())


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_number_of_threads_gives_the_same_bits(threads: int) -> None:
    # Wide enough that torch divides the work.
    chosen = settings(threads=threads, hidden=96, batch_size=24, epochs=1, zoneout=0.0)
    first, again = (fit_cases(cases(), chosen) for _ in range(2))
    assert bits(first) == bits(again)


@pytest.mark.data
def test_the_defaults_are_good_on_real_speech(real_data: Path) -> None:
    folder = real_data / "japanese_vowels"
    train, test = (
        read_cases(folder / f"JapaneseVowels_{part}.ts", DataSettings())
        for part in ("TRAIN", "TEST")
    )
    fitted = fit_cases(train, Settings.from_flat({"seed": 0}))
    answers = runtime_of(fitted)(test)
    wanted = [fitted.codec.target.encode(value) for value in test.target_values()]
    assert np.mean(answers.argmax(1) == wanted) >= 0.955


def runtime_of(fitted: Fitted) -> runtime.AbstractModel:
    weights = {name: value.numpy() for name, value in fitted.module.state_dict().items()}
    decoder = fitted.task.decoder(fitted.codec)
    return runtime.model_of(
        runtime.Parts(fitted.task.name, fitted.graphs, weights, fitted.codec, decoder)
    )
