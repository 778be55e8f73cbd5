"""A decoder's JSON is read strictly: anything that `to_json` would not write is a BundleError."""

from typing import Any

import pytest

from recurra.decode import DECODER_KINDS, ClassDecoder, ValueDecoder, decoder_from_json
from recurra.errors import BundleError

FORGED: list[Any] = [
    None,
    [],
    {},
    {"kind": ["classes"]},
    {"kind": "dream", "output": "head"},
    {"kind": "classes", "output": "head"},
    {"kind": "classes", "output": "head", "classes": 3, "more": 1},
    {"kind": "classes", "output": "head", "classes": "3"},
    {"kind": "classes", "output": "head", "classes": 1},
    {"kind": "classes", "output": 3, "classes": 3},
    {"kind": "value", "output": None},
    {"kind": "classes", "output": "head", "classes": 3, "temperature": 0.0},
    {"kind": "classes", "output": "head", "classes": 3, "temperature": "1"},
    {"kind": "classes", "output": "head", "classes": 2, "threshold": 2},
    {"kind": "classes", "output": "head", "classes": 3, "threshold": 0.4},
    {"kind": "classes", "output": "head", "classes": 3, "doubt": -1},
    {"kind": "value", "output": "head", "margin": -1.0},
    {"kind": "value", "output": "head", "margin": True},
]


@pytest.mark.parametrize("tree", FORGED, ids=str)
def test_a_forged_decoder_is_refused(tree: Any) -> None:
    with pytest.raises(BundleError, match="decoder"):
        decoder_from_json(tree)


def test_every_kind_has_its_name() -> None:
    assert {"classes", "value", "tags", "beam"} <= set(DECODER_KINDS)
    assert all(name == kind.kind for name, kind in DECODER_KINDS.items())


def test_a_bundle_of_before_a_field_came_is_read() -> None:
    found = decoder_from_json({"kind": "classes", "output": "head", "classes": 2})
    assert found == ClassDecoder(classes=2)
    assert decoder_from_json({"kind": "value", "output": "head"}) == ValueDecoder()
