"""What is learnt from is spoiled: scales, leaks, targets, classes, windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.doctor import sources
from benchmarks.doctor.makers import FORECAST, PROSE, Kinds, Make, classed, filed
from benchmarks.doctor.sources import Random
from benchmarks.doctor.trial import Made
from recurra.codecs import Cases, cases_from_arrays

__all__ = [
    "constant",
    "imbalances",
    "leaks",
    "reaches",
    "scales",
    "shuffled",
    "windows",
]


def scales() -> Kinds:
    """A code for a broken sensor among the values, a scale that is left out, a wild target."""

    def coded(column: int, value: float, **settings: Any) -> Make:
        def make(random: Random, folder: Path) -> Made:
            del folder
            cases = sources.waves(random)
            for x in cases.inputs:
                hit = random.random(len(x)) < 0.003
                x[hit, column] = value
            # So that training surely holds some, wherever the cases go.
            for x in cases.inputs[:40:4]:
                x[0, column] = value
            return Made(cases, {"hidden": 24, "epochs": 20, **settings})

        return make

    def wild(random: Random, folder: Path) -> Made:
        del folder
        cases = sources.sums(random)
        y = np.asarray(cases.targets, np.float64).copy()
        y[::40] *= 1e4
        return Made(replace(cases, targets=y), {"hidden": 24, "epochs": 20})

    raw: dict[str, Any] = {"scaling": "none", "normalise": "none"}
    return [
        ("code 99999, gru", coded(0, 99999.0)),
        ("code -1e6, lstm", coded(1, -1e6, cell="lstm")),
        ("wild target", wild),
        ("load in watts", filed(sources.load, FORECAST, {"size": 1000.0}, **raw)),
        ("load in gigawatts", filed(sources.load, FORECAST, {"size": 1e-6}, **raw)),
    ]


def leaks() -> Kinds:
    """The answer among the features, a covariate of tomorrow, held-out copies."""

    def told(source: Callable[..., Cases], hum: float, only_last: bool) -> Make:
        def make(random: Random, folder: Path) -> Made:
            del folder
            cases = source(random)
            values = cases.target_values()
            numbers = (
                np.asarray(values, float)
                if isinstance(values[0], float)
                else np.unique([str(v) for v in values], return_inverse=True)[1].astype(float)
            )
            x = []
            for series, y in zip(cases.inputs, numbers, strict=True):
                column = np.full((len(series), 1), 0.0 if only_last else y)
                column[-1] = y
                column += random.normal(0, hum, column.shape)
                x.append(np.concatenate([series, column], axis=1))
            return Made(cases_from_arrays(x, values), {"hidden": 24, "epochs": 12})

        return make

    def tomorrow(ahead: int) -> Make:
        def make(random: Random, folder: Path) -> Made:
            path = sources.load(random, folder)
            y = np.array([float(line.split(",")[1]) for line in path.read_text().splitlines()[1:]])
            late = np.roll(y, -ahead) * 3 + random.normal(0, 1e-3, len(y))
            sources.write(folder, {"load": y, "plan": late})
            chosen = {**FORECAST, "target": "load", "features": ("plan",)}
            return Made(sources.read(path, chosen), chosen)

        return make

    def copied(source: Callable[..., Cases]) -> Make:
        def make(random: Random, folder: Path) -> Made:
            del folder
            cases = source(random)
            twice = cases.subset([*range(len(cases)), *range(len(cases)), *range(len(cases))])
            return Made(twice, {"hidden": 24, "epochs": 12})

        return make

    return [
        ("label in the last step", told(sources.waves, 0.0, True)),
        ("label all along, noise", told(sources.levels, 0.01, False)),
        ("three labels", told(sources.slopes, 0.0, False)),
        ("number", told(sources.sums, 0.0, True)),
        ("tomorrow's load", tomorrow(1)),
        ("load of the horizon", tomorrow(6)),
        ("copies held out, waves", copied(sources.waves)),
        ("copies held out, texts", copied(sources.texts)),
    ]


def shuffled() -> Kinds:
    """Targets dealt to the sequences by chance."""

    def dealt(source: Callable[..., Cases], **settings: Any) -> Make:
        def make(random: Random, folder: Path) -> Made:
            del folder
            cases = source(random, 320)
            order = random.permutation(len(cases))
            return Made(
                replace(cases, targets=cases.subset(order).targets),
                {"hidden": 24, "epochs": 20, **settings},
            )

        return make

    def letters(random: Random, folder: Path) -> Made:
        path = folder / "noise.txt"
        path.write_text("".join(random.choice(list("abcdefgh "), 9000)), "utf-8")
        return Made(sources.read(path, PROSE), {**PROSE})

    return [
        ("gru, waves", dealt(sources.waves)),
        ("lstm, slopes", dealt(sources.slopes, cell="lstm")),
        ("rnn, levels", dealt(sources.levels, cell="rnn")),
        ("gru, sums", dealt(sources.sums)),
        ("mingru, sums", dealt(sources.sums, cell="mingru")),
        ("letters by chance", letters),
    ]


def constant() -> Kinds:
    """Hardly a case that differs."""
    rare: dict[str, Any] = {"shares": (0.985, 0.015)}

    def same(random: Random, folder: Path) -> Made:
        del folder
        cases = sources.sums(random)
        y = np.where(random.random(len(cases)) < 0.97, 3.5, np.asarray(cases.targets, float))
        return Made(replace(cases, targets=y), {"hidden": 24, "epochs": 12})

    def stuck(random: Random, folder: Path) -> Made:
        path = sources.load(random, folder)
        y = np.repeat(random.normal(size=20), 35)
        sources.write(folder, {"load": y})
        return Made(sources.read(path, FORECAST), {**FORECAST})

    def one_class(random: Random, folder: Path) -> Made:
        del folder
        cases, other = sources.waves(random), sources.waves(random)
        index = [k for k, label in enumerate(other.target_values()) if label == "c0"]
        return Made(cases, {"hidden": 24, "epochs": 12}, valid=other.subset(index[:30]))

    return [
        ("waves of one kind", classed(sources.waves, {"count": 260, **rare}, epochs=8)),
        (
            "levels of one kind, lstm",
            classed(sources.levels, {"count": 260, **rare}, cell="lstm", epochs=8),
        ),
        ("one number", same),
        ("stuck sensor", stuck),
        ("held-out part of one class", one_class),
    ]


def imbalances() -> Kinds:
    """One class in ten, hardly to be told from the other: the network never names it."""
    rare: dict[str, Any] = {"shares": (0.9, 0.1), "apart": 0.3, "count": 400}
    hard: dict[str, Any] = {"epochs": 12, "hidden": 8}
    return [
        ("gru", classed(sources.levels, rare, **hard)),
        ("lstm", classed(sources.levels, rare, cell="lstm", **hard)),
        ("rnn", classed(sources.levels, {**rare, "shares": (0.87, 0.13)}, cell="rnn", **hard)),
        ("three classes", classed(sources.levels, {**rare, "shares": (0.8, 0.1, 0.1)}, **hard)),
        (
            "waves in noise",
            classed(sources.waves, {"shares": (0.9, 0.1), "hum": 2.5, "count": 400}, **hard),
        ),
    ]


def windows() -> Kinds:
    """A look-back of a quarter of the period or less."""
    short: dict[str, Any] = {"lookback": 5, "horizon": 12}
    return [
        ("gru, day", filed(sources.load, FORECAST, **short)),
        ("lstm, day", filed(sources.load, FORECAST, cell="lstm", **short)),
        (
            "gru, period of 40",
            filed(sources.load, FORECAST, {"season": 40}, lookback=8, horizon=10),
        ),
        (
            "rnn, day, one step ahead",
            filed(sources.load, FORECAST, cell="rnn", lookback=3, horizon=6),
        ),
        (
            "joint, period of 30",
            filed(sources.load, FORECAST, {"season": 30}, channels="joint", lookback=6, horizon=12),
        ),
    ]


def reaches() -> Kinds:
    """The class is told in the first steps of 150, and only the last output is read."""
    last: dict[str, Any] = {"pool": ("last",), "dropout": 0.0, "epochs": 12}
    return [
        ("rnn", classed(sources.early, {"steps": 150}, cell="rnn", **last)),
        ("gru", classed(sources.early, {"steps": 150}, **last)),
        ("lstm", classed(sources.early, {"steps": 150}, cell="lstm", **last)),
        ("mingru", classed(sources.early, {"steps": 150}, cell="mingru", **last)),
    ]
