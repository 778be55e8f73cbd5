"""The benchmarks of text classifiers run on files of the same form and write what they measured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.tasks import sst2, waimai_10k


@pytest.fixture
def films(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for part, count in (("train", 60), ("dev", 20), ("test", 20)):
        lines = []
        for _ in range(count):
            label = int(random.integers(2))
            words = random.choice(["film", "plot", "scene", "the"], 5).tolist()
            lines.append(f"{' '.join([*words, ('dull', 'great')[label]])}\t{label}")
        (tmp_path / f"{part}.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    return tmp_path


@pytest.fixture
def meals(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    rows = ["label,review"]
    for _ in range(80):
        label = int(random.integers(2))
        rows.append(f'{label},"{"".join(random.choice(list("外卖很快"), 4))}{"差好"[label]}"')
    (tmp_path / "waimai_10k.csv").write_text("\n".join(rows) + "\n", "utf-8")
    return tmp_path


def test_film_reviews(films: Path, tmp_path: Path) -> None:
    row = sst2.main(["--data", str(films), "--quick", "--json", str(tmp_path / "row.json")])
    written = json.loads((tmp_path / "row.json").read_text("utf-8"))
    assert written["rows"][0]["accuracy"] == row.accuracy
    assert written["quick"] is True
    # The last word says it all, which the linear model cannot miss.
    assert row.linear_accuracy == 100.0


def test_meals(meals: Path) -> None:
    row = waimai_10k.main(["--data", str(meals), "--quick"])
    assert 0 <= row.macro_f1 <= 100
    train, dev, test = waimai_10k.read(meals)
    assert [len(part[0]) for part in (train, dev, test)] == [56, 8, 16]
    assert waimai_10k.read(meals) == (train, dev, test)
