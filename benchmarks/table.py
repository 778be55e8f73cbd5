"""Records as a table: speed and error side by side, the rows that we lose included.

    python -m benchmarks.table layers.json [more.json ...]

prints Markdown, one table a case.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from benchmarks.harness import Record

__all__ = ["markdown", "read", "rich_tables"]

_TITLES = {
    "pytorch": "PyTorch",
    "pytorch-compiled": "PyTorch, compiled loop",
    "onnxruntime": "ONNX Runtime",
    "onnxruntime-bound": "ONNX Runtime, bound memory",
    "openvino": "OpenVINO",
    "keras-jax": "Keras on JAX",
    "plain-pytorch": "plain PyTorch",
}


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


def _grouped(records: Sequence[Record]) -> Iterator[tuple[str, list[Record], list[str]]]:
    """Each case with its records and the peers that any of them has."""
    for case, group in groupby(records, key=lambda one: one.case):
        rows = list(group)
        yield case, rows, list(dict.fromkeys(peer for one in rows for peer in one.peers_s))


def _columns(rows: Sequence[Record], peers: Sequence[str]) -> list[str]:
    memory = ["MB"] if any(map(_memory, rows)) else []
    return [
        "B, T, I, H",
        "ours",
        *(["a step"] if _lengths_alone(rows) else []),
        "error",
        *(_TITLES.get(p, p) for p in peers),
        "fastest peer",
        *memory,
    ]


def _cells(one: Record, columns: Sequence[str], peers: Sequence[str]) -> list[str]:
    least = min(one.peers_s.values(), default=one.ours_s) / one.ours_s
    cells = [
        ", ".join(map(str, one.shape)),
        _seconds(one.ours_s),
        *([_step(one)] if "a step" in columns else []),
        f"{one.error:.0e}",
        *(_against(one, peer) for peer in peers),
        f"{least:.2f}",
    ]
    return [*cells, _memory(one)] if "MB" in columns else cells


def markdown(records: Sequence[Record]) -> str:
    """One Markdown table a case; in bold what we lose."""
    parts = []
    for case, rows, peers in _grouped(records):
        columns = _columns(rows, peers)
        place = columns.index("fastest peer")
        lines = [f"#### {case}", "", columns, ["---", *["---:"] * (len(columns) - 1)]]
        for one in rows:
            cells = _cells(one, columns, peers)
            if float(cells[place]) < 1:
                cells[place] = f"**{cells[place]}**"
            lines.append(cells)
        parts += [line if isinstance(line, str) else f"| {' | '.join(line)} |" for line in lines]
        parts.append("")
    return "\n".join(parts)


def rich_tables(records: Sequence[Record]) -> Iterator[Table]:
    """One table a case for a terminal; in red what we lose."""
    for case, rows, peers in _grouped(records):
        columns = _columns(rows, peers)
        table = Table(title=case, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
        for column in columns:
            table.add_column(column, justify="right", no_wrap=True)
        for one in rows:
            cells = _cells(one, columns, peers)
            table.add_row(
                *cells, style="red" if float(cells[columns.index("fastest peer")]) < 1 else ""
            )
        yield table


def read(path: Path) -> tuple[Mapping[str, Any], list[Record]]:
    """The machine and the records of a file that a benchmark wrote."""
    tree = json.loads(path.read_text(encoding="utf-8"))
    return tree["machine"], [
        Record(**one | {"shape": tuple(one["shape"])}) for one in tree["records"]
    ]


def _main() -> None:
    parser = argparse.ArgumentParser(description="Records as Markdown.")
    parser.add_argument("file", type=Path, nargs="+")
    for path in parser.parse_args().file:
        machine, records = read(path)
        versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
        sys.stdout.write(
            f"{machine['processor']}, {machine['cores']} cores, {machine['isa']} "
            f"({', '.join(machine['flags'])}); {versions}; "
            f"{records[0].threads} threads; load at the end {machine['load']:.1f}.\n\n"
            f"{markdown(records)}\n"
        )


if __name__ == "__main__":
    _main()
