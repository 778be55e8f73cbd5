"""A table is read by its suffix, and a text one in the encoding that is named."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from recurra.codecs.read_table import TABLES, read_table

COLUMNS = ["编号", "温度"]


@pytest.mark.parametrize("suffix", TABLES)
def test_each_suffix_gives_the_same_table(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"读数{suffix.upper()}"
    if suffix == ".parquet":
        pl.DataFrame({"编号": ["甲", "乙"], "温度": ["1", "2"]}).write_parquet(path)
    else:
        mark = "," if suffix == ".csv" else "\t"
        rows = [COLUMNS, ["甲", "1"], ["乙", "2"]]
        path.write_bytes("".join(f"{mark.join(row)}\n" for row in rows).encode("gbk"))
    table = read_table(path, "gbk")
    assert table.columns == COLUMNS
    assert table.texts("编号") == ["甲", "乙"]
    assert table.typed == (suffix == ".parquet")
