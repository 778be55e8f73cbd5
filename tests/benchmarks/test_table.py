"""A table shows speed and error side by side and hides no row that we lose."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import harness, table
from benchmarks.harness import Record, Timing
from benchmarks.table import compared, markdown, read, rich_tables


def record(
    case: str,
    seconds: dict[str, float],
    memory: dict[str, int] | None = None,
    shape: tuple[int, int, int, int] = (64, 100, 128, 256),
) -> Record:
    """What was measured of "ours" and the peers, with kernels of avx2."""
    one = harness.record(
        case,
        shape,
        ours="f",
        threads=2,
        timings={name: Timing(value, (value, value), 5) for name, value in seconds.items()},
        errors={name: 1e-7 * (k + 1) for k, name in enumerate(seconds)},
        memory=memory or {},
    )
    return replace(one, isa="avx2")


RECORDS = [
    record("gru-inference", {"ours": 2e-3, "pytorch": 5e-3, "openvino": 1e-3}),
    record(
        "gru-training", {"ours": 1.5, "pytorch": 3.0}, {"ours": 2_000_000, "pytorch": 5_000_000}
    ),
]


def test_markdown_shows_the_ratio_and_the_error_of_each_peer() -> None:
    """Against the fastest peer we lose the first row, and it says so in bold."""
    lines = markdown(RECORDS).splitlines()
    assert lines[0] == "#### gru-inference, avx2"
    assert lines[2] == "| B, T, I, H | ours | error | PyTorch | OpenVINO | fastest peer |"
    assert lines[4] == (
        "| 64, 100, 128, 256 | 2 ms | 1e-07 | 2.50 (2e-07) | 0.50 (3e-07) | **0.50 OpenVINO** |"
    )


def test_markdown_shows_memory_where_it_was_measured() -> None:
    """Ours and the peer's, in MB, in that case's table alone."""
    lines = markdown(RECORDS).strip().splitlines()
    assert lines[-5:] == [
        "| B, T, I, H | ours | error | PyTorch | fastest peer | MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        "| 64, 100, 128, 256 | 1.5 s | 1e-07 | 2.00 (2e-07) | 2.00 PyTorch | 2 / 5 |",
        "",
        "Worst: 2.00 against PyTorch at 64, 100, 128, 256.",
    ]


def test_a_terminal_shows_the_same_cells() -> None:
    """Every case has a table, the lost row included."""
    console = Console(width=140)
    with console.capture() as shown:
        for one in rich_tables(RECORDS):
            console.print(one)
    assert "0.50 (3e-07)" in shown.get()
    assert "0.50 OpenVINO" in shown.get()
    assert "2 / 5" in shown.get()
    assert "gru-training, avx2" in shown.get()
    assert "Worst: 2.00 against PyTorch at 64, 100, 128, 256." in shown.get()


def test_a_written_file_reads_back(tmp_path: Path) -> None:
    """So that a table can be made again from the file alone."""
    path = tmp_path / "out.json"
    harness.write(path, RECORDS)
    machine, records = read(path)
    assert markdown(records) == markdown(RECORDS)
    assert "processor" in machine


def test_the_product_has_a_column_and_is_no_peer() -> None:
    """It is faster than every peer here, and the fastest peer is still PyTorch."""
    one = record("gru-inference", {"ours": 2e-3, "pytorch": 5e-3, "sgemm": 1.5e-3})
    lines = markdown([one]).splitlines()
    assert lines[2] == "| B, T, I, H | ours | error | of sgemm | PyTorch | fastest peer |"
    assert lines[4] == ("| 64, 100, 128, 256 | 2 ms | 1e-07 | 0.75 | 2.50 (2e-07) | 2.50 PyTorch |")


def test_the_line_below_a_table_names_the_worst_rows() -> None:
    """Of the peers over all rows; of the product from H = 128 up, however bad a narrower one is."""
    rows = [
        record("a", {"ours": 1.0, "pytorch": 3.0, "sgemm": 0.9}, shape=(1, 2, 3, 256)),
        record("a", {"ours": 1.0, "pytorch": 4.0, "sgemm": 0.8}, shape=(1, 2, 3, 128)),
        record("a", {"ours": 1.0, "openvino": 2.0, "sgemm": 0.1}, shape=(1, 2, 3, 64)),
    ]
    assert markdown(rows).strip().splitlines()[-1] == (
        "Worst: 2.00 against OpenVINO at 1, 2, 3, 64; "
        "from H = 128 up 0.80 of sgemm at 1, 2, 3, 128."
    )


def test_without_a_peer_nothing_is_the_fastest() -> None:
    """Every peer may be missing or left out; then there is no ratio and nothing worst."""
    lines = markdown([record("a", {"ours": 1.0})]).strip().splitlines()
    assert lines[-1] == "| 64, 100, 128, 256 | 1 s | 1e-07 |  |"


def test_another_instruction_set_is_another_table() -> None:
    """Rows of two sets never stand under one heading."""
    one = record("a", {"ours": 1.0})
    shown = markdown([one, replace(one, isa="avx512")])
    assert [line for line in shown.splitlines() if line.startswith("#")] == [
        "#### a, avx2",
        "#### a, avx512",
    ]


def test_two_runs_are_compared_where_both_measured() -> None:
    """By case, shape and threads; above 1 the second is faster."""
    before = [
        record("a", {"ours": 3e-3, "sgemm": 1.5e-3}),
        record("b", {"ours": 1.0}),
        record("c", {"ours": 1.0}, shape=(1, 2, 3, 4)),
    ]
    after = [
        record("c", {"ours": 1.0}, shape=(1, 2, 3, 5)),
        replace(record("a", {"ours": 2e-3}), isa="avx512"),
        replace(record("b", {"ours": 1.0}), threads=7),
    ]
    assert compared(before, after, ("old", "new")).strip().splitlines() == [
        "#### a: old (avx2) -> new (avx512)",
        "",
        "| B, T, I, H | threads | before | after | before / after | errors | of sgemm |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| 64, 100, 128, 256 | 2 | 3 ms | 2 ms | 1.50 | 1e-07 / 1e-07 | 0.50 / - |",
    ]
    assert compared(before, before[:0], ("old", "new")) == ""


def shown_of(
    paths: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """What the command prints of these files."""
    monkeypatch.setattr(sys, "argv", ["table", *map(str, paths)])
    table._main()
    return capsys.readouterr().out


def test_the_command_compares_exactly_two_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After the tables of both; one file, or three, have nothing to be held against."""
    paths = [tmp_path / f"{name}.json" for name in ("old", "new", "more")]
    for path in paths:
        harness.write(path, RECORDS)
    heading = "#### gru-training: old.json (avx2) -> new.json (avx2)"
    assert heading in shown_of(paths[:2], monkeypatch, capsys)
    assert "->" not in shown_of(paths[:1], monkeypatch, capsys)
    assert "->" not in shown_of(paths, monkeypatch, capsys)


def test_a_file_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    """It says nothing of instruction sets and products, and its table has none."""
    path = tmp_path / "old.json"
    harness.write(path, RECORDS)
    tree = json.loads(path.read_text("utf-8"))
    for one in tree["records"]:
        del one["isa"], one["sgemm_s"], one["gflops"]
    path.write_text(json.dumps(tree), "utf-8")
    shown = markdown(read(path)[1])
    assert shown.startswith("#### gru-inference\n")
    assert "of sgemm" not in shown


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"machine": {}, "records": [{"shape": [1]}]}'])
def test_another_file_is_refused_by_name(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line that says what was expected."""
    path = tmp_path / "other.json"
    path.write_text(text, "utf-8")
    with pytest.raises(SystemExit):
        shown_of([path], monkeypatch, capsys)
    assert 'other.json: expected JSON {"machine", "records"}' in capsys.readouterr().err
