"""What the tests of codecs share: files from text, settings, and the sentence of a refusal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recurra.codecs import read_cases
from recurra.errors import DataError
from recurra.spec.settings import DataSettings

GOOD = "id,time,a,b,label\np,0,1,10,up\np,1,2,20,up\nq,0,3,30,down\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes, str], Path]:
    """Write a file of that content and name, and give its path."""

    def write(content: str | bytes, name: str = "data.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def refusal(write: Callable[..., Path]) -> Callable[..., DataError]:
    """The error with which a file of that content is refused; one sentence, no path in it twice."""

    def refusal(
        content: str | bytes,
        name: str = "data.csv",
        *,
        expect: Any = None,
        need_target: bool = True,
        **settings: Any,
    ) -> DataError:
        path = write(content, name)
        with pytest.raises(DataError) as caught:
            read_cases(path, DataSettings(**settings), expect=expect, need_target=need_target)
        message = str(caught.value)
        assert "\n" not in message
        assert message.count(str(path)) == 1 or settings.get("labels")
        return caught.value

    return refusal
