"""Each layer against its peers: whole sequences, training, one step.

    python -m benchmarks.layers --threads 2 --json layers.json [--quick]
        [--case gru-training ...] [--shape 64,100,128,256 ...] [--without keras-jax ...]
        [--kernels avx2]

The error of each is measured against the reference in float64 in the same run, and so is the time
of a plain matrix product with as many multiply-adds (benchmarks/products.py).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console

from benchmarks import harness, memory
from benchmarks.table import rich_tables
from recurra.errors import BackendError
from recurra.kernels import isas

if TYPE_CHECKING:
    from benchmarks.contest import Case
    from benchmarks.layer import Shape

__all__ = ["main", "shape_of"]


def shape_of(text: str) -> Shape:
    """The sizes of B,T,I,H."""
    sizes = [int(part) for part in text.split(",")]
    if len(sizes) != 4 or min(sizes) < 1:
        raise ValueError(text)
    batch, time, inputs, units = sizes
    return batch, time, inputs, units


# argparse names the type in its message.
shape_of.__name__ = "B,T,I,H"


def _options() -> argparse.ArgumentParser:
    parser = harness.command_line("Layers against their peers.")
    parser.add_argument("--case", action="append", help="only this case; may be given again")
    parser.add_argument(
        "--shape", action="append", type=shape_of, metavar="B,T,I,H", help="these shapes only"
    )
    parser.add_argument(
        "--without", action="append", default=[], help="leave this peer, or sgemm, out"
    )
    parser.add_argument(
        "--kernels",
        metavar="NAME",
        help="no better instruction set than this, for our kernels and for PyTorch "
        f"(here: {', '.join(isas())})",
    )
    parser.add_argument(
        "--memory",
        action=argparse.BooleanOptionalAction,
        help="measure the memory of training, in processes of its own (default: not with --quick)",
    )
    return parser


def _limit(options: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """Threads and instruction sets, before torch is loaded."""
    harness.limit_threads(given.threads)
    if given.kernels is not None:
        try:
            harness.limit_isa(given.kernels)
        except BackendError as error:
            options.error(f"argument --kernels: {error}")


def _check_names(
    options: argparse.ArgumentParser, given: argparse.Namespace, cases: Mapping[str, Case]
) -> None:
    peers = {who: None for case in cases.values() for who in case.entries if who != "ours"}
    for what, names, known in (
        ("case", given.case or (), [*cases]),
        ("peer", given.without, [*peers, harness.YARDSTICK]),
    ):
        unknown = set(names) - set(known)
        if unknown:
            options.error(f"no {what} {min(unknown)!r}: there are {', '.join(known)}")


def _measured(
    name: str, case: Case, shape: Shape, given: argparse.Namespace, *, weigh: bool
) -> harness.Record:
    """Everyone in one shape, the yardstick among them."""
    layer = case.layer(shape)
    exact = layer.exact(gradients=case.gradients)
    everyone = case.contenders(layer, given.threads, given.without)
    errors = {who: harness.difference(one.results(), exact) for who, one in everyone.items()}
    calls = {who: one.call for who, one in everyone.items()}
    product = None if harness.YARDSTICK in given.without else case.yardstick(layer)
    if product is not None:
        calls[harness.YARDSTICK] = product.call
    return harness.record(
        name,
        shape,
        ours=case.ours,
        threads=given.threads,
        errors=errors,
        timings=harness.measure(calls, harness.QUICK if given.quick else harness.FULL),
        memory=memory.peaks(name, shape, list(everyone), given.threads)
        if case.gradients and weigh
        else {},
        flops=None if product is None else product.flops,
    )


def main() -> None:
    """Measure, write JSON, print a table."""
    options = _options()
    given = options.parse_args()
    _limit(options, given)
    # What follows loads torch.
    import torch

    from benchmarks.contest import CASES

    _check_names(options, given, CASES)
    torch.set_num_threads(given.threads)
    weigh = not given.quick if given.memory is None else given.memory
    console, records = Console(width=None if sys.stdout.isatty() else 160), list[harness.Record]()
    for name in given.case or CASES:
        case = CASES[name]
        for shape in filter(case.fits, given.shape or (case.quick if given.quick else case.shapes)):
            console.print(f"{name} {list(shape)}", style="dim", highlight=False)
            records.append(_measured(name, case, shape, given, weigh=weigh))
            harness.write(given.json, records)
    for table in rich_tables(records):
        console.print(table)


if __name__ == "__main__":
    main()
