"""What is printed reads well in a UTF-8 terminal and loses nothing in any other."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path

import pytest

from recurra.cli.printed import as_given, counted, is_utf8, json_line, print_table, quoted, shown


def stream(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace")


def test_json_says_the_same_in_every_encoding() -> None:
    """Chinese is readable where it can be; an emoji and a broken name are valid JSON anywhere."""
    tree = {"标签": "好评👍", "path": "\udce6.csv"}
    assert "好评👍" in json_line(tree, stream("utf-8"))
    for encoding in ("utf-8", "ascii", "latin-1", "gbk"):
        out = stream(encoding)
        print(json_line(tree, out), file=out, flush=True)
        assert json.loads(out.buffer.getvalue().decode(encoding)) == tree  # type: ignore[attr-defined]  # BytesIO


def test_utf8_has_many_names() -> None:
    assert all(is_utf8(stream(name)) for name in ("utf-8", "UTF8", "utf_8"))
    assert not is_utf8(stream("gbk"))


def test_one_is_no_plural() -> None:
    assert [counted(n, "window") for n in (0, 1, 2000)] == [
        "0 windows",
        "1 window",
        "2,000 windows",
    ]


@pytest.mark.parametrize(
    "name",
    ["模型", "a b", "数据 文件夹/读数.csv", "it's", "-x", "a;b", "全角（一）", "$HOME", "", "~"],
)
def test_a_quoted_name_is_one_word_for_a_shell(name: str) -> None:
    assert shlex.split(quoted(Path(name) if name else name)) == [str(Path(name)) if name else ""]


def test_names_of_letters_stand_as_they_are() -> None:
    assert quoted("模型/读数.csv") == "模型/读数.csv"
    assert quoted("模型 一") == "'模型 一'"


def test_what_a_system_without_utf8_hands_over_is_what_was_typed() -> None:
    typed = "床前明月光"
    assert as_given(typed.encode().decode("ascii", "surrogateescape")) == typed
    assert as_given(typed) == typed
    assert as_given("\udcff") == "\udcff"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_tables_columns_stand_below_one_another(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Chinese character is two columns wide; an escape is as wide as it is long."""
    out = stream(encoding)
    monkeypatch.setattr("sys.stdout", out)
    print_table(("类别", "f1"), [("好评", "0.5"), ("[red]no markup", "0.25"), ("neutral", "1")])
    out.flush()
    lines = out.buffer.getvalue().decode(encoding).splitlines()  # type: ignore[attr-defined]  # BytesIO
    assert "[red]no markup" in "".join(lines)

    def width(line: str) -> int:
        return sum(2 if "\u4e00" <= sign <= "\u9fff" else 1 for sign in line)

    assert len({width(line) for line in lines}) == 1
    assert shown("好", out) == ("好" if encoding == "utf-8" else "\\u597d")
