"""Strict reading takes exactly what was written."""

from typing import Any

import pytest

from recurra.codecs import json_tree
from recurra.errors import BundleError


def test_what_fits_is_given_back() -> None:
    assert json_tree.object_of({"a": 1}, "it", {"a"}) == {"a": 1}
    assert json_tree.text("ü", "it") == "ü"
    assert json_tree.choice("a", "it", ("a", "b")) == "a"
    assert json_tree.texts([], "it") == ()
    assert json_tree.names(["a"], "it") == ("a",)
    assert json_tree.numbers([1, 2.5], "it", count=2, positive=True) == [1.0, 2.5]


@pytest.mark.parametrize(
    ("reader", "value", "words"),
    [
        (lambda v: json_tree.object_of(v, "it", {"a"}), {"b": 1}, r"at odds: \['a', 'b'\]"),
        (lambda v: json_tree.object_of(v, "it", {"a"}), [], "it must be an object, got list"),
        (lambda v: json_tree.text(v, "it"), 5, "it must be a text, got 5"),
        (lambda v: json_tree.text(v, "it"), "\ud800", "it must be a text"),
        (lambda v: json_tree.choice(v, "it", ("a",)), "b", "it must be one of a; got 'b'"),
        (lambda v: json_tree.choice(v, "it", ("a",)), ["a"], "it must be one of a"),
        (lambda v: json_tree.texts(v, "it"), ["a", "a"], "different, non-empty"),
        (lambda v: json_tree.texts(v, "it"), {}, "must be a list, got dict"),
        (lambda v: json_tree.names(v, "it"), [], "at least one name"),
        (lambda v: json_tree.numbers(v, "it", count=2), [1], "a list of 2 numbers"),
        (lambda v: json_tree.numbers(v, "it"), [True], "finite numbers, got True"),
        (lambda v: json_tree.numbers(v, "it"), [float("nan")], "finite numbers, got nan"),
        (lambda v: json_tree.numbers(v, "it", positive=True), [0], "finite positive numbers"),
    ],
)
def test_anything_else_is_refused(reader: Any, value: Any, words: str) -> None:
    with pytest.raises(BundleError, match=words):
        reader(value)
