"""The learning is spoiled: rates, limits, beginnings, batches, penalties."""

from __future__ import annotations

from typing import Any

from benchmarks.doctor import sources
from benchmarks.doctor.makers import (
    DESCENT,
    FORECAST,
    PAIRS,
    PROSE,
    TAG,
    Kinds,
    begun,
    classed,
    filed,
    shift,
    times,
)

__all__ = [
    "batches",
    "beginnings",
    "bursts",
    "clipped",
    "dead",
    "flat",
    "held_down",
    "overfits",
    "rate_high",
    "rate_low",
]


def rate_high() -> Kinds:
    """A hundred to a thousand times the rate that these data want, and no fall."""
    high: dict[str, Any] = {"learning_rate": 1.0, "schedule": "constant"}
    return [
        ("gru, waves", classed(sources.waves, **high)),
        ("lstm, levels", classed(sources.levels, cell="lstm", **high)),
        ("rnn, slopes", classed(sources.slopes, cell="rnn", **high)),
        ("gru, sums", classed(sources.sums, **high)),
        ("sgd, waves", classed(sources.waves, **{**DESCENT, "learning_rate": 300.0})),
        ("tags", filed(sources.tagged, TAG, crf=False, **high)),
        ("prose", filed(sources.prose, PROSE, **high)),
    ]


def bursts() -> Kinds:
    """Plain descent without clipping at a rate beyond all bounds."""
    wild: dict[str, Any] = {
        "optimiser": "sgd",
        "clip_norm": 0.0,
        "schedule": "constant",
        "momentum": 0.99,
    }
    return [
        ("gru, sums", classed(sources.sums, learning_rate=1e5, **wild)),
        (
            "relu rnn, sums",
            classed(sources.sums, cell="rnn", activation="relu", learning_rate=10.0, **wild),
        ),
        (
            "relu rnn, load",
            filed(
                sources.load,
                FORECAST,
                cell="rnn",
                activation="relu",
                point_loss="mse",
                learning_rate=100.0,
                **wild,
            ),
        ),
        (
            "relu rnn, waves",
            classed(sources.waves, cell="rnn", activation="relu", learning_rate=1e4, **wild),
        ),
    ]


def rate_low() -> Kinds:
    """A thousandth of the rate or less."""
    return [
        ("gru, waves", classed(sources.waves, learning_rate=3e-6)),
        ("lstm, slopes", classed(sources.slopes, cell="lstm", learning_rate=1e-6)),
        ("mingru, sums", classed(sources.sums, cell="mingru", learning_rate=3e-6)),
        (
            "sgd, levels",
            classed(sources.levels, {"apart": 0.6}, **{**DESCENT, "learning_rate": 1e-5}),
        ),
        ("load", filed(sources.load, FORECAST, learning_rate=1e-7)),
        ("tags", filed(sources.tagged, TAG, learning_rate=1e-6)),
        ("pairs", filed(sources.pairs, PAIRS, learning_rate=1e-6)),
    ]


def clipped() -> Kinds:
    """A limit a thousandth of the ordinary gradient."""
    return [
        ("sgd, waves", classed(sources.waves, clip_norm=1e-3, **DESCENT)),
        ("adam, sums", classed(sources.sums, clip_norm=1e-3)),
        ("lstm, slopes", classed(sources.slopes, cell="lstm", clip_norm=3e-4)),
        ("load", filed(sources.load, FORECAST, clip_norm=1e-4)),
        (
            "by value, levels",
            classed(sources.levels, {"apart": 0.6}, clip="value", clip_value=1e-5),
        ),
    ]


def beginnings() -> Kinds:
    """Weights fifty times too large, biases far out, a memory for a million steps."""
    chrono: dict[str, Any] = {"bias_init": "chrono", "chrono_length": 10_000_000}
    return [
        ("gru, weights x 50", begun(sources.waves, lambda w: times(w, "encoder", 50.0))),
        (
            "lstm, weights x 50",
            begun(sources.levels, lambda w: times(w, "encoder", 50.0), cell="lstm"),
        ),
        (
            "rnn, weights x 50",
            begun(sources.sums, lambda w: times(w, "encoder", 50.0), cell="rnn"),
        ),
        (
            "gru, gates shut",
            begun(sources.slopes, lambda w: shift(w, "encoder.input_bias", -15.0)),
        ),
        ("gru, chrono of ten million", classed(sources.waves, **chrono)),
        ("lstm, chrono of ten million", classed(sources.slopes, cell="lstm", **chrono)),
    ]


def dead() -> Kinds:
    """Rectified units whose bias holds them below zero; weights of nothing."""
    relu: dict[str, Any] = {"dense_after": (24,)}
    return [
        (
            "dense after gru",
            begun(sources.waves, lambda w: shift(w, "after_0.bias", -50.0), **relu),
        ),
        (
            "dense ahead of lstm",
            begun(
                sources.levels,
                lambda w: shift(w, "before_0.bias", -80.0),
                cell="lstm",
                dense_before=(24,),
            ),
        ),
        (
            "relu rnn",
            begun(
                sources.sums,
                lambda w: shift(w, "encoder.input_bias", -40.0),
                cell="rnn",
                activation="relu",
            ),
        ),
        ("gru of zeros", begun(sources.waves, lambda w: times(w, "encoder", 0.0), cell="gru")),
    ]


def batches() -> Kinds:
    """One case a step at a rate that a batch of 32 takes well, and no fall of the rate."""
    one: dict[str, Any] = {
        "batch_size": 1,
        "schedule": "constant",
        "learning_rate": 0.01,
        "dropout": 0.0,
        "epochs": 16,
    }
    return [
        ("gru, levels", classed(sources.levels, **one)),
        ("lstm, levels", classed(sources.levels, cell="lstm", **one)),
        ("rnn, sums", classed(sources.sums, cell="rnn", **one)),
        ("gru, sums, two cases", classed(sources.sums, {"hum": 0.8}, **{**one, "batch_size": 2})),
        ("gru, waves", classed(sources.waves, {"hum": 1.5}, **one)),
    ]


def overfits() -> Kinds:
    """A large network, few cases, much noise, many epochs, nothing against it."""
    free: dict[str, Any] = {
        "hidden": 64,
        "dropout": 0.0,
        "epochs": 60,
        "patience": 0,
        "weight_decay": 0.0,
        "valid_fraction": 0.3,
        "schedule": "constant",
    }
    return [
        ("gru, levels", classed(sources.levels, {"count": 120, "channels": 6}, **free)),
        (
            "lstm, levels",
            classed(sources.levels, {"count": 140, "channels": 5}, cell="lstm", **free),
        ),
        ("rnn, waves", classed(sources.waves, {"count": 120, "hum": 1.5}, cell="rnn", **free)),
        ("gru, sums", classed(sources.sums, {"count": 120, "hum": 1.0}, **free)),
        ("texts", classed(sources.texts, {"count": 120}, **{**free, "epochs": 30})),
        (
            "prose",
            filed(sources.prose, PROSE, {"size": 2000}, **{**free, "epochs": 60, "batch_size": 4}),
        ),
    ]


def flat() -> Kinds:
    """A head that may not move, a decay that leaves nothing of the weights."""
    short: dict[str, Any] = {"constraint": "max_norm", "constrained": ("weight",), "max_norm": 0.01}
    return [
        ("gru, short head", filed(sources.load, FORECAST, **short)),
        ("lstm, short head", filed(sources.load, FORECAST, cell="lstm", **short)),
        ("gru, decay", filed(sources.load, FORECAST, weight_decay=100.0)),
        ("rnn, decay", filed(sources.load, FORECAST, cell="rnn", weight_decay=100.0)),
    ]


def held_down() -> Kinds:
    """Penalties and dropout beyond reason on data that a linear model reads with ease."""
    held: dict[str, Any] = {"l2_kernel": 30.0, "l2_recurrent": 30.0}
    return [
        ("gru, levels", classed(sources.levels, {"apart": 0.8}, **held)),
        ("lstm, slopes", classed(sources.slopes, cell="lstm", **held)),
        ("rnn, sums", classed(sources.sums, cell="rnn", **held)),
        ("gru, sums, dropout 0.98", classed(sources.sums, dropout=0.98, epochs=10)),
        ("gru, load", filed(sources.load, FORECAST, l2_kernel=10.0)),
    ]
