"""The demonstration: who speaks? Nine speakers, one Japanese vowel, three recurrent networks.

    python examples/demo.py                   RNN, GRU and LSTM of equal size; streams with the GRU
    python examples/demo.py --bidirectional   a GRU that reads both ways, over three seeds

It replaces what it wrote before in runs/demo: a bundle, summary.json, stream.png. The data comes
with the aeon package.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from demo_picture import draw
from recurra import SequenceClassifier
from recurra.cli.progress import watcher
from recurra.codecs import cases_from_arrays, fit_codec
from recurra.spec.disk import write_atomic
from recurra.spec.report import DemoModel, DemoSummary
from recurra.spec.settings import DataSettings, ModelSettings
from recurra.tasks import Classify
from recurra.train.budget import hidden_for, parameter_count

Array = npt.NDArray[Any]
HERE = Path(__file__).resolve().parent

# What suits 270 short utterances, the same for every cell. All of them are learnt from, for as many
# epochs as are fixed ahead: the accuracy in the bar is that on the training part.
SETTINGS: dict[str, Any] = {
    "epochs": 60,
    "dropout": 0.3,
    # Twelve numbers a frame tell much the same: to hide some of them helps.
    "input_dropout": 0.3,
    "valid_fraction": 0.0,
    "threads": 1,
}
GRU_UNITS = 64
# From this probability on an answer counts as sure when the utterance to show is chosen.
SURE = 0.9


@dataclass(frozen=True)
class Utterances:
    """Utterances [T_i, 12] and who spoke each."""

    frames: list[Array]
    speakers: Array


def japanese_vowels(split: str) -> Utterances:
    """270 ("train") or 370 ("test") utterances; read from the aeon package's own files."""
    from aeon.datasets import load_japanese_vowels

    channels_first, speakers = load_japanese_vowels(split=split)
    return Utterances([x.T for x in channels_first], speakers)


def equal_sizes(train: Utterances) -> dict[str, int]:
    """Cell -> units, so that all have as many parameters as the GRU."""
    cases = cases_from_arrays(train.frames, train.speakers, target="class")
    codec, task = fit_codec(cases, DataSettings(), "classify"), Classify()
    gru = ModelSettings(cell="gru", hidden=GRU_UNITS)
    budget = parameter_count(task.graphs(gru, codec))
    return {
        "rnn": hidden_for(budget, task, ModelSettings(cell="rnn"), codec),
        "gru": GRU_UNITS,
        "lstm": hidden_for(budget, task, ModelSettings(cell="lstm"), codec),
    }


def trained(name: str, train: Utterances, **parameters: Any) -> SequenceClassifier:
    """A classifier, trained under a progress bar."""
    classifier = SequenceClassifier(**SETTINGS | parameters)
    with watcher(name=f"{name:<5}") as progress:
        return classifier.fit(train.frames, train.speakers, progress=progress)


def step_us(classifier: SequenceClassifier, test: Utterances) -> float:
    """Median microseconds that a session takes for one frame, codec and decoder included."""
    session = classifier.stream()
    taken = []
    for frames in test.frames[:60]:
        session.restart()
        for frame in frames:
            begin = time.perf_counter()
            session.feed(frame)
            taken.append(time.perf_counter() - begin)
    return statistics.median(taken) * 1e6


def compare(train: Utterances, test: Utterances) -> tuple[SequenceClassifier, list[DemoModel]]:
    """The three cells, trained and measured; the GRU is handed back."""
    models: list[DemoModel] = []
    gru = None
    for cell, hidden in equal_sizes(train).items():
        classifier = trained(cell.upper(), train, cell=cell, hidden=hidden)
        gru = classifier if cell == "gru" else gru
        models.append(
            DemoModel(
                name=cell,
                parameters=classifier.parameters_,
                test_accuracy=classifier.score(test.frames, test.speakers),
                fit_seconds=classifier.fit_seconds_,
                step_us_p50=step_us(classifier, test),
            )
        )
    assert gru is not None
    return gru, models


def show(models: list[DemoModel]) -> None:
    """The table of the models."""
    table = Table("model", title="370 test utterances, nine speakers", title_justify="left")
    for heading in ("test accuracy", "parameters", "training", "one streaming step"):
        table.add_column(heading, justify="right")
    for model in models:
        table.add_row(
            model["name"].upper(),
            f"{model['test_accuracy']:.4f}",
            f"{model['parameters']:,}",
            f"{model['fit_seconds']:.1f} s",
            f"{model['step_us_p50']:.0f} µs",
        )
    Console().print(table)


def instructive(classifier: SequenceClassifier, test: Utterances) -> int:
    """The utterance that was in doubt for the longest time and yet ends right and sure."""
    latest, chosen = -1, 0
    session = classifier.stream()
    for k, (frames, speaker) in enumerate(zip(test.frames, test.speakers, strict=True)):
        session.restart()
        answers = [session.feed(frame) for frame in frames]
        right = list(classifier.classes_).index(speaker)
        doubtful = [t for t, answer in enumerate(answers) if np.argmax(answer) != right]
        if answers[-1][right] > SURE and doubtful and doubtful[-1] > latest:
            latest, chosen = doubtful[-1], k
    return chosen


def stream(gru: SequenceClassifier, test: Utterances, folder: Path) -> dict[str, Any]:
    """Write the bundle and have a second process, without torch, stream one utterance with it."""
    gru.save(folder / "bundle", force=True)
    k = instructive(gru, test)
    frames = test.frames[k]
    lines = "".join(json.dumps(frame.tolist()) + "\n" for frame in frames)
    write_atomic(folder / "utterance.jsonl", lines.encode("utf-8"))
    print(f"\nA second process streams test utterance {k}, spoken by speaker {test.speakers[k]}:\n")
    sys.stdout.flush()
    arguments = [folder / "bundle", folder / "utterance.jsonl", folder / "stream.json"]
    subprocess.run([sys.executable, HERE / "stream_demo.py", *arguments], check=True)
    told: dict[str, Any] = json.loads((folder / "stream.json").read_text("utf-8"))
    draw(
        frames,
        np.array(told["probabilities"]),
        [str(label) for label in gru.classes_],
        str(test.speakers[k]),
        folder / "stream.png",
    )
    return told


def demonstrate(folder: Path) -> None:
    """The whole demonstration; what it measures goes to `folder`."""
    train, test = japanese_vowels("train"), japanese_vowels("test")
    gru, models = compare(train, test)
    show(models)
    told = stream(gru, test, folder)
    summary = DemoSummary(
        models=models,
        stream_max_abs_diff=told["stream_max_abs_diff"],
        runtime_imported_torch=told["runtime_imported_torch"],
    )
    write_atomic(folder / "summary.json", json.dumps(summary, indent=2).encode("utf-8") + b"\n")
    if told["stream_max_abs_diff"] != 0 or told["runtime_imported_torch"]:
        raise SystemExit(f"the stream broke its promise: {summary}")
    print(
        "\nThe last answer is, to the bit, that to the whole utterance; torch was never imported."
    )
    print(f"{folder}/summary.json holds the figures, {folder}/stream.png the picture. Try:")
    print(f"  recurra info {folder}/bundle")
    print(f"  recurra predict {folder}/bundle --stream < {folder}/utterance.jsonl")


def both_ways(seeds: int) -> float:
    """Mean test accuracy of a bidirectional GRU over `seeds` seeds."""
    train, test = japanese_vowels("train"), japanese_vowels("test")
    found = []
    for seed in range(seeds):
        classifier = trained(f"seed {seed}", train, hidden=GRU_UNITS, bidirectional=True, seed=seed)
        found.append(float(classifier.score(test.frames, test.speakers)))
        print(f"seed {seed}: test accuracy {found[-1]:.4f}")
    mean = statistics.mean(found)
    print(f"\nmean test accuracy over {seeds} seeds: {mean:.4f}")
    print(f"It cannot stream: {classifier.model_.why_not_streaming()}")
    return mean


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and run the demonstration."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bidirectional", action="store_true", help="a GRU that reads both ways")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of --bidirectional")
    parser.add_argument("--epochs", type=int, default=SETTINGS["epochs"])
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), help="folder of the results")
    chosen = parser.parse_args(arguments)
    SETTINGS["epochs"] = chosen.epochs
    if chosen.bidirectional:
        both_ways(chosen.seeds)
        return
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "summary.json").unlink(missing_ok=True)  # or it would outlive a run that fails
    demonstrate(chosen.out)


if __name__ == "__main__":
    main()
