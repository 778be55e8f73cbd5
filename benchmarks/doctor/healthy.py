"""Trainings with which nothing is wrong: other tasks, cells, sizes, lengths, shares."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.doctor import sources
from benchmarks.doctor.makers import PAIRS, PROSE, TAG, classed, filed
from benchmarks.doctor.sources import Random
from benchmarks.doctor.trial import Made, Trial
from recurra.codecs.read import read_cases
from recurra.spec.settings import Settings

__all__ = ["healthy"]

_SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def healthy() -> list[Trial]:
    """All of them; those on real data only where it lies beside the project."""
    known = {**_series(), **_numbers(), **_sequences(), **_forecasts(), **_real()}
    return [
        Trial("", f"healthy: {name}", (), make, reaches) for name, (make, reaches) in known.items()
    ]


def _classes(
    bound: float, source: Any, /, data: Mapping[str, Any] | None = None, **settings: Any
) -> Any:
    """A classifier that finds its classes."""
    return classed(source, data, **settings), ("accuracy", bound)


def _series() -> dict[str, Any]:
    w, s, lv = sources.waves, sources.slopes, sources.levels
    more: dict[str, Any] = {"count": 300}
    far: dict[str, Any] = {"apart": 0.8}
    return {
        "waves, gru": _classes(0.85, w, more, epochs=30),
        "waves, lstm": _classes(0.85, w, more, cell="lstm", epochs=40),
        "waves, rnn": _classes(0.85, w, more, cell="rnn", epochs=30),
        "waves, bidirectional": _classes(0.85, w, more, bidirectional=True, epochs=25),
        "waves, two layers": _classes(0.85, w, more, layers=2, epochs=25),
        "waves, gru, reset before": _classes(0.85, w, more, reset="before", batch_size=16),
        "waves, 60/40": _classes(0.85, w, {"shares": (0.6, 0.4), **more}, epochs=30),
        "waves, 80/20": _classes(0.85, w, {"shares": (0.8, 0.2), **more}, epochs=35),
        "waves, four classes": _classes(0.8, w, {"classes": 4, "count": 360}, epochs=30),
        "waves, long": _classes(0.85, w, {"steps": 90, **more}, epochs=15),
        "waves, no dropout": _classes(0.85, w, more, dropout=0.0),
        "waves, last output only": _classes(0.85, w, more, pool=("last",), epochs=40),
        "waves, chrono": _classes(0.85, w, more, bias_init="chrono", chrono_length=30, epochs=30),
        "waves, float64": _classes(0.85, w, more, precision="float64", epochs=30),
        "waves, clip auto": _classes(0.85, w, more, clip="auto", clip_percentile=50.0, epochs=30),
        "waves, small batches": _classes(0.85, w, more, batch_size=4, epochs=10),
        "levels, mingru": _classes(0.85, lv, far, cell="mingru", hidden=48),
        "levels, far apart": _classes(0.85, lv, far),
        "levels, sgd": _classes(0.85, lv, far, optimiser="sgd", learning_rate=0.1),
        "levels, average": _classes(0.85, lv, far, average=0.9),
        "levels, few epochs": _classes(0.85, lv, {**far, "count": 500}, epochs=6),
        "levels, 85/15": _classes(0.9, lv, {**far, "shares": (0.85, 0.15), "count": 300}),
        "levels, dense layer": _classes(0.85, lv, far, dense_after=(16,)),
        "slopes, gru": _classes(0.8, s),
        "slopes, lstm": _classes(0.8, s, cell="lstm", epochs=25),
        "slopes, seven hundred": _classes(0.8, s, {"count": 700}, epochs=5),
        "early, all steps read": _classes(0.85, sources.early, {"steps": 60}, epochs=8),
    }


def _numbers() -> dict[str, Any]:
    # Their variance is about 900.
    good = ("mse", 350.0)
    longer: dict[str, Any] = {"epochs": 40}
    return {
        "sums, gru": (classed(sources.sums, **longer), good),
        "sums, lstm": (classed(sources.sums, cell="lstm", **longer), good),
        "sums, rnn": (classed(sources.sums, cell="rnn", **longer), good),
        "sums, mae": (classed(sources.sums, loss="mae", **longer), good),
        "sums, huber": (classed(sources.sums, loss="huber", pool=("mean", "last"), **longer), good),
        "sums, noisy": (classed(sources.sums, {"hum": 0.7, "count": 400}, epochs=15), None),
    }


def _sequences() -> dict[str, Any]:
    tags: dict[str, Any] = {**TAG, "batch_size": 8, "epochs": 15}
    text: dict[str, Any] = {**PROSE, "batch_size": 8, "epochs": 15, "learning_rate": 0.01}
    rhyme: dict[str, Any] = {**PAIRS, "batch_size": 16, "epochs": 20}
    known = ("accuracy", 0.9)
    return {
        "texts, words": _classes(0.8, sources.texts, epochs=10, symbol="word", embedding=16),
        "texts, characters": _classes(0.75, sources.texts, epochs=15),
        "tags, crf": (filed(sources.tagged, tags), known),
        "tags, plain": (filed(sources.tagged, tags, crf=False), known),
        "tags, bidirectional": (filed(sources.tagged, tags, bidirectional=True), known),
        "prose, gru": (filed(sources.prose, text), ("nll", 1.7)),
        "prose, lstm": (filed(sources.prose, text, cell="lstm"), ("nll", 1.7)),
        "pairs": (filed(sources.pairs, rhyme, {"count": 500}), ("symbol_error_rate", 0.3)),
    }


def _forecasts() -> dict[str, Any]:
    near: dict[str, Any] = {"task": "forecast", "season": 1, "hidden": 32, "epochs": 25}
    two: dict[str, Any] = {**near, "horizon": 2, "lookback": 8, "learning_rate": 0.01}
    far: dict[str, Any] = {**near, "horizon": 6, "lookback": 24}
    return {
        "chaos, gru": (filed(sources.chaos, two), ("mase", 0.4)),
        "chaos, lstm": (filed(sources.chaos, two, cell="lstm"), ("mase", 0.4)),
        "chaos, not scaled": (filed(sources.chaos, two, scaling="none"), ("mase", 0.4)),
        "switching, gru": (filed(sources.switching, far), ("mase", 1.0)),
        "switching, quantiles": (
            filed(sources.switching, far, distribution="quantiles"),
            ("mase", 1.0),
        ),
    }


def _real() -> dict[str, Any]:
    def read(name: str, reaches: tuple[str, float], **settings: Any) -> Any:
        def make(random: Random, folder: Path) -> Made:
            del random, folder
            cases = read_cases(_SHARED / name, Settings.from_flat(settings).data, need_target=True)
            return Made(cases, settings)

        return make, reaches

    if not _SHARED.is_dir():
        return {}
    vowels, italy = "japanese_vowels/JapaneseVowels_TRAIN.ts", "ucr/ItalyPowerDemand_TRAIN.ts"
    right = ("accuracy", 0.9)
    return {
        "JapaneseVowels, gru": read(vowels, right, hidden=32, epochs=30),
        "JapaneseVowels, lstm": read(vowels, right, hidden=32, epochs=30, cell="lstm"),
        "JapaneseVowels, two ways": read(vowels, right, hidden=32, epochs=30, bidirectional=True),
        "ItalyPowerDemand": read(italy, right, hidden=32, epochs=60),
        "ItalyPowerDemand, lstm": read(italy, right, hidden=32, epochs=60, cell="lstm"),
        "JapaneseVowels, mingru": read(vowels, right, hidden=48, epochs=30, cell="mingru"),
    }
