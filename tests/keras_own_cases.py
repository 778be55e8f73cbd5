"""Keras' own test cases of GRU, LSTM and SimpleRNN with our layers in their place, on any backend.

    KERAS_BACKEND=jax python tests/keras_own_cases.py

prints each case and whether it passed, failed, or was left out and why. The cases are those of the
installed Keras: nothing of them is kept here.
"""

from __future__ import annotations

import importlib
import unittest
import warnings
from types import SimpleNamespace
from typing import Any
from unittest import mock

import keras

import recurra.keras as ours

CASES = {
    "GRU": ("gru_test", "GRUTest"),
    "LSTM": ("lstm_test", "LSTMTest"),
    "SimpleRNN": ("simple_rnn_test", "SimpleRNNTest"),
}


def outcomes(kind: str) -> dict[str, str]:
    """Each case -> "passed", "left out: " and why, or the text of its failure.

    Raises:
        ImportError: this Keras was installed without its tests.
    """
    where, case = CASES[kind]
    module = importlib.import_module(f"keras.src.layers.rnn.{where}")
    found = {}
    layers = SimpleNamespace(GRU=ours.GRU, LSTM=ours.LSTM, SimpleRNN=ours.SimpleRNN)
    with mock.patch.object(module, "layers", layers), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for one in unittest.defaultTestLoader.loadTestsFromTestCase(getattr(module, case)):
            name = one._testMethodName
            result = unittest.TestResult()
            why = _left_out(one)
            if why is None:
                one.run(result)
            texts = [text for _, text in (*result.failures, *result.errors)]
            skipped = [text for _, text in result.skipped]
            left = skipped[0] if skipped else why
            found[name] = texts[0] if texts else f"left out: {left}" if left else "passed"
    return found


def _left_out(one: Any) -> str | None:
    """The reason of pytest's own mark, which unittest does not read; None: it is to run."""
    for mark in getattr(getattr(one, one._testMethodName), "pytestmark", ()):
        if mark.name == "skipif" and mark.args[0]:
            return str(mark.kwargs["reason"])
    return None


def main() -> None:
    """Run all of them and say how each went."""
    failed = 0
    for kind in CASES:
        for name, outcome in outcomes(kind).items():
            print(f"{keras.backend.backend()} {kind} {name}: {outcome}")
            failed += outcome != "passed" and not outcome.startswith("left out")
    if failed:
        raise SystemExit(f"{failed} of Keras' cases failed")


if __name__ == "__main__":
    main()
