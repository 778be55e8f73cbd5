"""Only a command's own folder is written into again."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurra.errors import OutputError
from recurra.train.own_folder import require_own_folder, says


def marked(folder: Path) -> bool:
    return (folder / "mark").exists()


def test_new_empty_and_own_folders_are_taken(tmp_path: Path) -> None:
    assert not require_own_folder(tmp_path / "a" / "new", marked, "search")
    (tmp_path / "a" / "new" / ".recurra-0123456789abcdef.tmp").touch()
    (tmp_path / "a" / "new" / "lock").touch()
    assert not require_own_folder(tmp_path / "a" / "new", marked, "search", beside=("lock",))
    (tmp_path / "a" / "new" / "mark").touch()
    assert require_own_folder(tmp_path / "a" / "new", marked, "search")


def test_any_other_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    for name in ("d", "c", "b", "a"):
        (tmp_path / name).touch()
    with pytest.raises(OutputError, match=r"no search of recurra \(a, b, c, \.\.\.\): choose"):
        require_own_folder(tmp_path, marked, "search")
    with pytest.raises(OutputError, match="a file stands where a folder goes"):
        require_own_folder(tmp_path / "a", marked, "search")


@pytest.mark.parametrize("text", ["", "no JSON", "[1]", '{"a": 1}', "\xff"])
def test_what_a_file_does_not_say(text: str, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_bytes(text.encode("latin-1"))
    assert not says(tmp_path / "plan.json", "a", "b")
    assert not says(tmp_path / "nowhere.json", "a")
    assert says(tmp_path / "plan.json", "a") == text.startswith("{")
