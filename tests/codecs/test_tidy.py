"""One measurement a row is pivoted: each time of an id is a step, what was not measured is NaN."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.codecs import Cases, fit_codec, inspect, read_cases
from recurra.errors import DataError
from recurra.spec.settings import DataSettings

TIDY = """id,time,what,reading,label
p,00:37,pulse,77,u
p,00:07,pulse,73,u
p,00:07,temp,35.5,u
q,01:00,temp,36.5,v
q,00:30,pulse,60,v
q,00:30,unit,1,v
"""
NAMED: dict[str, Any] = {"variable": "what", "value": "reading"}


def read(write: Any, content: str = TIDY, **more: Any) -> Cases:
    return read_cases(write(content, "f.csv"), DataSettings(**(NAMED | more)))


def listed(x: np.ndarray) -> list[list[float | None]]:
    return [[None if np.isnan(value) else value for value in row] for row in x]


def test_each_time_of_an_id_is_a_step(write: Any) -> None:
    cases = read(write)
    assert cases.ids == ("p", "q")
    assert cases.features == ("pulse", "temp", "unit")
    assert listed(cases.inputs[0]) == [[73, 35.5, None], [77, None, None]]
    assert listed(cases.inputs[1]) == [[60, None, 1], [None, 36.5, None]]
    assert cases.times is not None
    assert [clock.tolist() for clock in cases.times] == [[420.0, 2220.0], [1800.0, 3600.0]]
    assert cases.targets == ("u", "v")
    assert cases.notes == ()
    assert cases.missing == {"pulse": 0.25, "temp": 0.5, "unit": 0.75}


def test_features_choose_among_the_variables(write: Any) -> None:
    cases = read(write, features=("temp", "pulse"))
    assert cases.features == ("temp", "pulse")
    # A step at which nothing of it was measured stays: that, too, was seen.
    assert listed(cases.inputs[1]) == [[None, 60], [36.5, None]]
    assert cases.columns is not None
    assert cases.columns.ignored == ("unit",)
    with pytest.raises(DataError, match=r"column 'what': expected the variable 'puls'.*'pulse'"):
        read(write, features=("puls",))


def test_of_several_measurements_the_last_counts_and_is_said(write: Any) -> None:
    cases = read(write, TIDY + "p,00:07,temp,39.5,u\n")
    assert listed(cases.inputs[0])[0] == [73, 39.5, None]
    assert cases.notes == (
        "1 measurement repeats a variable at one time of one id: the last one of each counts",
    )


def test_a_missing_measurement_is_no_measurement(write: Any) -> None:
    cases = read(write, TIDY + "p,00:50,temp,NA,u\n")
    assert listed(cases.inputs[0])[2] == [None, None, None]


def test_a_variable_called_like_a_column_is_left_out(write: Any) -> None:
    cases = read(write, TIDY + "p,00:07,label,1,u\n")
    assert "label" not in cases.features
    assert cases.columns is not None
    assert "label" in cases.columns.ignored


def test_a_trained_model_reads_a_file_that_lacks_a_variable(write: Any) -> None:
    codec = fit_codec(read(write), DataSettings(missing="decay"), "classify")
    new = write("id,time,what,reading\nr,00:10,temp,36\nr,00:20,new,1\n", "new.csv")
    cases = read_cases(new, DataSettings(), need_target=False, expect=codec)
    assert cases.features == ("pulse", "temp", "unit")
    assert listed(cases.inputs[0]) == [[None, 36, None], [None, None, None]]
    # Its columns may be called otherwise, if that is said.
    other = write("id,time,item,reading\nr,00:10,temp,36\n", "other.csv")
    cases = read_cases(other, DataSettings(variable="item"), need_target=False, expect=codec)
    assert listed(cases.inputs[0]) == [[None, 36, None]]
    # The same as a wide table, too.
    wide = write("id,time,pulse,temp,unit\nr,00:10,,36,\n", "wide.csv")
    cases = read_cases(wide, DataSettings(), need_target=False, expect=codec)
    assert listed(cases.inputs[0]) == [[None, 36, None]]


def _told(write: Any, content: str, **training: Any) -> tuple[str, ...]:
    # Of training, where a variable must vary.
    more = "q,00:40,unit,2,v\n"
    codec = fit_codec(
        read(write, TIDY + more, **training), DataSettings(missing="last"), "classify"
    )
    # As a bundle holds it.
    codec = type(codec).from_json(codec.to_json())
    new = write("id,time,what,reading\n" + content, "new.csv")
    return read_cases(new, DataSettings(), need_target=False, expect=codec).notes


def test_a_variable_that_the_model_does_not_know_is_told(write: Any) -> None:
    all_known = "r,00:10,temp,36\nr,00:10,pulse,60\nr,00:20,unit,1\n"
    assert _told(write, all_known) == ()
    (unknown,) = _told(write, all_known + "r,00:20,puls,61\nr,00:30,puls,62\n")
    assert "not trained on it: 'puls' (2 rows); it knows 'pulse', 'temp', 'unit'" in unknown
    (absent,) = _told(write, "r,00:10,temp,36\nr,00:10,pulse,60\n")
    assert "never measured here, though the model was trained on it: 'unit'" in absent
    both = _told(write, "r,00:10,temp,36\nr,00:20,new,1\n")
    assert len(both) == 2
    # What training chose not to read is no news.
    assert _told(write, all_known, features=("temp",)) == ()


def test_a_file_without_any_variable_of_the_model_is_refused(write: Any) -> None:
    with pytest.raises(
        DataError, match=r"column 'what': expected the variables .*'pulse', 'temp', 'unit', got 'a'"
    ):
        _told(write, "r,00:10,a,36\n")


def test_its_columns_survive_the_bundle(write: Any) -> None:
    cases = read(write, features=("pulse",))
    codec = fit_codec(cases, DataSettings(missing="last"), "classify")
    again = type(codec).from_json(codec.to_json())
    assert again.columns is not None
    assert (again.columns.variable, again.columns.value) == ("what", "reading")


def test_what_is_missing_and_repeated_is_reported(write: Any) -> None:
    path = write(TIDY + "p,00:07,temp,39.5,u\n", "f.csv")
    found = inspect(path, DataSettings(**NAMED))
    assert dict(found.missing) == {"pulse": 0.25, "temp": 0.5, "unit": 0.75}
    assert any("repeats a variable" in warning for warning in found.warnings)
    assert found.role_of("variable") == "what"


@pytest.mark.parametrize(
    ("content", "settings", "words"),
    [
        (TIDY, {"value": None}, "expected value beside variable: give --value"),
        (TIDY, {"variable": None}, "expected variable beside value: give --variable"),
        (TIDY, {"variable": "whot"}, "column 'whot': .*did you mean 'what'"),
        (TIDY.replace("time", "when"), {}, "time of each measurement, got none: give --time"),
        (TIDY + "p,00:50,,1,u\n", {}, "line 8, column 'what': expected the name of a variable"),
        (TIDY + ",00:50,temp,1,u\n", {}, "line 8, column 'id': expected an id"),
        (TIDY + "p,00:50,temp,high,u\n", {}, "line 8, column 'reading': .*the text 'high'"),
        (TIDY + "p,noon,temp,1,u\n", {}, "line 8, column 'time': expected ISO dates"),
        (TIDY + "p,00:50,temp,1,v\n", {}, "line 8, column 'label': expected one target"),
    ],
)
def test_rows_that_do_not_fit_are_named(
    write: Any, content: str, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        read(write, content, **settings)


@pytest.mark.data
def test_the_published_figures_of_real_data(real_data: Path, tmp_path: Path) -> None:
    """Che et al. 2018, table 1: 4,000 stays with a known outcome, 13.85 % of them deaths."""
    import gzip

    source = real_data / "physionet2012"
    rows = gzip.decompress((source / "set-a.csv.gz").read_bytes()).decode().splitlines()
    part = [rows[0], *(row for row in rows[1:] if row.startswith("1325"))]
    (tmp_path / "a.csv").write_text("\n".join(part) + "\n")
    labels = tmp_path / "labels.csv"
    labels.write_text((source / "Outcomes-a.txt").read_text())
    settings = DataSettings(
        variable="Parameter", value="Value", labels=labels, target="In-hospital_death"
    )
    cases = read_cases(tmp_path / "a.csv", settings)
    assert cases.target_kind == "class"
    assert cases.columns is not None
    assert (cases.columns.id, cases.columns.time) == ("RecordID", "Time")
    assert "RecordID" not in cases.features
    assert np.mean([np.isnan(x).mean() for x in cases.inputs]) > 0.7
