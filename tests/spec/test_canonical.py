"""Canonical JSON is the same bytes for the same tree, and anything forged is a BundleError."""

import pytest

from recurra.errors import BundleError
from recurra.spec.canonical import json_from_bytes, json_to_bytes


def test_a_tree_comes_back_with_its_order_and_its_bytes() -> None:
    tree = {"b": [1, 2.5, -0.0, 1e-300, None, True], "a": {"é\ud800": "x"}}
    raw = json_to_bytes(tree)
    again = json_from_bytes(raw, "tree")
    assert again == tree
    assert list(again) == ["b", "a"]
    assert json_to_bytes(again) == raw


def test_what_json_does_not_know_is_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_to_bytes({"a": float("nan")})


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a": 1, "a": 2}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b"\xff\xfe{}",
        b"{",
        b"",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"1" * 5000,
    ],
)
def test_a_forged_text_is_refused(raw: bytes) -> None:
    with pytest.raises(BundleError, match="tree: "):
        json_from_bytes(raw, "tree")
