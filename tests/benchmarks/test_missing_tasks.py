"""Figures of series with holes are taken from what their modules say; the quick commands run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.tasks import beijing_pm25, physionet2012
from recurra.codecs import Cases

NAN = np.nan
X = np.array([[1.0, NAN], [3.0, NAN], [NAN, 5.0], [8.0, 7.0]])


def cases() -> Cases:
    times = (np.array([0.0, 1800.0, 3600.0, 7200.0]),)
    return Cases("series", (X,), ("a", "MechVent"), ("p",), "X", (1,), "class", times)


def test_summaries_are_mean_last_and_rate() -> None:
    assert physionet2012.summaries(cases()).tolist() == [[4.0, 6.0, 8.0, 7.0, 0.75, 0.5]]
    empty = Cases("series", (X[:2],), ("a", "b"), ("p",), "X")
    found = physionet2012.summaries(empty)
    np.testing.assert_array_equal(found, [[2.0, NAN, 3.0, NAN, 1.0, 0.0]])


def test_a_step_of_the_grid_is_the_mean_of_what_was_measured_in_it() -> None:
    found = physionet2012.gridded(cases(), 1.0)
    np.testing.assert_array_equal(found.inputs[0], [[2.0, NAN], [NAN, 5.0], [8.0, 7.0]])
    assert found.times is not None
    assert found.times[0].tolist() == [0.0, 3600.0, 7200.0]
    assert physionet2012.gridded(cases(), 0.0) is not None
    assert physionet2012.without_flag(found).features == ("a",)


def test_a_window_ends_ahead_of_the_reading_that_it_tells() -> None:
    values = np.arange(30.0)[:, None] * [1.0, 10.0]
    values[23, 0] = NAN
    days, last, wanted = beijing_pm25.windows(values, 0, 30, 1)
    assert wanted.tolist() == [24.0, 25.0, 26.0, 27.0, 28.0, 29.0]
    assert last.tolist() == [22.0, 24.0, 25.0, 26.0, 27.0, 28.0]
    assert days[0][-1].tolist()[1] == 230.0
    assert beijing_pm25.filled(days)[0, -2:].tolist() == [22.0, 230.0]
    assert np.isfinite(beijing_pm25.filled(days)).all()


@pytest.mark.deep
@pytest.mark.data
@pytest.mark.parametrize("module", [physionet2012, beijing_pm25])
def test_the_quick_command_writes_its_figures(
    module: object, real_data: Path, tmp_path: Path
) -> None:
    name = str(module.__name__).rpartition(".")[2]  # type: ignore[attr-defined]  # modules have one
    out = tmp_path / "figures.json"
    arguments = ["--data", str(real_data / name), "--quick", "--json", str(out)]
    module.main(arguments)  # type: ignore[attr-defined]  # each has its main
    record = json.loads(out.read_text("utf-8"))
    assert (record["task"], record["seed"], record["quick"]) == (name, 0, True)
    assert len(record["rows"]) == 5
