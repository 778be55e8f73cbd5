"""Reading a bundle: every name, hash, shape, dtype and value is checked before anything runs.

`recurra.spec.manifest` says what a bundle's folder holds; `recurra.runtime.writing` writes it.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recurra.codecs import codec_from_json, tail_from_arrays
from recurra.decode import decoder_from_json
from recurra.errors import BundleError
from recurra.runtime.golden import Golden, golden_from_arrays
from recurra.runtime.models import check_parts
from recurra.runtime.parts import Parts
from recurra.spec.manifest import Manifest
from recurra.spec.report import CERTIFICATE_CLAIMS
from recurra.spec.tensors import tensors_from_bytes

__all__ = ["MANIFEST", "VIEWS", "Bundle", "bundle_from_bytes", "check_certificate", "read_bundle"]

MANIFEST = "manifest.json"
VIEWS = ("certificate.json", "README.md")
_ROLES = {"weights", "golden"}
# Of models that go on learning where they stopped.
_TAIL = "tail"
# No manifest or view of ours comes near; the bound keeps a forged one from filling the memory.
_MOST_TEXT_BYTES = 256 * 2**20
# A writer may replace the bundle while it is read; each try reads a manifest that is new.
_MOST_TRIES = 10

# Name and most bytes -> content.
Read = Callable[[str, int], bytes]


@dataclass(frozen=True)
class Bundle:
    """A bundle's content, checked; nothing of it has run yet.

    Args:
        manifest: Names and hashes.
        parts: The model.
        golden: Inputs and answers to replay.
        tail: Raw cases ahead of those that come next, where learning goes on from them.
    """

    manifest: Manifest
    parts: Parts
    golden: Golden
    tail: tuple[Any, ...] = ()


def read_bundle(folder: str | Path) -> Bundle:
    """Read and check a bundle.

    Raises:
        BundleError: it is missing, damaged, incomplete, of a newer version, or forged.
    """
    folder = Path(folder)

    def read(name: str, most: int) -> bytes:
        return _read_file(folder / name, most)

    try:
        if not folder.is_dir():
            what = "is a file, not a folder" if folder.exists() else "does not exist"
            raise BundleError(f"expected a bundle's folder, but it {what}")
        raw = read(MANIFEST, _MOST_TEXT_BYTES)
        for _ in range(_MOST_TRIES):
            try:
                return bundle_from_bytes(raw, read)
            except BundleError as error:
                refusal = error
            # The files may be those of a newer manifest than the one that was read before them.
            again = read(MANIFEST, _MOST_TEXT_BYTES)
            if again == raw:
                break
            raw = again
        raise refusal
    except BundleError as error:
        raise BundleError(f"bundle {folder}: {error}") from None
    except OSError as error:
        raise BundleError(f"bundle {folder}: cannot be read: {error.strerror}") from None


def bundle_from_bytes(manifest: bytes, read: Read) -> Bundle:
    """A bundle from its manifest's bytes and a way to read its other files.

    Args:
        manifest: Content of manifest.json.
        read: Name and most bytes -> content; raises BundleError where there is none.

    Raises:
        BundleError: as `read_bundle`.
    """
    said = Manifest.from_bytes(manifest)
    if set(said.files) - {_TAIL} != _ROLES or set(said.views) != set(VIEWS):
        raise BundleError(
            "manifest.json must name weights, golden, maybe tail, and both views, nothing else"
        )
    check_certificate(said.certificate)
    parts = Parts(
        task=said.task,
        graphs=said.graphs,
        weights=_tensors(said, "weights", read),
        codec=codec_from_json(said.codec),
        decoder=decoder_from_json(said.decoder),
    )
    check_parts(parts)
    if parts.fingerprint() != said.fingerprint:
        raise BundleError("manifest.json: fingerprint is not that of its content: forged or edited")
    golden = golden_from_arrays(said.golden, _tensors(said, "golden", read), parts.codec)
    for name, hashes in said.views.items():
        if hashlib.sha256(read(name, _MOST_TEXT_BYTES)).hexdigest() not in hashes:
            raise BundleError(f"{name} is damaged or was edited: copy the bundle again")
    tail = tail_from_arrays(parts.codec, _tensors(said, _TAIL, read)) if _TAIL in said.files else ()
    return Bundle(said, parts, golden, tail)


def _tensors(manifest: Manifest, role: str, read: Read) -> dict[str, Any]:
    file = manifest.files[role]
    if not file.name.startswith(f"{role}-"):
        raise BundleError(f"manifest.json: {role} are said to be in {file.name}")
    raw = read(file.name, file.size)
    if len(raw) != file.size:
        raise BundleError(
            f"{file.name} is truncated: expected {file.size} bytes, got {len(raw)}: "
            "copy the bundle again"
        )
    if hashlib.sha256(raw).hexdigest() != file.sha256:
        raise BundleError(f"{file.name} is damaged (its sha256 differs): copy the bundle again")
    return tensors_from_bytes(raw, file.name)[0]


def check_certificate(tree: Mapping[str, Any]) -> None:
    """Refuse with a BundleError what is no `spec.report.Certificate`."""
    claims = tree.get("claims")
    if set(tree) != {"isa", "dtype", "claims"} or not isinstance(claims, dict):
        raise BundleError("manifest.json: certificate must say isa, dtype and claims")
    if not isinstance(tree["isa"], str) or not isinstance(tree["dtype"], str):
        raise BundleError("manifest.json: certificate: isa and dtype must be texts")
    for name, claim in claims.items():
        if name not in CERTIFICATE_CLAIMS:
            raise BundleError(f"manifest.json: certificate has an unknown claim {name!r}")
        if not isinstance(claim, dict) or set(claim) != {"max_abs_diff", "promised", "note"}:
            raise BundleError(
                f"manifest.json: claim {name!r} must say max_abs_diff, promised, note"
            )
        figures = [claim["promised"]]
        if claim["max_abs_diff"] is not None:
            figures.append(claim["max_abs_diff"])
        numbers = all(isinstance(f, int | float) and not isinstance(f, bool) for f in figures)
        if not numbers or not isinstance(claim["note"], str):
            raise BundleError(f"manifest.json: claim {name!r} holds something of a wrong type")


def _read_file(path: Path, most: int) -> bytes:
    """A plain file's content, at most `most` bytes; never a link, a pipe or a device."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
    # Opening a pipe would wait for its writer; a link may lead out of the bundle.
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        if path.is_symlink():
            raise BundleError(f"{path.name} is a link: copy the files themselves (cp -rL)")
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        missing = "no bundle, or one that is not complete" if path.name == MANIFEST else "not whole"
        raise BundleError(f"{path.name} is missing, so it is {missing}: copy it again") from None
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise BundleError(f"{path.name} is not a plain file")
        if about.st_size > most:
            raise BundleError(
                f"{path.name} has {about.st_size} bytes, more than the {most} that it may have: "
                "copy the bundle again"
            )
        return file.read(most)
