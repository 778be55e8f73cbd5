"""Made-up problems are what their papers say, and a training of them is repeated by its seed."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.papers import adding, copy_memory
from benchmarks.papers.synthetic import learn

SMALL: dict[str, Any] = adding.SETTINGS | adding.QUICK | {"cell": "gru", "chrono_length": 20}


def test_two_numbers_are_marked_and_their_sum_is_the_answer() -> None:
    x, truth = adding.problem(30).cases(50, torch.Generator().manual_seed(0))
    assert x.shape == (50, 30, 2)
    assert torch.equal(x[:, :, 1].sum(1), torch.full((50,), 2.0))
    torch.testing.assert_close((x[:, :, 0] * x[:, :, 1]).sum(1), truth)
    # Marks fall everywhere, the last step included.
    assert (x[:, :, 1].sum(0) > 0).sum() > 25


def test_always_answering_one_gives_a_sixth() -> None:
    assert adding.constant(SMALL)["loss"] == pytest.approx(1 / 6, abs=2e-3)


def test_symbols_come_back_after_the_blanks() -> None:
    x, truth = copy_memory.problem(7).cases(5, torch.Generator().manual_seed(0))
    tokens = x.argmax(2)
    assert tokens.shape == truth.shape == (5, 27)
    assert torch.equal(tokens[:, :10], truth[:, -10:])
    assert tokens[:, :10].min() >= 1
    assert tokens[:, :10].max() <= 8
    assert torch.equal(tokens[:, 10:16], torch.zeros(5, 6, dtype=torch.int64))
    assert torch.equal(tokens[:, 16:], torch.full((5, 11), 9))
    assert not truth[:, :-10].any()


def test_without_memory_eight_symbols_cost_their_logarithm() -> None:
    """The loss of outputs that know the blanks and nothing of the symbols."""
    problem = copy_memory.problem(30)
    _, truth = problem.cases(5, torch.Generator().manual_seed(0))
    outputs = torch.full((5, 50, 10), -1e9)
    outputs[:, :40, 0] = 0.0
    outputs[:, 40:, 1:9] = 0.0
    assert float(problem.loss(outputs, truth)) == pytest.approx(copy_memory.memoryless(30))
    assert copy_memory.memoryless(1000) == pytest.approx(10 * math.log(8) / 1020)


def test_the_same_seed_learns_the_same_and_it_learns() -> None:
    problem = adding.problem(20)
    first, second = (learn(problem, SMALL, 3) for _ in range(2))
    assert first.loss == second.loss != learn(problem, SMALL, 4).loss
    longer = learn(adding.problem(5), SMALL | {"steps": 200, "bias_init": "zeros"}, 0)
    # Always answering 1 gives 1/6.
    assert longer.loss < 0.1
    assert list(longer.curve)[-1] == 200


def test_what_is_global_in_torch_is_given_back() -> None:
    before = torch.get_float32_matmul_precision(), torch.get_num_threads(), torch.get_rng_state()
    learn(adding.problem(5), SMALL, 0)
    assert (torch.get_float32_matmul_precision(), torch.get_num_threads()) == before[:2]
    assert torch.equal(torch.get_rng_state(), before[2])


@pytest.mark.parametrize(("module", "lines"), [(adding, 4), (copy_memory, 3)])
def test_the_commands_write_every_line(
    module: Any, lines: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rows.json"
    rows = module.main(["--quick", "--json", str(path)])
    record = json.loads(path.read_text("utf-8"))
    assert record["rows"] == rows
    assert len(rows) == lines
    assert [row["model"] for row in rows][-3:] == ["gru", "lstm", "rnn"]
    assert all(row["loss"] > 0 for row in rows)
    assert all(row["published"] == module.PUBLISHED[row["model"]] for row in rows[-3:])
    assert "parameters" in capsys.readouterr().out
