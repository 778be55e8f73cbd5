"""The commands of both taggers train, choose on dev, measure on test and write the result."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from benchmarks.tasks import resume_ner, ud_en_ewt


def sentences(path: Path, separator: str, pairs: list[tuple[str, str]], count: int) -> None:
    generator = random.Random(path.name)
    lines = []
    for _ in range(count):
        lines += [separator.join(generator.choice(pairs)) for _ in range(4)] + [""]
    path.write_text("\n".join(lines), "utf-8")


@pytest.mark.parametrize(
    ("module", "names", "separator", "pairs", "figure"),
    [
        (resume_ner, "{}.char.bmes", " ", [("人", "S-NAME"), ("，", "O")], "entity_f1"),
        (ud_en_ewt, "{}.tsv", "\t", [("Dog", "NOUN"), ("runs", "VERB")], "accuracy"),
    ],
)
def test_it_measures_and_writes(
    module: Any,
    names: str,
    separator: str,
    pairs: list[tuple[str, str]],
    figure: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for part, count in (("train", 60), ("dev", 10), ("test", 10)):
        sentences(tmp_path / names.format(part), separator, pairs, count)
    path = tmp_path / "found.json"
    row = module.main(["--data", str(tmp_path), "--json", str(path), "--quick", "--seed", "3"])
    tree = json.loads(path.read_text("utf-8"))
    assert (tree["seed"], tree["quick"]) == (3, True)
    assert tree["settings"].keys() >= module.SETTINGS.keys()
    assert (tree["settings"]["seed"], tree["settings"]["hidden"]) == (3, 16)
    assert tree["rows"][0]["test"] == row.test
    assert row.figure == figure
    assert 0 <= row.test <= 100
    assert row.floor == module.FLOOR == 92.5
    assert 1 <= row.epoch <= 2
    assert f"published {module.PUBLISHED}, floor 92.5" in capsys.readouterr().out
