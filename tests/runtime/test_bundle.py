"""Any damage to a bundle, and any forgery, is a BundleError that names the file: nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.codecs import codec_from_json
from recurra.decode import decoder_from_json
from recurra.errors import BundleError, RecurraError
from recurra.runtime import load, model_of, read_bundle, write_bundle
from recurra.runtime.bundle import Bundle, bundle_from_bytes
from recurra.runtime.parts import fingerprint
from recurra.spec.graph import Graph
from recurra.spec.manifest import Manifest
from recurra.spec.tensors import tensors_from_bytes, tensors_to_bytes

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def files(arguments_of: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("bundle") / "b"
    write_bundle(folder, **arguments_of("series", units=1))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def read(files: Files) -> Bundle:
    """As `read_bundle`, in memory."""

    def content(name: str, most: int) -> bytes:
        if name not in files:
            raise BundleError(f"{name} is missing")
        return files[name][: most + 1]

    return bundle_from_bytes(files["manifest.json"], content)


def seal(tree: Any) -> bytes:
    """A manifest's bytes as only its writer, or a forger, makes them."""
    body = json.dumps(tree, indent=1).encode().removesuffix(b"\n}")
    return body + b',\n "sha256": "%s"\n}' % hashlib.sha256(body).hexdigest().encode()


def opened(files: Files) -> dict[str, Any]:
    tree = json.loads(files["manifest.json"])
    del tree["sha256"]
    return tree


def with_tensors(files: Files, role: str, raw: bytes) -> Files:
    """The bundle with another data file, its hash forged everywhere but in the fingerprint."""
    tree = opened(files)
    digest = hashlib.sha256(raw).hexdigest()
    entry = {"name": f"{role}-{digest[:16]}.safetensors", "sha256": digest, "size": len(raw)}
    tree["files"][role] = entry
    return files | {entry["name"]: raw, "manifest.json": seal(tree)}


def damage(raw: bytes, draw: random.Random) -> bytes:
    """Another content: flipped bits, bytes overwritten, swapped, cut off, doubled or put in."""
    broken = bytearray(raw)
    at = draw.randrange(len(raw))
    match draw.randrange(7):
        case 0 | 1:
            broken[at] ^= 1 << draw.randrange(8)
        case 2:
            broken[at] = draw.randrange(256)
        case 3:
            other = draw.randrange(len(raw))
            broken[at], broken[other] = broken[other], broken[at]
        case 4:
            del broken[at:]
        case 5:
            broken[at:at] = broken[draw.randrange(len(raw)) :][: draw.randrange(1, 40)]
        case 6:
            end = min(len(raw), at + draw.randrange(1, 30))
            broken[at:end] = draw.randbytes(end - at)
    return bytes(broken)


def fuzz(files: Files, rounds: int, seed: int) -> None:
    draw, names = random.Random(seed), sorted(files)
    for _ in range(rounds):
        name = draw.choice(names)
        broken = damage(files[name], draw)
        if broken == files[name]:
            continue
        with pytest.raises(BundleError):
            read(files | {name: broken})


ODD = [None, True, -1, 0, 2**70, 1e308, "", "x", "../../etc/passwd", [], {}, [[]], {"kind": "gru"}]


def forge(tree: Any, draw: random.Random) -> None:
    """Change one place of a JSON tree: delete it, double it, or put something odd there."""
    node = tree
    while True:
        places = list(node) if isinstance(node, dict) else list(range(len(node)))
        place = draw.choice(places)
        child = node[place]
        if not isinstance(child, dict | list) or not child or draw.random() < 0.2:
            break
        node = child
    match draw.randrange(5):
        case 0:
            del node[place]
        case 1 if isinstance(node, dict):
            node[draw.choice(["more", "__class__", "kind", "x"])] = child
        case 1 | 2 if isinstance(node, list):
            node.append(child)
        case 3 if isinstance(child, int | float) and not isinstance(child, bool):
            node[place] = child * draw.choice([-1, 0, 2, 10**6, 0.5])
        case _:
            node[place] = draw.choice(ODD)


def fuzz_forgeries(files: Files, rounds: int, seed: int) -> int:
    """Manifests that are edited and sealed again, and data files hashed again; how many passed."""
    draw = random.Random(seed)
    passed = 0
    originals = {n.split("-")[0]: raw for n, raw in files.items() if n.endswith(".safetensors")}
    for _ in range(rounds):
        if draw.random() < 0.7:
            tree = opened(files)
            forge(tree, draw)
            forged = files | {"manifest.json": seal(tree)}
        else:
            role = draw.choice(sorted(originals))
            forged = with_tensors(files, role, damage(originals[role], draw))
        try:
            bundle = read(forged)
        except BundleError:
            continue
        assert isinstance(bundle.manifest, Manifest)
        passed += 1
    return passed


def fuzz_resealed(files: Files, rounds: int, seed: int) -> int:
    """Forged parts under a fingerprint of their own are run as `load` runs them; how many ran."""
    draw = random.Random(seed)
    ran = 0
    (raw,) = (raw for name, raw in files.items() if name.startswith("weights"))
    weights, _ = tensors_from_bytes(raw)
    for _ in range(rounds):
        tree = opened(files)
        forge(tree[draw.choice(["graphs", "codec", "decoder", "golden"])], draw)
        # What cannot be read has no fingerprint to forge: `read` has to refuse it.
        with suppress(RecurraError):
            graphs = {name: Graph.from_json(graph) for name, graph in tree["graphs"].items()}
            parts = codec_from_json(tree["codec"]), decoder_from_json(tree["decoder"])
            tree["fingerprint"] = fingerprint(graphs, *parts, weights)
        with suppress(BundleError):
            bundle = read(files | {"manifest.json": seal(tree)})
            bundle.golden.replay(model_of(bundle.parts, bundle.manifest))
            ran += 1
    return ran


def test_ten_thousand_damages_are_all_found(files: Files) -> None:
    fuzz(files, 10_000, 0)


def test_forgeries_give_a_bundle_or_the_typed_error(files: Files) -> None:
    passed = fuzz_forgeries(files, 3000, 0)
    # Some edits are harmless (a view's second hash, a certificate's figure); most are not.
    assert 0 < passed < 1500


def test_resealed_forgeries_give_an_answer_or_the_typed_error(files: Files) -> None:
    # A renamed feature or label harms no golden answer; most edits fit nothing.
    assert 0 < fuzz_resealed(files, 1500, 0) < 500


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(1, 11))
def test_a_million_damages_are_all_found(files: Files, seed: int) -> None:
    fuzz(files, 100_000, seed)
    fuzz_forgeries(files, 20_000, seed)
    fuzz_resealed(files, 20_000, seed)


def test_every_single_bit_of_the_manifest_is_guarded(files: Files) -> None:
    raw = files["manifest.json"]
    for at in range(len(raw)):
        broken = bytearray(raw)
        broken[at] ^= 1 << (at % 8)
        with pytest.raises(BundleError):
            Manifest.from_bytes(bytes(broken))


def test_a_file_that_is_missing_is_named(files: Files) -> None:
    for name in files:
        rest = {n: raw for n, raw in files.items() if n != name}
        if name != "manifest.json":
            with pytest.raises(BundleError, match=name):
                read(rest)


FORGED: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "another format": (lambda t: t.update(format="other"), "not a recurra bundle"),
    "newer version": (lambda t: t.update(version=2), "update recurra"),
    "version 0": (lambda t: t.update(version=0), "whole number >= 1"),
    "another task": (lambda t: t.update(task="regress"), "codec for 'classify'"),
    "path traversal": (
        lambda t: t["files"]["weights"].update(name="../../etc/passwd"),
        "a name that no bundle gives",
    ),
    "absolute path": (
        lambda t: t["files"]["weights"].update(name="/etc/passwd"),
        "no bundle gives",
    ),
    "view elsewhere": (lambda t: t["views"].update({"../x": []}), "unknown view"),
    "missing view": (lambda t: t["views"].pop("README.md"), "both views"),
    "more files": (
        lambda t: t["files"].update(more=dict(t["files"]["golden"])),
        "golden, maybe tail, and both views",
    ),
    "roles swapped": (
        lambda t: t["files"].update(weights=t["files"]["golden"], golden=t["files"]["weights"]),
        "weights are said to be in golden",
    ),
    "huge graph": (
        lambda t: t["graphs"]["main"]["steps"][0]["node"].update(hidden_size=2**40),
        "step 's_pool'",
    ),
    "huge head": (
        lambda t: t["graphs"]["main"]["steps"][2]["node"].update(output_size=2**40),
        "the graph expected head.weight",
    ),
    "second graph": (lambda t: t["graphs"].update(more=t["graphs"]["main"]), "one graph"),
    "scale changed": (lambda t: t["codec"]["input"]["scale"].__setitem__(0, 9.0), "fingerprint"),
    "labels swapped": (
        lambda t: t["codec"]["target"].update(labels=["azure", "green", "red"]),
        "fingerprint",
    ),
    "decoder widened": (lambda t: t["decoder"].update(classes=4), "decoder and the codec's target"),
    "decoder elsewhere": (lambda t: t["decoder"].update(output="s_gru"), "which is no output"),
    "golden tolerance": (
        lambda t: t["golden"].update(tolerance=-1.0),
        "tolerance must be positive",
    ),
    "certificate": (lambda t: t["certificate"]["claims"].update(other={}), "unknown claim"),
}


@pytest.mark.parametrize("case", FORGED.values(), ids=FORGED.keys())
def test_a_forged_manifest_is_refused_with_its_reason(
    files: Files, case: tuple[Callable[[dict[str, Any]], Any], str]
) -> None:
    change, reason = case
    tree = opened(files)
    change(tree)
    with pytest.raises(BundleError, match=reason):
        read(files | {"manifest.json": seal(tree)})


def test_deep_nesting_is_refused(files: Files) -> None:
    tree = opened(files)
    for depth in (1000, 100_000):
        text = seal(tree).replace(b'"columns": null', b'"columns": ' + b"[" * depth + b"]" * depth)
        body = text[: text.rindex(b',\n "sha256"')]
        digest = hashlib.sha256(body).hexdigest().encode()
        raw = body + b',\n "sha256": "%s"\n}' % digest
        with pytest.raises(BundleError):
            read(files | {"manifest.json": raw})


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(files: Files, value: float) -> None:
    (raw,) = (raw for name, raw in files.items() if name.startswith("weights"))
    weights, _ = tensors_from_bytes(raw)
    weights["head.bias"][0] = value
    with pytest.raises(BundleError, match=r"'head\.bias' holds NaN"):
        read(with_tensors(files, "weights", tensors_to_bytes(weights)))


@pytest.mark.parametrize("change", ["lacks", "does not know", "expected", "float32 or all"])
def test_weights_must_be_the_parameters_of_the_graph(files: Files, change: str) -> None:
    (raw,) = (raw for name, raw in files.items() if name.startswith("weights"))
    weights, _ = tensors_from_bytes(raw)
    if change == "lacks":
        del weights["head.bias"]
    elif change == "does not know":
        weights["head.more"] = weights["head.bias"]
    elif change == "expected":
        weights["head.bias"] = weights["head.bias"][:2]
    else:
        weights["head.bias"] = weights["head.bias"].astype(np.float16)
    with pytest.raises(BundleError, match=change):
        read(with_tensors(files, "weights", tensors_to_bytes(weights)))


def test_what_is_no_bundle_is_a_sentence(tmp_path: Path, files: Files) -> None:
    with pytest.raises(BundleError, match="nowhere: expected a bundle's folder, but it does not"):
        load(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(BundleError, match="is a file, not a folder"):
        load(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BundleError, match=r"manifest\.json is missing, so it is no bundle"):
        load(tmp_path / "empty")
    for name, raw in files.items():
        (tmp_path / "empty" / name).write_bytes(raw[: len(raw) // 2])
        with pytest.raises(BundleError):
            load(tmp_path / "empty")
        (tmp_path / "empty" / name).write_bytes(raw)
    assert load(tmp_path / "empty").labels == ("blue", "green", "red")


@pytest.mark.parametrize("role", ["manifest.json", "README.md", "weights"])
def test_links_pipes_and_huge_files_are_refused_without_waiting(
    tmp_path: Path, files: Files, role: str
) -> None:
    for name, raw in files.items():
        (tmp_path / name).write_bytes(raw)
    (path,) = (tmp_path / name for name in files if name.startswith(role))
    outside = tmp_path / "outside"
    path.rename(outside)
    path.symlink_to(outside)
    with pytest.raises(BundleError, match="is a link"):
        read_bundle(tmp_path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(BundleError, match="not a plain file"):
        read_bundle(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(BundleError, match=r"not a plain file|cannot be read"):
        read_bundle(tmp_path)
    path.rmdir()
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(BundleError, match="more than the"):
        read_bundle(tmp_path)


def test_other_files_in_the_folder_are_not_looked_at(tmp_path: Path, files: Files) -> None:
    for name, raw in files.items():
        (tmp_path / name).write_bytes(raw)
    (tmp_path / "history.jsonl").write_text("{")
    (tmp_path / "weights-0123456789abcdef.safetensors").write_text("left behind")
    assert read_bundle(tmp_path).parts.task == "classify"


def test_a_reader_sees_the_old_or_the_new_bundle_while_one_replaces_the_other(
    tmp_path: Path, arguments_of: Callable[..., Any]
) -> None:
    models = [arguments_of("series", seed=seed) for seed in (0, 1)]
    known = {write_bundle(tmp_path / f"{k}", **m).fingerprint for k, m in enumerate(models)}
    folder = tmp_path / "b"
    write_bundle(folder, **models[0])
    failures: list[BaseException] = []

    def replace() -> None:
        try:
            for k in range(12):
                write_bundle(folder, **models[k % 2], force=True)
        except BaseException as error:
            failures.append(error)

    writer = threading.Thread(target=replace)
    writer.start()
    seen = {read_bundle(folder).manifest.fingerprint}
    while writer.is_alive():
        seen.add(read_bundle(folder).manifest.fingerprint)
    writer.join()
    assert not failures
    assert seen <= known
