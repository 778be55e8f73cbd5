"""Bytes are read or refused with the reason; text is refused with line, offset and what helps."""

import os
from pathlib import Path

import pytest

from recurra.codecs.read_bytes import decode_text, read_bytes, read_text
from recurra.errors import DataError, SettingsError


def test_bytes_are_the_files(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"\x00abc")
    assert read_bytes(tmp_path / "f") == b"\x00abc"


def test_a_missing_file_a_folder_and_an_empty_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name, words in (
        ("missing", "missing: expected a readable file, but No such file"),
        ("", "expected a file, got a folder"),
        ("empty", "empty: expected cases, got an empty file"),
        ("empty/below", "Not a directory"),
        ("nul\0byte", "null byte"),
        ("long" * 1000, "name too long"),
    ):
        with pytest.raises(DataError, match=words):
            read_bytes(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every file")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"a")
    (tmp_path / "f").chmod(0)
    with pytest.raises(DataError, match="Permission denied"):
        read_bytes(tmp_path / "f")


def test_a_byte_order_mark_is_no_text() -> None:
    assert decode_text(b"\xef\xbb\xbfa\r\nb", Path("f")) == "a\r\nb"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a\nb\xff", "f, line 2: expected UTF-8 text, got the byte 0xff at byte 3"),
        (b"a\n\x00\xff", "f, line 2: expected UTF-8 text, got a zero byte at byte 2"),
        (b"\xff\x00", "line 1: .* the byte 0xff at byte 0"),
        ("ü".encode("latin-1"), "0xfc at byte 0: name its encoding .* or save the file as UTF-8"),
        ("a,b\nc\n".encode("utf-16"), "line 1: .* begins 'a,b': .* give --encoding utf-16"),
        (
            "评价,类别\n很好吃,好\n".encode("gbk"),
            "f, line 1: .* as gb18030 this line begins '评价,类别': .* --encoding gb18030",
        ),
        (
            b"text,label\n" + "送餐的味道𠀀很好也可以,好\n".encode("gb18030"),
            "line 2: .* as gb18030 this line begins '送餐的味道𠀀很好也可以,好'",
        ),
        ("評論,類別\n很好吃,正面\n".encode("big5"), "as big5 this line begins '評論,類別'"),
        # Bytes that gb18030 can read too, as characters that nobody writes.
        ("naïve café, déjà vu".encode("latin-1"), "name its encoding with --encoding"),
    ],
)
def test_what_is_not_text_is_refused_with_its_place(content: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        decode_text(content, Path("f"))


@pytest.mark.parametrize("encoding", ["gbk", "GB18030", "gb2312", "utf-16", "utf-8-sig", "UTF8"])
def test_a_named_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "f").write_bytes("评价,类别\r\n很好吃,好\n".encode(encoding))
    assert read_text(tmp_path / "f", encoding) == "评价,类别\r\n很好吃,好\n"


def test_a_wrong_or_unknown_encoding_is_refused() -> None:
    chinese = "甲\n评价,类别,评价\n".encode("gb18030")
    with pytest.raises(DataError, match=r"line 2: expected ascii text, .* --encoding gb18030"):
        decode_text(b"text\n" + chinese, Path("f"), "ascii")
    with pytest.raises(DataError, match="line 2: expected gbk text, got a zero byte at byte 3: "):
        decode_text("甲\n\0".encode("gbk"), Path("f"), "gbk")
    for name in ("gb180300", "base64", "", "\0"):
        with pytest.raises(SettingsError, match="expected the name of a text encoding"):
            decode_text(chinese, Path("f"), name)
