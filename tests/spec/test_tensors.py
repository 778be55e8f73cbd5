"""The tensor file is safetensors in both directions, and damage is a BundleError, nothing else."""

import json
import random
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from recurra.errors import BundleError, DTypeError
from recurra.spec.tensors import tensors_from_bytes, tensors_to_bytes

DTYPES = ["?", "u1", "i1", "u2", "i2", "f2", "u4", "i4", "f4", "u8", "i8", "f8"]


def forge(header: Any, block: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + block


def entry(dtype: str, shape: Any, first: Any, last: Any) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [first, last]}


@st.composite
def named_arrays(draw: st.DrawFn) -> dict[str, np.ndarray]:
    names = draw(st.lists(st.text("abc.é", min_size=1, max_size=5), max_size=4, unique=True))
    random_state = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    arrays = {}
    for name in names:
        shape = tuple(draw(st.lists(st.integers(0, 4), max_size=3)))
        noise = random_state.integers(-100, 100, shape)
        arrays[name] = np.asarray(noise).astype(np.dtype(draw(st.sampled_from(DTYPES))))
    return arrays


def same(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> bool:
    def bits(arrays: dict[str, np.ndarray]) -> dict[str, tuple[Any, ...]]:
        return {k: (v.dtype.str, v.shape, v.tobytes()) for k, v in arrays.items()}

    return bits(left) == bits(right)


@settings(max_examples=60, deadline=None)
@given(named_arrays(), st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2))
def test_what_is_written_is_read_by_us_and_by_the_reference(
    arrays: dict[str, np.ndarray], metadata: dict[str, str]
) -> None:
    raw = tensors_to_bytes(arrays, metadata)
    ours, texts = tensors_from_bytes(raw)
    assert same(ours, arrays)
    assert texts == metadata
    assert same(load(raw), arrays)
    assert tensors_to_bytes(dict(reversed(arrays.items())), metadata) == raw


@settings(max_examples=40, deadline=None)
@given(named_arrays())
def test_what_the_reference_writes_is_read(arrays: dict[str, np.ndarray]) -> None:
    ours, texts = tensors_from_bytes(save(arrays, metadata={"k": "v"}))
    assert same(ours, arrays)
    assert texts == {"k": "v"}


def test_the_bytes_are_those_of_the_format() -> None:
    text = b'{"__metadata__":{},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    text += b" " * (-len(text) % 8)
    expected = len(text).to_bytes(8, "little") + text + b"\x00\x00\x80\x3f"
    assert tensors_to_bytes({"x": np.ones(1, np.float32)}) == expected


def test_views_and_foreign_byte_orders_are_written_as_their_values() -> None:
    matrix = np.arange(6, dtype=">f8").reshape(2, 3).T[::-1]
    (back,) = tensors_from_bytes(tensors_to_bytes({"m": matrix}))[0].values()
    assert back.dtype == np.float64
    assert np.array_equal(back, matrix)


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([object()]), np.ones(1, complex)])
def test_an_array_of_anything_else_is_not_written(array: np.ndarray) -> None:
    with pytest.raises(DTypeError, match="no place"):
        tensors_to_bytes({"a": array})


GOOD = entry("F32", [2], 0, 8)
ATTACKS = {
    "empty": b"",
    "short": b"\x00" * 7,
    "longer header than file": (2**63).to_bytes(8, "little") + b"{}",
    "no object": forge(b"[]"),
    "leading space": forge(b" {}"),
    "not json": forge(b"{nope}"),
    "double key": forge(b'{"a":%s,"a":%s}' % ((json.dumps(GOOD).encode(),) * 2), b"\x00" * 8),
    "nesting": forge(b'{"a":' * 50_000),
    "hole": forge({"a": entry("F32", [1], 4, 8)}, b"\x00" * 8),
    "overlap": forge({"a": GOOD, "b": entry("F32", [2], 4, 12)}, b"\x00" * 12),
    "same place": forge({"a": GOOD, "b": GOOD}, b"\x00" * 8),
    "trailing bytes": forge({"a": GOOD}, b"\x00" * 9),
    "missing bytes": forge({"a": GOOD}, b"\x00" * 7),
    "backwards": forge({"a": entry("F32", [2], 8, 0)}, b"\x00" * 8),
    "negative": forge({"a": entry("F32", [-2], -8, 0)}, b""),
    "shape too large": forge({"a": entry("F32", [2**40, 2**40], 0, 8)}, b"\x00" * 8),
    "shape hides behind 0": forge({"a": entry("F32", [0, 2**62, 2**62], 0, 0)}),
    "axis too large": forge({"a": entry("F32", [0, 2**70], 0, 0)}),
    "too many axes": forge({"a": entry("F32", [1] * 65, 0, 4)}, b"\x00" * 4),
    "float shape": forge({"a": entry("F32", [2.0], 0, 8)}, b"\x00" * 8),
    "bool shape": forge({"a": entry("F32", [True], 0, 4)}, b"\x00" * 4),
    "text shape": forge({"a": entry("F32", "2", 0, 8)}, b"\x00" * 8),
    "three offsets": forge(
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8, 8]}}, b"\x00" * 8
    ),
    "unknown dtype": forge({"a": entry("BF16", [4], 0, 8)}, b"\x00" * 8),
    "list dtype": forge({"a": {"dtype": ["F32"], "shape": [2], "data_offsets": [0, 8]}}, b"0" * 8),
    "extra key": forge({"a": GOOD | {"more": 1}}, b"\x00" * 8),
    "no entry": forge({"a": 3}),
    "metadata of numbers": forge({"__metadata__": {"a": 1}}),
    "metadata no object": forge({"__metadata__": []}),
    "neither true nor false": forge({"a": entry("BOOL", [2], 0, 2)}, b"\x01\x02"),
}


@pytest.mark.parametrize("raw", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_forged_file_is_refused_without_memory_of_its_size(raw: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(BundleError, match=r"^w\.safetensors[:,]"):
            tensors_from_bytes(raw, "w.safetensors")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20e6


def fuzz(rounds: int, seed: int) -> None:
    draw = random.Random(seed)
    arrays = {"a": np.arange(3.0), "b": np.array([True, False]), "c": np.zeros((0, 2), np.int64)}
    raw = tensors_to_bytes(arrays, {"k": "v"})
    for _ in range(rounds):
        broken = bytearray(raw)
        for _ in range(draw.randint(1, 3)):
            broken[draw.randrange(len(broken))] = draw.randrange(256)
        if draw.random() < 0.2:
            del broken[draw.randrange(len(broken)) :]
        try:
            back, texts = tensors_from_bytes(bytes(broken))
        except BundleError:
            continue
        # What is accepted is a whole file: writing it again and reading that gives the same.
        assert same(tensors_from_bytes(tensors_to_bytes(back, texts))[0], back)


def test_random_damage_gives_an_answer_or_the_typed_error() -> None:
    fuzz(3000, 0)


@pytest.mark.deep
def test_much_random_damage_gives_an_answer_or_the_typed_error() -> None:
    fuzz(300_000, 1)
