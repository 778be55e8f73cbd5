"""Bytes are read or refused with the reason; text is UTF-8 or refused with line and offset."""

import os
from pathlib import Path

import pytest

from recurra.codecs.read_bytes import decode_text, read_bytes
from recurra.errors import DataError


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
        ("ü".encode("latin-1"), "0xfc at byte 0: save the file as UTF-8"),
        ("a,b\n".encode("utf-16"), "0xff at byte 0"),
    ],
)
def test_what_is_not_text_is_refused_with_its_place(content: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        decode_text(content, Path("f"))
