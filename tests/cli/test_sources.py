"""A new file is read with the columns that the model was trained on, unless a flag names others."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from recurra import errors, runtime
from recurra.cli.sources import cases_for, naming
from recurra.codecs import fit_codec, read_cases
from recurra.errors import DataError, ObservationError, ShapeError, StateError
from recurra.spec.settings import DataSettings


def test_the_columns_are_those_of_training(bundle: Path, table: Path) -> None:
    cases = cases_for(runtime.load(bundle), table, {})
    assert cases.features == ("left", "right")
    assert cases.targets is None
    assert cases.ids[:2] == ("c0", "c1")
    assert cases_for(runtime.load(bundle), table, {"id": None}, need_target=True).targets


def test_a_flag_names_another_column(bundle: Path, table: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "renamed.csv"
    renamed.write_text(table.read_text().replace("case,", "who,", 1))
    model = runtime.load(bundle)
    assert len(cases_for(model, renamed, {"id": "who"})) == 24
    with pytest.raises(errors.DataError, match="nobody"):
        cases_for(model, renamed, {"id": "nobody"})


def test_what_is_odd_in_a_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head, rows = "id,time,what,reading,label", []
    for k in range(4):
        rows += [f"p{k},{t},{name},{k * t + len(name)},{k % 2}" for t in (1, 2) for name in "ab"]
    learnt, new = tmp_path / "learnt.csv", tmp_path / "new.csv"
    learnt.write_text("\n".join([head, *rows]) + "\n")
    settings = DataSettings(variable="what", value="reading", missing="last")
    codec = fit_codec(read_cases(learnt, settings), settings, "classify")
    model: Any = SimpleNamespace(task="classify", codec=codec)
    cases_for(model, learnt, {})
    assert capsys.readouterr().err == ""
    new.write_text("id,time,what,reading\nr,1,a,1\nr,1,pulse,2\n")
    assert len(cases_for(model, new, {})) == 1
    unknown, absent = capsys.readouterr().err.splitlines()
    assert unknown.startswith("look at: not read, because the model was not trained on it: 'pulse'")
    assert "never measured here, though the model was trained on it: 'b'" in absent


def test_what_is_wrong_with_content_is_told_with_the_files_name() -> None:
    path = Path("数据.csv")
    for error in (DataError("bad"), ObservationError("bad"), ShapeError("bad")):
        with pytest.raises(DataError, match=r"^数据.csv: bad$"), naming(path):
            raise error
    with pytest.raises(DataError, match=r"^数据.csv, line 3: bad$"), naming(path):
        raise DataError("bad", path=path, line=3)
    with pytest.raises(StateError, match=r"^bad$"), naming(path):
        raise StateError("bad")
