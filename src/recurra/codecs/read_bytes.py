"""The bytes of a file, and bytes as text, or one clear sentence."""

from __future__ import annotations

import codecs
from pathlib import Path

from recurra.errors import DataError, SettingsError

__all__ = ["UTF_8", "decode_text", "read_bytes", "read_text"]

UTF_8 = "utf-8"
# Looked for in this order where a file is not UTF-8; UTF-16 files begin with a mark.
_GUESSES = ("utf-16", "gb18030", "big5")
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# The characters of everyday writing: bytes that are text make few others.
_EVERYDAY = {"gb18030": "gb2312", "big5": "big5"}
_MOSTLY = 0.9
# So much of a line shows a reader whether it was guessed well.
_SHOWN = 24


def read_text(path: Path, encoding: str = UTF_8) -> str:
    """The text of a file; the errors of `read_bytes` and `decode_text`."""
    return decode_text(read_bytes(path), path, encoding)


def read_bytes(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        DataError: it is missing, a folder, unreadable or empty.
    """
    try:
        is_folder = path.is_dir()
        content = b"" if is_folder else path.read_bytes()
    except OSError as error:
        raise DataError(
            f"expected a readable file, but {error.strerror or error}: check the path", path=path
        ) from None
    except ValueError as error:
        raise DataError(f"expected a path, but {error}: check it", path=repr(str(path))) from None
    if is_folder:
        raise DataError("expected a file, got a folder: name a file in it", path=path)
    if not content:
        raise DataError("expected cases, got an empty file: check how it was written", path=path)
    return content


def decode_text(content: bytes, path: Path, encoding: str = UTF_8) -> str:
    """Bytes as text, without a byte order mark.

    Args:
        content: What was read.
        path: Of the file, for messages.
        encoding: As Python names it.

    Raises:
        DataError: with the line and the offset of the first byte that is not text, and the
            encoding in which it would be.
        SettingsError: there is no such encoding.
    """
    named = _known(encoding)
    plain = named == UTF_8
    offset = content.find(b"\x00") if plain else -1
    problem = "a zero byte"
    text = ""
    try:
        text = content.decode(named)
    except UnicodeDecodeError as error:
        if offset < 0 or error.start < offset:
            offset, problem = error.start, f"the byte 0x{content[error.start]:02x}"
    if not plain and offset < 0 and "\x00" in text:
        offset = len(text[: text.index("\x00")].encode(named))
    if offset >= 0:
        raise DataError(
            f"expected {'UTF-8' if plain else encoding} text, got {problem} at byte {offset}: "
            + _advice(content, offset, named),
            path=path,
            line=content[:offset].decode(named, "ignore").count("\n") + 1,
        )
    return text.removeprefix("\ufeff")


def _known(encoding: str) -> str:
    try:
        "a".encode(encoding)
        return codecs.lookup(encoding).name
    except (LookupError, UnicodeError, ValueError):
        raise SettingsError(
            f"encoding: expected the name of a text encoding, such as utf-8, gb18030, big5, utf-16 "
            f"or latin-1, got {encoding!r}"
        ) from None


def _advice(content: bytes, offset: int, named: str) -> str:
    for guess in _GUESSES:
        if guess == named:
            continue
        text = _read_as(content, guess)
        if text is not None:
            begin = text[: len(content[:offset].decode(guess, "ignore"))].rfind("\n") + 1
            shown = text[begin:].lstrip("\ufeff").split("\n", 1)[0].strip()[:_SHOWN]
            return (
                f"as {guess} this line begins {shown!r}: if that is right, give --encoding {guess}"
            )
    return (
        "name its encoding with --encoding, or save the file as UTF-8"
        if named == UTF_8
        else "name the right encoding"
    )


def _read_as(content: bytes, encoding: str) -> str | None:
    """The text where the bytes are one in this encoding, by all that can be seen."""
    if encoding == "utf-16" and not content.startswith(_UTF_16_MARKS):
        return None
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return None
    if "\x00" in text:
        return None
    everyday = _EVERYDAY.get(encoding)
    if everyday is None:
        return text
    others = [sign for sign in text if not sign.isascii()]
    known = sum(sign == sign.encode(everyday, "ignore").decode(everyday) for sign in others)
    return text if others and known >= _MOSTLY * len(others) else None
