"""Our Keras layers against `keras.layers`, on each of Keras' backends that is installed.

    python -m benchmarks.keras --threads 2 --json keras.json [--quick]
        [--backend torch ...] [--case gru-training ...] [--shape 64,784,1,128 ...]

A process can have one backend, so each runs in its own; ours and theirs take turns in it. The error
of each is measured against the reference in float64 in the same run. Rows on torch that are below
their floor are named in the end, and the command then exits with 1.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import harness

if TYPE_CHECKING:
    from benchmarks.layer import Layer, Shape

__all__ = ["BACKENDS", "CASES", "below", "contender", "floor", "main"]

BACKENDS = ("torch", "jax", "tensorflow")
# Name -> family, choices of our layer, gradients.
CASES: Mapping[str, tuple[str, dict[str, str], bool]] = {
    "gru-training": ("gru", {}, True),
    "gru-inference": ("gru", {}, False),
    "gru-before-training": ("gru", {"reset": "before"}, True),
    "lstm-training": ("lstm", {}, True),
    "rnn-training": ("rnn", {}, True),
}
# Long sequences of single values: what the floor of training is about.
LONG: Shape = (64, 784, 1, 128)
QUICK: tuple[Shape, ...] = ((32, 100, 64, 128),)
# Of training a GRU, either reset, on torch at `LONG`; anywhere else ours must not be slower.
FLOOR = 5.0
# Two medians of the same work differ by so much on a busy machine.
_NOISE = 0.9
# Keras' loop on torch takes half a minute or more for one gradient over 784 steps.
_SLOW_S = 10.0
_CLASSES = {"gru": "GRU", "lstm": "LSTM", "rnn": "SimpleRNN"}
# Our blocks of rows in Keras' order.
_ORDERS = {"gru": (1, 0, 2), "lstm": (0, 1, 2, 3), "rnn": (0,)}


def main() -> None:
    """Measure each backend in a process of its own, write JSON, print a table."""
    options = _options()
    given = options.parse_args()
    if given.measure is not None:
        _measure(given)
        return
    from rich.console import Console

    from benchmarks.table import rich_tables

    console = Console(width=None if sys.stdout.isatty() else 140)
    records: list[harness.Record] = []
    notes: list[str] = []
    for backend in given.backend or BACKENDS:
        if importlib.util.find_spec(backend) is None:
            notes.append(f"{backend} is not installed: left out")
            continue
        found, status = _in_a_process(backend, sys.argv[1:])
        records += found
        harness.write(given.json, records)
        if status:
            notes.append(f"{backend} ended with status {status} after {len(found)} rows")
    for table in rich_tables(records):
        console.print(table)
    lost = below(records)
    for note in (*notes, *lost):
        console.print(note)
    if lost or any("ended with status" in note for note in notes):
        raise SystemExit(1)


def floor(record: harness.Record) -> float:
    """How many times faster than Keras' layer ours has to be in this row."""
    backend, case = record.case.split(": ")
    if backend != "torch":
        return _NOISE
    long = tuple(record.shape) == LONG and case in ("gru-training", "gru-before-training")
    return FLOOR if long else 1.0


def below(records: Sequence[harness.Record]) -> list[str]:
    """The rows that do not reach their floor, in words."""
    return [
        f"{one.case} {list(one.shape)}: {ratio:.2f} times as fast as Keras, below {floor(one):g}"
        for one in records
        if (ratio := one.peers_s["keras"] / one.ours_s) < floor(one)
    ]


def _options() -> argparse.ArgumentParser:
    from benchmarks.layers import shape_of

    parser = harness.command_line("Keras layers against Keras' own.")
    parser.add_argument("--backend", action="append", choices=BACKENDS, help="only this backend")
    parser.add_argument("--case", action="append", choices=CASES, help="only this case")
    parser.add_argument(
        "--shape", action="append", type=shape_of, metavar="B,T,I,H", help="these shapes only"
    )
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    return parser


def _in_a_process(backend: str, arguments: Sequence[str]) -> tuple[list[harness.Record], int]:
    """The records of one backend, all that there are where it ended early; its exit status."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.json"
        own = ["--measure", backend, "--json", str(path)]
        run = subprocess.run(
            [sys.executable, "-m", "benchmarks.keras", *arguments, *own],
            env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
            check=False,
        )
        entries = json.loads(path.read_bytes())["records"] if path.exists() else []
        return [harness.Record(**entry) for entry in entries], run.returncode


def _measure(given: argparse.Namespace) -> None:
    """Measure in this process, whose Keras runs on the backend that the environment names."""
    harness.limit_threads(given.threads)
    import torch

    from benchmarks.contest import SHAPES
    from benchmarks.layer import Layer

    torch.set_num_threads(given.threads)
    plan = harness.QUICK if given.quick else harness.FULL
    records = list[harness.Record]()
    for name in given.case or CASES:
        family, choices, gradients = CASES[name]
        long = (LONG,) if name in ("gru-training", "gru-before-training") else ()
        for shape in given.shape or ((*QUICK, *long) if given.quick else SHAPES):
            print(f"{given.measure} {name} {list(shape)}", file=sys.stderr, flush=True)
            layer = Layer.random(family, shape, **choices)
            exact = layer.exact(gradients=gradients)
            everyone = {who: contender(who, layer, gradients) for who in ("ours", "keras")}
            errors, firsts = _first_calls(everyone, exact)
            records.append(
                harness.record(
                    f"{given.measure}: {name}",
                    shape,
                    ours=f"recurra.keras.{_CLASSES[family]}",
                    threads=given.threads,
                    errors=errors,
                    timings=_timings(everyone, firsts, plan),
                    memory={},
                )
            )
            harness.write(given.json, records)


def _first_calls(
    everyone: Mapping[str, harness.Contender], exact: Mapping[str, Any]
) -> tuple[dict[str, float], dict[str, float]]:
    """The error of each contender, and the seconds that its first call took."""
    errors, seconds = {}, {}
    for who, one in everyone.items():
        began = time.perf_counter()
        found = one.results()
        seconds[who] = time.perf_counter() - began
        errors[who] = harness.difference(found, exact)
    return errors, seconds


def _timings(
    everyone: Mapping[str, harness.Contender], firsts: Mapping[str, float], plan: harness.Plan
) -> dict[str, harness.Timing]:
    """Turn by turn; of one that took long its first call stands for it."""
    slow = {who for who, seconds in firsts.items() if seconds > _SLOW_S}
    quick = {who: one.call for who, one in everyone.items() if who not in slow}
    found = harness.measure(quick, plan)
    return found | {who: harness.Timing.of([firsts[who]]) for who in slow}


def contender(who: str, layer: Layer, gradients: bool) -> harness.Contender:
    """One of the two layers on the active backend, compiled where that is how it is used.

    Args:
        who: "ours" or "keras".
        layer: What to compute.
        gradients: Of x and of every weight; else the outputs.
    """
    import keras
    import numpy as np

    source = importlib.import_module("recurra.keras" if who == "ours" else "keras.layers")
    after = layer.choices.get("reset", "after") == "after"
    choices = {"reset_after": after} if layer.family == "gru" else {}
    made = getattr(source, _CLASSES[layer.family])(layer.shape[3], return_sequences=True, **choices)
    made.build(layer.x.shape)
    order = _ORDERS[layer.family]
    kernel, recurrent, *biases = layer.theirs(order)
    two = layer.family == "gru" and after
    bias = np.stack(biases) if two else np.add(*biases)
    made.set_weights([kernel.T, recurrent.T, bias])
    run = _RUNNERS[keras.backend.backend()](made, layer, gradients)

    def results() -> dict[str, Any]:
        found = [np.asarray(keras.ops.convert_to_numpy(array)) for array in run()]
        if not gradients:
            return {"y": found[0]}
        dx, of_kernel, of_recurrent, of_bias = found
        # One bias stands for two: the gradient of either.
        both = of_bias if two else np.broadcast_to(of_bias, (2, of_bias.size))
        rows = [of_kernel.T, of_recurrent.T, *both]
        names = ("input_weight", "recurrent_weight", "input_bias", "recurrent_bias")
        return {"x": dx} | {
            name: layer.back(np.ascontiguousarray(row), order)
            for name, row in zip(names, rows, strict=True)
        }

    return harness.Contender(run, results)


Run = Callable[[], Sequence[Any]]


def _torch(made: Any, layer: Layer, gradients: bool) -> Run:
    import torch

    x, dy = torch.from_numpy(layer.x).requires_grad_(gradients), torch.from_numpy(layer.dy)
    weights = [variable.value for variable in made.trainable_variables]

    def training() -> Sequence[Any]:
        return torch.autograd.grad(made(x), [x, *weights], dy)

    @torch.no_grad()
    def inference() -> Sequence[Any]:
        return [made(x)]

    return training if gradients else inference


def _jax(made: Any, layer: Layer, gradients: bool) -> Run:
    jax: Any = importlib.import_module("jax")
    x, dy = jax.numpy.asarray(layer.x), jax.numpy.asarray(layer.dy)
    weights = [variable.value for variable in made.trainable_variables]
    held = [variable.value for variable in made.non_trainable_variables]

    def apply(x: Any, weights: Any) -> Any:
        return made.stateless_call(weights, held, x)[0]

    def pulled(x: Any, weights: Any) -> Any:
        return (apply(x, weights) * dy).sum()

    grad, forward = jax.jit(jax.grad(pulled, argnums=(0, 1))), jax.jit(apply)

    def training() -> Sequence[Any]:
        dx, of_weights = jax.block_until_ready(grad(x, weights))
        return [dx, *of_weights]

    return training if gradients else lambda: [forward(x, weights).block_until_ready()]


def _tensorflow(made: Any, layer: Layer, gradients: bool) -> Run:
    tf: Any = importlib.import_module("tensorflow")
    x, dy = tf.constant(layer.x), tf.constant(layer.dy)
    weights = [variable.value for variable in made.trainable_variables]

    def training() -> Sequence[Any]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = made(x)
        found: Sequence[Any] = tape.gradient(y, [x, *weights], dy)
        return found

    compiled = tf.function(training if gradients else lambda: [made(x)])

    def run() -> Sequence[Any]:
        return [one.numpy() for one in compiled()]

    return run


_RUNNERS = {"torch": _torch, "jax": _jax, "tensorflow": _tensorflow}


if __name__ == "__main__":
    main()
