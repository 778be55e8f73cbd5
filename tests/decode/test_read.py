"""A decoder's JSON is read strictly: anything that `to_json` would not write is a BundleError."""

from typing import Any

import pytest

from recurra.decode import DECODER_KINDS, decoder_from_json
from recurra.errors import BundleError

FORGED: list[Any] = [
    None,
    [],
    {},
    {"kind": ["classes"]},
    {"kind": "beam", "output": "head"},
    {"kind": "classes", "output": "head"},
    {"kind": "classes", "output": "head", "classes": 3, "more": 1},
    {"kind": "classes", "output": "head", "classes": "3"},
    {"kind": "classes", "output": "head", "classes": 1},
    {"kind": "classes", "output": 3, "classes": 3},
    {"kind": "value", "output": None},
]


@pytest.mark.parametrize("tree", FORGED, ids=str)
def test_a_forged_decoder_is_refused(tree: Any) -> None:
    with pytest.raises(BundleError, match="decoder"):
        decoder_from_json(tree)


def test_every_kind_has_its_name() -> None:
    assert {"classes", "value", "tags", "beam"} <= set(DECODER_KINDS)
    assert all(name == kind.kind for name, kind in DECODER_KINDS.items())
