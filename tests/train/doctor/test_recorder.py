"""Every task leaves signals; a training that breaks off or is resumed does too; no bit changes."""

import json

import numpy as np
import pytest
import torch

from recurra.codecs import cases_from_arrays
from recurra.codecs.read import read_cases
from recurra.errors import TrainingError
from recurra.spec.settings import Settings
from recurra.train.doctor import recorder
from recurra.train.doctor.judge import findings
from recurra.train.doctor.signals import Evidence
from recurra.train.fit import fit_cases
from recurra.train.progress import Silent

RANDOM = np.random.default_rng(3)


def numbers(count=60, classes=True):
    x = [RANDOM.normal(size=(6, 2)) + k % 2 for k in range(count)]
    return cases_from_arrays(x, ["ab"[k % 2] for k in range(count)] if classes else x_sums(x))


def x_sums(x):
    return [float(s.sum()) for s in x]


def settings(**changes):
    return Settings.from_flat({"hidden": 4, "epochs": 2, "threads": 1, **changes})


def test_a_classifier_leaves_everything_that_the_rules_read(tmp_path):
    fitted = fit_cases(numbers(), settings(), folder=tmp_path / "m")
    found = Evidence.read(tmp_path / "m")
    assert found.signals.keys() >= {"start", "end", "best", "answers", "naive", "figures", "target"}
    assert sum(found.signals["answers"]["true"]) == found.signals["sequences"]["held"]
    assert len(found.history) == 2
    told = json.loads(json.dumps(fitted.findings()))
    assert json.loads(json.dumps(findings(found))) == told


def test_numbers_are_compared_in_their_own_unit():
    fitted = fit_cases(numbers(classes=False), settings(epochs=1))
    naive = fitted.signals["naive"]
    assert naive["mean"]["mse"] == pytest.approx(fitted.metrics["mse"], rel=0.6)
    assert naive["linear"]["mse"] < 0.1 * naive["mean"]["mse"]


@pytest.mark.parametrize(
    ("task", "text", "changes"),
    [
        ("tag", "the D\ndog N\n\na D\ncat N\n\n" * 12, {}),
        ("generate", "abcabcabc abc abcabc " * 60, {"window": 16, "batch_size": 4}),
        ("transduce", "ab\tba\nabc\tcba\nbca\tacb\n" * 8, {"embedding": 4}),
    ],
)
def test_other_tasks_leave_theirs(task, text, changes, tmp_path):
    path = tmp_path / {"tag": "d.conll", "generate": "d.txt", "transduce": "d.tsv"}[task]
    path.write_text(text, "utf-8")
    chosen = (
        settings(task=task, character_hidden=0, **changes)
        if task == "tag"
        else settings(task=task, **changes)
    )
    fitted = fit_cases(read_cases(path, chosen.data, need_target=True), chosen)
    signals = fitted.signals
    assert signals["task"] == task
    assert signals["start"]["layers"]
    assert signals["end"]["moved"] > 0
    if task == "tag":
        assert signals["naive"]["symbol"]["accuracy"] == 1.0
    if task == "generate":
        assert signals["naive"]["pair"]["nll"] < signals["naive"]["symbol"]["nll"]
    assert isinstance(fitted.findings(), list)


def test_a_training_that_breaks_off_says_where(tmp_path):
    with pytest.raises(TrainingError):
        fit_cases(
            numbers(classes=False),
            settings(learning_rate=1e30, optimiser="sgd", clip_norm=0, schedule="constant"),
            folder=tmp_path / "m",
        )
    (first, *_) = findings(Evidence.read(tmp_path / "m.run"))
    assert first["name"] == "diverged"
    assert first["settings"]["learning_rate"] == pytest.approx(1e29)


class Stop(Silent):
    def on_epoch(self, record, best):
        if record["epoch"] == 1:
            raise KeyboardInterrupt


def test_a_resumed_training_leaves_the_signals_of_one_that_was_not(tmp_path):
    cases = numbers()
    whole = fit_cases(cases, settings(), folder=tmp_path / "a")
    fit_cases(cases, settings(), folder=tmp_path / "b", progress=Stop())
    resumed = fit_cases(cases, settings(), folder=tmp_path / "b", resume=True)
    own = ("overhead_s", "fit_s")
    one, other = ({k: v for k, v in f.signals.items() if k not in own} for f in (whole, resumed))
    assert one == other


def test_what_is_measured_changes_no_bit_of_the_training(monkeypatch):
    cases, chosen = numbers(), settings(dropout=0.3, zoneout=0.1, batch_size=4)
    measured = fit_cases(cases, chosen)
    monkeypatch.setattr(recorder.Recorder, "begin", lambda *_: None)
    monkeypatch.setattr(recorder.Recorder, "end", lambda *_: None)
    monkeypatch.setattr(recorder.Recorder, "finish", lambda *_, **__: None)
    plain = fit_cases(cases, chosen)
    for name, weight in plain.module.state_dict().items():
        assert torch.equal(weight, measured.module.state_dict()[name])
    curve = [[r["loss"], r["valid_loss"]] for r in plain.history]
    assert curve == [[r["loss"], r["valid_loss"]] for r in measured.history]
