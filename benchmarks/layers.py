"""Each layer against its peers: whole sequences, training, one step.

    python -m benchmarks.layers --threads 2 --json layers.json [--quick]
        [--case gru-training ...] [--shape 64,100,128,256 ...] [--without keras-jax ...]

The error of each is measured against the reference in float64 in the same run.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from rich.console import Console

from benchmarks import harness, memory
from benchmarks.table import rich_tables

if TYPE_CHECKING:
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
    parser.add_argument("--without", action="append", default=[], help="leave this peer out")
    parser.add_argument(
        "--memory",
        action=argparse.BooleanOptionalAction,
        help="measure the memory of training, in processes of its own (default: not with --quick)",
    )
    return parser


def main() -> None:
    """Measure, write JSON, print a table."""
    options = _options()
    given = options.parse_args()
    # What follows loads torch.
    harness.limit_threads(given.threads)
    import torch

    from benchmarks.contest import CASES

    unknown = set(given.case or ()) - set(CASES)
    if unknown:
        options.error(f"no case {min(unknown)!r}: there are {', '.join(CASES)}")
    torch.set_num_threads(given.threads)
    plan = harness.QUICK if given.quick else harness.FULL
    weigh = not given.quick if given.memory is None else given.memory
    console, records = Console(width=None if sys.stdout.isatty() else 140), list[harness.Record]()
    for name in given.case or CASES:
        case = CASES[name]
        for shape in filter(case.fits, given.shape or (case.quick if given.quick else case.shapes)):
            console.print(f"{name} {list(shape)}", style="dim", highlight=False)
            layer = case.layer(shape)
            exact = layer.exact(gradients=case.gradients)
            everyone = {
                who: one
                for who, one in case.contenders(layer, given.threads).items()
                if who not in given.without
            }
            records.append(
                harness.record(
                    name,
                    shape,
                    ours=case.ours,
                    threads=given.threads,
                    errors={w: harness.difference(c.results(), exact) for w, c in everyone.items()},
                    timings=harness.measure({w: c.call for w, c in everyone.items()}, plan),
                    memory=memory.peaks(name, shape, list(everyone), given.threads)
                    if case.gradients and weigh
                    else {},
                )
            )
            harness.write(given.json, records)
    for table in rich_tables(records):
        console.print(table)


if __name__ == "__main__":
    main()
