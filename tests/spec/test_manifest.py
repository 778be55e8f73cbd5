"""A manifest comes back as it was written, and anything else in it is a BundleError."""

from __future__ import annotations

from typing import Any

import pytest

from recurra.errors import BundleError
from recurra.spec.graph import Graph, Step
from recurra.spec.manifest import DataFile, Manifest, is_data_file
from recurra.spec.node import Signal
from recurra.spec.nodes import Pool

HASH = "0123456789abcdef" * 4
GRAPH = Graph({"x": Signal("steps", 2)}, (Step("pool", Pool(size=2), ("x",)),), ("pool",))


@pytest.fixture
def manifest() -> Manifest:
    return Manifest(
        recurra="1.2.3",
        task="classify",
        graphs={"main": GRAPH},
        codec={"mean": [0.1, -0.0, 1e-300]},
        decoder={"kind": "x"},
        fingerprint=HASH,
        golden={"isa": "avx2", "tolerance": 1e-5},
        certificate={},
        files={"weights": DataFile(f"weights-{HASH[:16]}.safetensors", HASH, 12)},
        views={"README.md": (HASH, HASH)},
    )


def test_it_comes_back_as_it_was(manifest: Manifest) -> None:
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert Manifest.from_bytes(manifest.to_bytes()) == manifest
    assert Manifest.from_bytes(manifest.to_bytes()).to_bytes() == manifest.to_bytes()


def test_the_seal_finds_every_edit(manifest: Manifest) -> None:
    raw = manifest.to_bytes()
    assert raw.count(b"\n ") > 10
    for edited in (
        raw.replace(b"1.2.3", b"1.2.4"),
        raw.replace(b"\n ", b"\n  ", 1),
        raw + b"\n",
        raw.replace(b'"sha256"', b'"sha25\\u0036"'),
        raw.replace(b'"version": 1', b'"version": 2'),
        raw[: raw.rindex(b",")] + b"\n}",
        b"{}",
        b"[]",
    ):
        assert edited != raw
        with pytest.raises(BundleError):
            Manifest.from_bytes(edited)


FORGED: list[tuple[dict[str, Any], str]] = [
    ({"format": "zip"}, "not a recurra bundle"),
    ({"version": 2}, "update recurra"),
    ({"version": True}, "whole number"),
    ({"version": "1"}, "whole number"),
    ({"more": 1}, "missing or unknown"),
    ({"recurra": 3}, "recurra has the wrong type"),
    ({"views": []}, "views has the wrong type"),
    ({"fingerprint": "xyz"}, "fingerprint is not a sha256"),
    ({"graphs": {"main": {}}}, "graph must have exactly"),
    ({"files": {"weights": {}}}, "must say name"),
    ({"files": {"weights": {"name": "a/b", "sha256": HASH, "size": 1}}}, "no bundle gives"),
    (
        {
            "files": {
                "weights": {
                    "name": f"weights-{'f' * 16}.safetensors",
                    "sha256": HASH,
                    "size": 1,
                }
            }
        },
        "do not agree",
    ),
    (
        {
            "files": {
                "weights": {
                    "name": f"weights-{HASH[:16]}.safetensors",
                    "sha256": HASH,
                    "size": -1,
                }
            }
        },
        "has no size",
    ),
    ({"views": {"other.md": []}}, "unknown view"),
    ({"views": {"README.md": ["x"]}}, "no sha256"),
]


@pytest.mark.parametrize(("change", "reason"), FORGED)
def test_a_forged_tree_is_refused(manifest: Manifest, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(BundleError, match=reason):
        Manifest.from_json(manifest.to_json() | change)


def test_a_tree_that_is_none_is_refused() -> None:
    for tree in (None, [], "x", {}):
        with pytest.raises(BundleError, match="not a recurra bundle"):
            Manifest.from_json(tree)


def test_data_files_are_known_by_name() -> None:
    assert is_data_file(f"golden-{HASH[:16]}.safetensors")
    assert not is_data_file("model.safetensors")
    assert not is_data_file(f"../golden-{HASH[:16]}.safetensors")
