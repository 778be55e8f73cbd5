"""Named arrays as bytes: the safetensors format, read strictly, with nothing but numpy.

    8 bytes, little-endian: length of the header | header, JSON | the arrays' bytes

The reader trusts nothing: every size is checked against the bytes that are there before an array
is made, the arrays must fill the file without hole or overlap, and no code can be run.
Source: https://github.com/huggingface/safetensors, "Format".
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.errors import BundleError, DTypeError
from recurra.spec.canonical import json_from_bytes, json_to_bytes

__all__ = ["tensors_from_bytes", "tensors_to_bytes"]

Array = npt.NDArray[Any]

_DTYPES: Mapping[str, np.dtype[Any]] = MappingProxyType(
    {
        "BOOL": np.dtype("?"),
        "U8": np.dtype("u1"),
        "I8": np.dtype("i1"),
        "U16": np.dtype("<u2"),
        "I16": np.dtype("<i2"),
        "F16": np.dtype("<f2"),
        "U32": np.dtype("<u4"),
        "I32": np.dtype("<i4"),
        "F32": np.dtype("<f4"),
        "U64": np.dtype("<u8"),
        "I64": np.dtype("<i8"),
        "F64": np.dtype("<f8"),
    }
)
_WORDS = {dtype: word for word, dtype in _DTYPES.items()}
_METADATA = "__metadata__"
_LENGTH_BYTES = 8
# The bound of the format's own reference reader.
_LONGEST_HEADER = 100_000_000
# numpy 2 holds up to 64 axes; no tensor of ours has more than three.
_MOST_AXES = 32
# Beyond this numpy cannot address an array's bytes, even where one axis is 0.
_MOST_BYTES = 2**63 - 1


def tensors_to_bytes(
    arrays: Mapping[str, Array], metadata: Mapping[str, str] | None = None
) -> bytes:
    """The arrays and texts as one safetensors file; the same content gives the same bytes.

    Args:
        arrays: Name -> array of numbers or bools, any order of axes and bytes in memory.
        metadata: Text -> text.

    Raises:
        DTypeError: an array holds something other than numbers or bools.
    """
    header: dict[str, Any] = {_METADATA: dict(sorted((metadata or {}).items()))}
    blocks: list[bytes] = []
    end = 0

    def place(item: tuple[str, Array]) -> tuple[int, str]:
        # Wide elements first, so that each array begins at a multiple of its element's size.
        return -item[1].dtype.itemsize, item[0]

    for name, array in sorted(arrays.items(), key=place):
        dtype = array.dtype.newbyteorder("<")
        if dtype not in _WORDS or name == _METADATA:
            raise DTypeError(f"array {name!r} of {array.dtype} has no place in a safetensors file")
        block = np.ascontiguousarray(array, dtype=dtype).tobytes()
        header[name] = {
            "dtype": _WORDS[dtype],
            "shape": list(array.shape),
            "data_offsets": [end, end + len(block)],
        }
        blocks.append(block)
        end += len(block)
    text = json_to_bytes(header, indent=None)
    text += b" " * (-len(text) % _LENGTH_BYTES)
    return b"".join([len(text).to_bytes(_LENGTH_BYTES, "little"), text, *blocks])


def tensors_from_bytes(
    raw: bytes, where: str = "tensors"
) -> tuple[dict[str, Array], dict[str, str]]:
    """Read what `tensors_to_bytes`, or any other safetensors writer, wrote.

    Args:
        raw: The whole file.
        where: Its name, for the message.

    Returns:
        Name -> array (its own memory, writable); the metadata.

    Raises:
        BundleError: the bytes are no whole safetensors file, or hold a dtype that numpy lacks.
    """
    size = int.from_bytes(raw[:_LENGTH_BYTES], "little")
    if len(raw) < _LENGTH_BYTES or size > min(len(raw) - _LENGTH_BYTES, _LONGEST_HEADER):
        raise BundleError(f"{where}: truncated, or not a safetensors file")
    begin = _LENGTH_BYTES + size
    text = raw[_LENGTH_BYTES:begin]
    if not text.startswith(b"{"):
        raise BundleError(f"{where}: a safetensors header begins with an object")
    header: dict[str, Any] = json_from_bytes(text, f"{where}, header")
    metadata = header.pop(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise BundleError(f"{where}: {_METADATA} must hold texts")
    places = {name: _place(name, entry, where) for name, entry in header.items()}
    end = 0
    for name, (_, _, first, last) in sorted(places.items(), key=lambda item: item[1][2:]):
        if first != end:
            raise BundleError(f"{where}: {name!r} leaves a hole or overlaps its neighbour")
        end = last
    if end != len(raw) - begin:
        raise BundleError(f"{where}: expected {end} bytes of arrays, got {len(raw) - begin}")
    arrays = {}
    for name, (dtype, shape, first, last) in places.items():
        if dtype == np.bool_ and raw[begin + first : begin + last].strip(b"\x00\x01"):
            raise BundleError(f"{where}: {name!r} holds something that is neither true nor false")
        flat = np.frombuffer(raw, dtype, prod(shape), begin + first)
        arrays[name] = flat.reshape(shape).astype(dtype.newbyteorder("="))
    return arrays, metadata


def _place(name: str, entry: Any, where: str) -> tuple[np.dtype[Any], tuple[int, ...], int, int]:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise BundleError(f"{where}: {name!r} must say dtype, shape and data_offsets")
    word, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(word, str) or word not in _DTYPES:
        raise BundleError(f"{where}: {name!r} has a dtype that recurra does not read: {word!r}")
    if not _whole_numbers(shape) or len(shape) > _MOST_AXES:
        raise BundleError(f"{where}: {name!r} has no shape that exists")
    if not _whole_numbers(offsets) or len(offsets) != 2:
        raise BundleError(f"{where}: {name!r} has no data_offsets that exist")
    dtype = _DTYPES[word]
    # A 0 among the axes must not hide others that numpy cannot hold.
    if prod(axis or 1 for axis in shape) * dtype.itemsize > _MOST_BYTES:
        raise BundleError(f"{where}: {name!r} has a shape that no memory holds")
    first, last = offsets
    if last - first != prod(shape) * dtype.itemsize:
        raise BundleError(f"{where}: {name!r}: shape and data_offsets do not agree")
    return dtype, tuple(shape), first, last


def _whole_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(v, int) and not isinstance(v, bool) and 0 <= v <= _MOST_BYTES for v in value
    )
