"""An answer is written under the same names in every format."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recurra.cli import main
from recurra.cli.answers import WRITERS, writer_for
from recurra.codecs.read_tags import read_tag_cases
from recurra.errors import OutputError
from recurra.spec.settings import DataSettings


def test_the_name_says_the_format() -> None:
    for ending, writer in WRITERS.items():
        assert writer_for(Path(f"a{ending.upper()}")) is writer
    with pytest.raises(OutputError, match="no ending"):
        writer_for(Path("answers"))


def test_tags_come_as_a_file_that_is_read_again(
    tmp_path: Path, bundle: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A token and its tag a line: what is written evaluates without a fault."""
    file = tmp_path / "人名.bio"
    file.write_text("# B-X\n张\u3000三 O\n好 B-X\n\n李 B-X\n四 I-X\n\n" * 8, "utf-8")
    small = ["--hidden", "4", "--epochs", "1", "--threads", "1", "--quiet"]
    assert main(["fit", str(file), *small, "--out", str(tmp_path / "tagger")]) == 0
    out = tmp_path / "answers.conll"
    assert main(["predict", str(tmp_path / "tagger"), str(file), "--out", str(out)]) == 0
    asked, said = (read_tag_cases(path, DataSettings()) for path in (file, out))
    assert said.inputs == asked.inputs
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "tagger"), str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == 1.0
    assert main(["predict", str(bundle), str(table), "--out", str(tmp_path / "b.conll")]) == 2
    assert "which this bundle does not give: take .csv" in capsys.readouterr().err
