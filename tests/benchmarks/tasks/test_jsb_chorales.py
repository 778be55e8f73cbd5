"""The command learns chorales and writes what it promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.tasks import jsb_chorales


def test_it_measures_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a few made-up tunes, small and for two epochs."""
    for part, count in (("train", 6), ("valid", 3), ("test", 3)):
        tunes = [{"frames": [[40 + k, 52], [47], []] * 8} for k in range(count)]
        text = "".join(f"{json.dumps(tune)}\n" for tune in tunes)
        (tmp_path / f"{part}.jsonl").write_text(text, "utf-8")
    path = tmp_path / "jsb.json"
    jsb_chorales.main(
        ["--data", str(tmp_path), "--json", str(path), "--quick", "--set", "epochs=1"]
    )
    record = json.loads(path.read_text("utf-8"))
    assert (record["task"], record["seed"], record["quick"]) == ("jsb_chorales", 0, True)
    (row,) = record["rows"]
    assert row["nll"] > 0
    assert row["epochs"] == 1
    assert row["published"] == jsb_chorales.PUBLISHED
    assert f"test {row['nll']:.3f} nats" in capsys.readouterr().out


@pytest.mark.data
def test_the_real_chorales_are_read(real_data: Path) -> None:
    """229, 76 and 77 chorales of 88 possible notes."""
    folder = real_data / "jsb_chorales"
    parts = {part: jsb_chorales.read(folder, part) for part in ("train", "valid", "test")}
    assert {part: len(tunes) for part, tunes in parts.items()} == {
        "train": 229,
        "valid": 76,
        "test": 77,
    }
    assert max(note for tunes in parts.values() for t in tunes for f in t for note in f) < 88
