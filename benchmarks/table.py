"""Records as a table: speed and error side by side, the rows that we lose included.

    python -m benchmarks.table layers.json [more.json ...]

prints Markdown, one table a case. Of exactly two files, what both measured is also compared:

    python -m benchmarks.table before.json after.json
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from benchmarks.harness import Record

__all__ = ["compared", "markdown", "read", "rich_tables"]

_TITLES = {
    "pytorch": "PyTorch",
    "pytorch-compiled": "PyTorch, compiled loop",
    "onnxruntime": "ONNX Runtime",
    "onnxruntime-bound": "ONNX Runtime, bound memory",
    "openvino": "OpenVINO",
    "keras-jax": "Keras on JAX",
    "plain-pytorch": "plain PyTorch",
}
# The width from which ours is held against the product: below it a product has too little to do.
_WIDE = 128


def _seconds(value: float) -> str:
    for factor, unit in ((1.0, "s"), (1e3, "ms")):
        if value * factor >= 1:
            return f"{value * factor:.3g} {unit}"
    return f"{value * 1e6:.3g} µs"


def _against(one: Record, peer: str) -> str:
    """How many times faster than the peer we are, and the peer's error."""
    if peer not in one.peers_s:
        return ""
    return f"{one.peers_s[peer] / one.ours_s:.2f} ({one.peer_errors[peer]:.0e})"


def _memory(one: Record) -> str:
    """Ours, and the peers', in MB."""
    if one.memory_bytes is None:
        return ""
    sizes = [one.memory_bytes, *one.peer_memory_bytes.values()]
    return " / ".join(f"{size / 1e6:.0f}" for size in sizes)


def _step(one: Record) -> str:
    return "" if one.ours_step_s is None else _seconds(one.ours_step_s)


def _lengths_alone(rows: Sequence[Record]) -> bool:
    """Whether the rows differ in nothing but T: then the time of a step is what they show."""
    others = {(batch, inputs, units) for batch, _, inputs, units in (one.shape for one in rows)}
    return len(rows) > 1 and len(others) == 1


def _grouped(records: Sequence[Record]) -> Iterator[tuple[list[Record], list[str]]]:
    """The records of each case and instruction set, and the peers that any of them has."""
    for _, group in groupby(records, key=_title):
        rows = list(group)
        yield rows, list(dict.fromkeys(peer for one in rows for peer in one.peers_s))


def _columns(rows: Sequence[Record], peers: Sequence[str]) -> list[str]:
    return [
        "B, T, I, H",
        "ours",
        *(["a step"] if _lengths_alone(rows) else []),
        "error",
        *(["of sgemm"] if any(one.sgemm_s is not None for one in rows) else []),
        *(_TITLES.get(p, p) for p in peers),
        "fastest peer",
        *(["MB"] if any(map(_memory, rows)) else []),
    ]


def _cells(one: Record, columns: Sequence[str], peers: Sequence[str]) -> list[str]:
    return [
        ", ".join(map(str, one.shape)),
        _seconds(one.ours_s),
        *([_step(one)] if "a step" in columns else []),
        f"{one.error:.0e}",
        *([_of_sgemm(one)] if "of sgemm" in columns else []),
        *(_against(one, peer) for peer in peers),
        _fastest(one),
        *([_memory(one)] if "MB" in columns else []),
    ]


def _least(one: Record) -> tuple[float, str] | None:
    """How many times faster than the fastest peer we are, and who that is; None: no peer."""
    if not one.peers_s:
        return None
    peer = min(one.peers_s, key=lambda name: one.peers_s[name])
    return one.peers_s[peer] / one.ours_s, _TITLES.get(peer, peer)


def _fastest(one: Record) -> str:
    least = _least(one)
    return "" if least is None else f"{least[0]:.2f} {least[1]}"


def _loses(one: Record) -> bool:
    """Whether a peer is faster, to the digits that are shown."""
    least = _least(one)
    return least is not None and round(least[0], 2) < 1


def _share(one: Record) -> float:
    """The yardstick's time as a share of ours; infinite where there is none."""
    return math.inf if one.sgemm_s is None else one.sgemm_s / one.ours_s


def _of_sgemm(one: Record) -> str:
    return "" if one.sgemm_s is None else f"{_share(one):.2f}"


def _title(one: Record) -> str:
    """The case, and the instruction set of our kernels where the record has it."""
    return f"{one.case}, {one.isa}" if one.isa else one.case


def _worst(rows: Sequence[Record]) -> str:
    """The row with the least ratio against its fastest peer, and against the product."""
    found = []
    raced = [(least, one) for one in rows if (least := _least(one)) is not None]
    if raced:
        (ratio, peer), one = min(raced, key=lambda pair: pair[0][0])
        found.append(f"{ratio:.2f} against {peer} at {_sizes(one)}")
    wide = [one for one in rows if one.sgemm_s is not None and one.shape[3] >= _WIDE]
    if wide:
        one = min(wide, key=_share)
        found.append(f"from H = {_WIDE} up {_of_sgemm(one)} of sgemm at {_sizes(one)}")
    return f"Worst: {'; '.join(found)}." if found else ""


def _sizes(one: Record) -> str:
    return ", ".join(map(str, one.shape))


def markdown(records: Sequence[Record]) -> str:
    """One Markdown table a case; in bold what we lose; below it the worst row."""
    parts = []
    for rows, peers in _grouped(records):
        columns = _columns(rows, peers)
        place = columns.index("fastest peer")
        lines = [columns, ["---", *["---:"] * (len(columns) - 1)]]
        for one in rows:
            cells = _cells(one, columns, peers)
            if _loses(one):
                cells[place] = f"**{cells[place]}**"
            lines.append(cells)
        parts += [f"#### {_title(rows[0])}", "", *map(_line, lines), ""]
        if worst := _worst(rows):
            parts += [worst, ""]
    return "\n".join(parts)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def rich_tables(records: Sequence[Record]) -> Iterator[Table]:
    """One table a case for a terminal; in red what we lose; below it the worst row."""
    for rows, peers in _grouped(records):
        columns = _columns(rows, peers)
        table = Table(
            title=_title(rows[0]),
            title_justify="left",
            title_style="bold",
            caption=_worst(rows),
            caption_justify="left",
            box=box.SIMPLE_HEAD,
        )
        for column in columns:
            # The one with words gives way where the terminal is narrow.
            table.add_column(column, justify="right", no_wrap=column != "fastest peer")
        for one in rows:
            table.add_row(*_cells(one, columns, peers), style="red" if _loses(one) else "")
        yield table


def compared(before: Sequence[Record], after: Sequence[Record], names: tuple[str, str]) -> str:
    """Two runs of the same cases and shapes, in Markdown; empty where they share none.

    Args:
        before: One run.
        after: The other.
        names: What to call them.
    """
    old = {_key(one): one for one in before}
    new = {_key(one): one for one in after}
    parts = []
    for case, keys in groupby((key for key in new if key in old), key=lambda key: key[0]):
        pairs = [(old[key], new[key]) for key in keys]
        sets = [f"{name} ({one.isa or '?'})" for name, one in zip(names, pairs[0], strict=True)]
        lines = [
            ("B, T, I, H", "threads", "before", "after", "before / after", "errors", "of sgemm"),
            ("---", *("---:",) * 6),
            *(_compared_cells(*pair) for pair in pairs),
        ]
        parts += [f"#### {case}: {' -> '.join(sets)}", "", *map(_line, lines), ""]
    return "\n".join(parts)


def _key(one: Record) -> tuple[str, tuple[int, int, int, int], int]:
    return one.case, one.shape, one.threads


def _compared_cells(one: Record, other: Record) -> tuple[str, ...]:
    return (
        _sizes(one),
        str(one.threads),
        _seconds(one.ours_s),
        _seconds(other.ours_s),
        f"{one.ours_s / other.ours_s:.2f}",
        f"{one.error:.0e} / {other.error:.0e}",
        " / ".join(_of_sgemm(each) or "-" for each in (one, other)),
    )


def read(path: Path) -> tuple[Mapping[str, Any], list[Record]]:
    """The machine and the records of a file that a benchmark wrote.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such file.
    """
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        return tree["machine"], [
            Record(**one | {"shape": tuple(one["shape"])}) for one in tree["records"]
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f'{path}: expected JSON {{"machine", "records"}} as benchmarks.layers writes it, got '
            f"{type(error).__name__}: {error}"
        ) from error


def _about(machine: Mapping[str, Any], records: Sequence[Record]) -> str:
    """One sentence on what was measured on."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    limits = "".join(f"{n}={v}; " for n, v in machine.get("pytorch_limits", {}).items())
    threads = ", ".join(sorted({str(one.threads) for one in records})) or "no"
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['isa']} "
        f"({', '.join(machine['flags'])}); {versions}; {limits}"
        f"{threads} threads; load at the end {machine['load']:.1f}."
    )


def _main() -> None:
    parser = argparse.ArgumentParser(
        description="Records as Markdown; two files with cases in common are also compared."
    )
    parser.add_argument("file", type=Path, nargs="+")
    paths = parser.parse_args().file
    try:
        files = [read(path) for path in paths]
    except (OSError, ValueError) as error:
        parser.error(str(error))
    for machine, records in files:
        sys.stdout.write(f"{_about(machine, records)}\n\n{markdown(records)}\n")
    if len(files) == 2:
        (_, before), (_, after) = files
        sys.stdout.write(compared(before, after, (paths[0].name, paths[1].name)))


if __name__ == "__main__":
    _main()
