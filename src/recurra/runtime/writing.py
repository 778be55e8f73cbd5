"""Writing a bundle: whatever happens in between, its folder holds the old one or the new one.

Data files are named by their hash, so old and new ones stand side by side; `manifest.json` is
renamed into place once everything that it names is there; only then old data files go. Views have
fixed names: the new manifest also accepts those that stood there before, and they are replaced
after it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy.typing as npt

from recurra.codecs import AbstractCodec, tail_arrays
from recurra.decode import AbstractDecoder
from recurra.errors import OutputError
from recurra.runtime.bundle import MANIFEST, VIEWS, check_certificate
from recurra.runtime.card import model_card
from recurra.runtime.golden import Golden
from recurra.runtime.models import model_of
from recurra.runtime.parts import Parts
from recurra.spec.canonical import json_to_bytes
from recurra.spec.disk import fsync_folder, is_temporary, require_new_folder, write_atomic
from recurra.spec.graph import Graph
from recurra.spec.manifest import BUNDLE_FORMAT, DataFile, Manifest, is_data_file
from recurra.spec.tensors import tensors_to_bytes
from recurra.spec.version import __version__

__all__ = ["write_bundle"]

Array = npt.NDArray[Any]


def write_bundle(
    folder: str | Path,
    *,
    task: str,
    graphs: Mapping[str, Graph],
    weights: Mapping[str, Array],
    codec: AbstractCodec,
    decoder: AbstractDecoder,
    golden: Sequence[Any],
    certificate: Mapping[str, Any],
    metrics: Mapping[str, float] | None = None,
    tail: Sequence[Any] = (),
    force: bool = False,
) -> Manifest:
    """Write a bundle, or replace one.

    Args:
        folder: Where; made if it is not there. Files in it that are no bundle's are left alone.
        task: "classify", "regress", ...
        graphs: Networks by name; {"main": the network} where there is but one.
        weights: Every parameter by its path, as the graphs' `parameters()` name them.
        codec: Raw cases -> inputs, and the target back.
        decoder: Outputs -> answers.
        golden: A few raw cases; the answers are recorded here.
        certificate: As in `spec.report.Certificate`.
        metrics: Figures on held-out cases, for the model card.
        tail: Raw cases ahead of those that come next, as `codecs.tail_of` gives them.
        force: Replace the bundle that is there.

    Returns:
        The manifest that was written.

    Raises:
        BundleError: the parts do not fit one another, a weight or a golden answer is not finite.
        OutputError: the folder holds something and `force` is off, files of a bundle's names that
            are no bundle's are in the way, or the disk is full; what was there before is whole.
    """
    folder = Path(folder)
    check_certificate(certificate)
    parts = Parts(task, graphs, weights, codec, decoder)
    model = model_of(parts)
    pair = Golden.record(model, golden)
    contents = {
        "weights": tensors_to_bytes(weights),
        "golden": tensors_to_bytes(pair.arrays(codec)),
    }
    if tail:
        contents["tail"] = tensors_to_bytes(tail_arrays(codec, tail))
    views = {
        "certificate.json": json_to_bytes(dict(certificate)) + b"\n",
        "README.md": model_card(model, certificate, metrics).encode("utf-8"),
    }
    _make_room(folder, force=force)
    standing = {name: _sha256_of(folder / name) for name in VIEWS}
    files = {role: _data_file(role, raw) for role, raw in contents.items()}
    manifest = Manifest(
        recurra=__version__,
        task=task,
        graphs=graphs,
        codec=codec.to_json(),
        decoder=decoder.to_json(),
        fingerprint=model.fingerprint,
        golden=pair.to_json(),
        certificate=certificate,
        files=files,
        views={
            name: tuple(dict.fromkeys(filter(None, (_sha256(raw), standing[name]))))
            for name, raw in views.items()
        },
    )
    _place(folder, {files[role].name: raw for role, raw in contents.items()}, views, manifest)
    return manifest


def _place(
    folder: Path, data: Mapping[str, bytes], views: Mapping[str, bytes], manifest: Manifest
) -> None:
    standing = [name for name in views if (folder / name).exists()]
    made: list[Path] = []
    try:
        for name, raw in data.items():
            path = folder / name
            if not path.exists():
                made.append(path)
            write_atomic(path, raw)
        # A view that is not there yet must be before the manifest asks for it.
        for name in (name for name in views if name not in standing):
            made.append(folder / name)
            write_atomic(folder / name, views[name])
        write_atomic(folder / MANIFEST, manifest.to_bytes())
    except OutputError:
        for path in made:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        raise
    for name in standing:
        write_atomic(folder / name, views[name])
    for path in folder.iterdir():
        if is_temporary(path.name) or (is_data_file(path.name) and path.name not in data):
            # The new bundle is whole; what cannot be removed is in nobody's way.
            with suppress(OSError):
                path.unlink()
    fsync_folder(folder)


def _make_room(folder: Path, *, force: bool) -> None:
    """Make the folder, or see that what is in it may be replaced."""
    if not folder.is_dir():
        require_new_folder(folder)
        return
    names = {path.name for path in folder.iterdir() if not is_temporary(path.name)}
    # Data files without a manifest: a write that was killed before it was done.
    unfinished = MANIFEST not in names and any(map(is_data_file, names))
    if unfinished and not {n for n in names if not is_data_file(n)} - set(VIEWS):
        return
    require_new_folder(folder, force=force)
    ours = unfinished or (MANIFEST in names and _is_manifest(folder / MANIFEST))
    foreign = sorted(names & {MANIFEST, *VIEWS})
    if foreign and not ours:
        raise OutputError(
            f"{folder / foreign[0]} is not a bundle's and would be overwritten: "
            "choose another folder"
        )


def _is_manifest(path: Path) -> bool:
    """Whether the file says that it is a bundle's, damaged or not."""
    try:
        with path.open("rb") as file:
            return BUNDLE_FORMAT.encode() in file.read(100)
    except OSError as error:
        raise OutputError(f"cannot read {path}: {error.strerror}") from error


def _data_file(role: str, raw: bytes) -> DataFile:
    digest = _sha256(raw)
    return DataFile(f"{role}-{digest[:16]}.safetensors", digest, len(raw))


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _sha256_of(path: Path) -> str | None:
    return _sha256(path.read_bytes()) if path.is_file() else None
