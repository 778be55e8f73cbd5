"""The command trains every language that it is asked for and writes what it promises."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from benchmarks.tasks import g2p


def test_it_measures_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On words of two made-up languages, small and for two epochs."""
    generator = random.Random(0)
    for part, count in (("train", 60), ("dev", 10), ("test", 10)):
        (tmp_path / part).mkdir()
        for language in ("fre", "kor"):
            words = ["".join(generator.choices("abc", k=3)) for _ in range(count)]
            lines = [f"{word}\t{' '.join(word.upper())}" for word in words]
            (tmp_path / part / f"{language}_{part}.tsv").write_text("\n".join(lines), "utf-8")
    path = tmp_path / "g2p.json"
    given = ["--data", str(tmp_path), "--json", str(path), "--quick", "--languages", "kor", "fre"]
    g2p.main(given)
    record = json.loads(path.read_text("utf-8"))
    assert [row["language"] for row in record["rows"]] == ["kor", "fre"]
    assert (record["task"], record["seed"], record["quick"]) == ("g2p", 0, True)
    for row in record["rows"]:
        assert 0 <= row["word_error_rate"] <= 100
        assert row["published"] == g2p.PUBLISHED[row["language"]]
        assert 1 <= row["epoch"] <= 2
    shown = capsys.readouterr().out.splitlines()
    assert [line[:3] for line in shown] == ["kor", "fre"]
    assert "published 46.89, floor 32.00" in shown[0]


def test_the_floors_are_those_that_are_asked_for() -> None:
    """Named ones, and the baseline plus 4 elsewhere."""
    named = {"fre": 8.2, "hun": 7.3, "vie": 5.0, "kor": 32.0}
    assert {n: named.get(n, r + 4) for n, r in g2p.PUBLISHED.items()} == g2p.FLOORS
    assert len(g2p.FLOORS) == 10
