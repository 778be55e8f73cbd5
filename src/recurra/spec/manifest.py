"""`manifest.json`: what a bundle's folder holds, with the hash of every file.

manifest.json                renamed into place last; names every data file with its sha256, and
                             ends with the sha256 of all that stands before that last line
weights-<hash>.safetensors   parameters by path, as `Graph.parameters` names them
golden-<hash>.safetensors    raw input and decoded output, replayed at load
tail-<hash>.safetensors      where learning goes on from: the last rows or symbols learnt
certificate.json, README.md  views for people and machines; the manifest lists the hashes that
                             they may have (this bundle's and, after a replacement, the
                             replaced one's, so that no moment of the replacement is refused)
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recurra.errors import BundleError, SpecError
from recurra.spec.canonical import json_from_bytes, json_to_bytes
from recurra.spec.graph import Graph

__all__ = ["BUNDLE_FORMAT", "BUNDLE_VERSION", "DataFile", "Manifest", "is_data_file"]

BUNDLE_FORMAT = "recurra-bundle"
# A bundle of a newer version is refused; each older one stays readable.
BUNDLE_VERSION = 1

_HASH = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z]+-[0-9a-f]{16}\.safetensors")
# The manifest's last line, with which every flipped bit of the others is found.
_SEAL = re.compile(rb',\n "sha256": "([0-9a-f]{64})"\n}')
_SEAL_BYTES = len(b',\n "sha256": ""\n}') + 64
_KEYS = {
    "format",
    "version",
    "recurra",
    "task",
    "graphs",
    "codec",
    "decoder",
    "fingerprint",
    "golden",
    "certificate",
    "files",
    "views",
}


@dataclass(frozen=True)
class DataFile:
    """One data file: `<role>-<first 16 hex digits of sha256>.safetensors`."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """The bundle's table of contents and everything in it that is not an array.

    Args:
        recurra: Version of the package that wrote it.
        task: "classify", "regress", ...
        graphs: Networks by name; one-network tasks call theirs "main".
        codec: Trees of JSON values that `codecs.codec_from_json` reads.
        decoder: Tree of JSON values that `decode.decoder_from_json` reads.
        fingerprint: sha256 of graphs, codec, decoder and weights; states carry it.
        golden: {"isa": instruction set that made the pair, "tolerance": float for the others}.
        certificate: As in `spec.report.Certificate`.
        files: Role ("weights", "golden", where learning goes on also "tail") -> DataFile.
        views: File name -> sha256 values that it may have.
        version: Of the format.
    """

    recurra: str
    task: str
    graphs: Mapping[str, Graph]
    codec: Mapping[str, Any]
    decoder: Mapping[str, Any]
    fingerprint: str
    golden: Mapping[str, Any]
    certificate: Mapping[str, Any]
    files: Mapping[str, DataFile]
    views: Mapping[str, tuple[str, ...]]
    version: int = BUNDLE_VERSION

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` gives the same manifest back."""
        return {
            "format": BUNDLE_FORMAT,
            "version": self.version,
            "recurra": self.recurra,
            "task": self.task,
            "graphs": {name: graph.to_json() for name, graph in self.graphs.items()},
            "codec": dict(self.codec),
            "decoder": dict(self.decoder),
            "fingerprint": self.fingerprint,
            "golden": dict(self.golden),
            "certificate": dict(self.certificate),
            "files": {
                role: {"name": f.name, "sha256": f.sha256, "size": f.size}
                for role, f in self.files.items()
            },
            "views": {name: list(hashes) for name, hashes in self.views.items()},
        }

    def to_bytes(self) -> bytes:
        """The file's content, sealed with its own sha256."""
        body = json_to_bytes(self.to_json()).removesuffix(b"\n}")
        return body + b',\n "sha256": "%s"\n}' % hashlib.sha256(body).hexdigest().encode()

    @staticmethod
    def from_bytes(raw: bytes) -> Manifest:
        """Read what `to_bytes` wrote.

        Raises:
            BundleError: as `from_json`, and where a single bit differs.
        """
        tree = json_from_bytes(raw, "manifest.json")
        seal = _SEAL.fullmatch(raw[-_SEAL_BYTES:])
        body = raw[:-_SEAL_BYTES]
        if seal is None or hashlib.sha256(body).hexdigest().encode() != seal[1]:
            raise BundleError("manifest.json is damaged or was edited: copy the bundle again")
        if isinstance(tree, dict):
            tree.pop("sha256")
        return Manifest.from_json(tree)

    @staticmethod
    def from_json(tree: Any) -> Manifest:
        """Read what `to_json` wrote.

        Raises:
            BundleError: not a bundle, a newer version, or anything missing, unknown or misshapen.
        """
        if not isinstance(tree, dict) or tree.get("format") != BUNDLE_FORMAT:
            raise BundleError("not a recurra bundle: manifest.json does not say so")
        version = tree.get("version")
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise BundleError(f"the bundle's version must be a whole number >= 1, got {version!r}")
        if version > BUNDLE_VERSION:
            raise BundleError(
                f"the bundle has format version {version}, this recurra reads up to "
                f"{BUNDLE_VERSION}: update recurra"
            )
        if set(tree) != _KEYS:
            wrong = sorted(map(str, _KEYS ^ set(tree)))
            raise BundleError(f"manifest.json: keys missing or unknown: {wrong}")
        texts = {key: tree[key] for key in ("recurra", "task", "fingerprint")}
        objects = {
            key: tree[key]
            for key in ("graphs", "codec", "decoder", "golden", "certificate", "files", "views")
        }
        for key, value in (texts | objects).items():
            expected = str if key in texts else dict
            if not isinstance(value, expected):
                raise BundleError(f"manifest.json: {key} has the wrong type")
        if not _HASH.fullmatch(tree["fingerprint"]):
            raise BundleError("manifest.json: fingerprint is not a sha256")
        try:
            graphs = {name: Graph.from_json(graph) for name, graph in tree["graphs"].items()}
        except SpecError as error:
            raise BundleError(f"manifest.json: {error}") from None
        return Manifest(
            recurra=tree["recurra"],
            task=tree["task"],
            graphs=graphs,
            codec=tree["codec"],
            decoder=tree["decoder"],
            fingerprint=tree["fingerprint"],
            golden=tree["golden"],
            certificate=tree["certificate"],
            files={role: _data_file(role, entry) for role, entry in tree["files"].items()},
            views={name: _view(name, hashes) for name, hashes in tree["views"].items()},
            version=version,
        )


def is_data_file(name: str) -> bool:
    """Whether only a bundle gives a file this name."""
    return _NAME.fullmatch(name) is not None


def _data_file(role: str, entry: Any) -> DataFile:
    if not isinstance(entry, dict) or set(entry) != {"name", "sha256", "size"}:
        raise BundleError(f"manifest.json: file {role!r} must say name, sha256 and size")
    name, sha256, size = entry["name"], entry["sha256"], entry["size"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BundleError(f"manifest.json: file {role!r} has a name that no bundle gives: {name!r}")
    if not isinstance(sha256, str) or not _HASH.fullmatch(sha256) or sha256[:16] not in name:
        raise BundleError(f"manifest.json: file {role!r}: name and sha256 do not agree")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise BundleError(f"manifest.json: file {role!r} has no size: {size!r}")
    return DataFile(name, sha256, size)


def _view(name: str, hashes: Any) -> tuple[str, ...]:
    if name not in ("certificate.json", "README.md") or not isinstance(hashes, list):
        raise BundleError(f"manifest.json: unknown view {name!r}")
    if not all(isinstance(h, str) and _HASH.fullmatch(h) for h in hashes):
        raise BundleError(f"manifest.json: view {name!r} lists something that is no sha256")
    return tuple(hashes)
