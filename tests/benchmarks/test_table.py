"""A table shows speed and error side by side and hides no row that we lose."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from benchmarks import harness
from benchmarks.harness import Record, Timing
from benchmarks.table import markdown, read, rich_tables


def record(case: str, seconds: dict[str, float], memory: dict[str, int] | None = None) -> Record:
    """What was measured of "ours" and the peers."""
    return harness.record(
        case,
        (64, 100, 128, 256),
        ours="f",
        threads=2,
        timings={name: Timing(value, (value, value), 5) for name, value in seconds.items()},
        errors={name: 1e-7 * (k + 1) for k, name in enumerate(seconds)},
        memory=memory or {},
    )


RECORDS = [
    record("gru-inference", {"ours": 2e-3, "pytorch": 5e-3, "openvino": 1e-3}),
    record(
        "gru-training", {"ours": 1.5, "pytorch": 3.0}, {"ours": 2_000_000, "pytorch": 5_000_000}
    ),
]


def test_markdown_shows_the_ratio_and_the_error_of_each_peer() -> None:
    """Against the fastest peer we lose the first row, and it says so in bold."""
    lines = markdown(RECORDS).splitlines()
    assert lines[0] == "#### gru-inference"
    assert lines[2] == "| B, T, I, H | ours | error | PyTorch | OpenVINO | fastest peer |"
    assert lines[4] == (
        "| 64, 100, 128, 256 | 2 ms | 1e-07 | 2.50 (2e-07) | 0.50 (3e-07) | **0.50** |"
    )


def test_markdown_shows_memory_where_it_was_measured() -> None:
    """Ours and the peer's, in MB, in that case's table alone."""
    lines = markdown(RECORDS).strip().splitlines()
    assert lines[-3:] == [
        "| B, T, I, H | ours | error | PyTorch | fastest peer | MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        "| 64, 100, 128, 256 | 1.5 s | 1e-07 | 2.00 (2e-07) | 2.00 | 2 / 5 |",
    ]


def test_a_terminal_shows_the_same_cells() -> None:
    """Every case has a table, the lost row included."""
    console = Console(width=140)
    with console.capture() as shown:
        for table in rich_tables(RECORDS):
            console.print(table)
    assert "0.50 (3e-07)" in shown.get()
    assert "2 / 5" in shown.get()


def test_a_written_file_reads_back(tmp_path: Path) -> None:
    """So that a table can be made again from the file alone."""
    path = tmp_path / "out.json"
    harness.write(path, RECORDS)
    machine, records = read(path)
    assert markdown(records) == markdown(RECORDS)
    assert "processor" in machine
