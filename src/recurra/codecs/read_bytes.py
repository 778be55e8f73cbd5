"""The bytes of a file, and bytes as text, or one clear sentence."""

from __future__ import annotations

from pathlib import Path

from recurra.errors import DataError

__all__ = ["decode_text", "read_bytes"]


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


def decode_text(content: bytes, path: Path) -> str:
    """UTF-8 bytes as text, without a byte order mark.

    Raises:
        DataError: with the line and the offset of the first byte that is not text.
    """
    offset = content.find(b"\x00")
    problem = "a zero byte"
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        if offset < 0 or error.start < offset:
            offset, problem = error.start, f"the byte 0x{content[error.start]:02x}"
    if offset >= 0:
        raise DataError(
            f"expected UTF-8 text, got {problem} at byte {offset}: save the file as UTF-8",
            path=path,
            line=content.count(b"\n", 0, offset) + 1,
        )
    return text.removeprefix("\ufeff")
