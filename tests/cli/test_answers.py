"""An answer is written under the same names in every format."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurra.cli.answers import WRITERS, writer_for
from recurra.errors import OutputError


def test_the_name_says_the_format() -> None:
    for ending, writer in WRITERS.items():
        assert writer_for(Path(f"a{ending.upper()}")) is writer
    with pytest.raises(OutputError, match="no ending"):
        writer_for(Path("answers"))
