"""`recurra export`: a bundle's networks as ONNX models, compared before they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

__all__ = ["command", "exported", "metadata"]


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--format", "kind", type=click.Choice(["onnx"]), default="onnx", show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path), help="File to write. [default: BUNDLE's name + .onnx]"
)
@click.option("--force", is_flag=True, help="Replace files that exist.")
def command(bundle: Path, kind: str, out: Path | None, force: bool) -> None:
    """Write BUNDLE's networks as ONNX models: dynamic batch and time, the state as inputs.

    Each is run in ONNX Runtime on drawn inputs, whole and one step at a time, and compared with the
    bundle; where one disagrees nothing is written. How raw values become its inputs, and its
    outputs answers, stands in the model's metadata. What a bundle has besides its one network gets
    a name behind OUT's: OUT-encoder.onnx and OUT-decoder.onnx of a model that transduces, and
    OUT-tags.onnx, the best path of tags, of one that tags.
    """
    del kind  # there is one
    from recurra import runtime
    from recurra.errors import OutputError
    from recurra.spec.disk import write_atomic

    if out is None:
        out = Path(f"{bundle.resolve().name}.onnx")
    model = runtime.load(bundle)
    places = {name: _place(out, name) for name in _parts_of(model)}
    for place in places.values():
        if place.is_dir():
            raise OutputError(f"{place} is a folder: name a file")
        if place.exists() and not force:
            raise OutputError(f"{place} exists: choose another name, or use --force")
        if not place.parent.is_dir():
            raise OutputError(f"{place.parent} is no folder: make it, or choose another place")
    made = {name: exported(model, name) for name in places}
    for name, place in places.items():
        proto, _ = made[name]
        write_atomic(place, proto.SerializeToString())
    for name, place in places.items():
        proto, check = made[name]
        print(f"{place}: opset {proto.opset_import[0].version}, {_told(model, name, check)}")
    for name in sorted(set(model.parts.graphs) - set(places)):
        print(f"left out: {name}, which answers do not need")


def exported(model: Any, name: str) -> tuple[Any, Any]:
    """One of a model's networks, or what stands behind it, in ONNX, and what its check found.

    Raises:
        ConversionError: it has no form in ONNX, or ONNX Runtime computes something else.
        DependencyError: onnx or onnxruntime is not installed.
    """
    from recurra.errors import DependencyError

    try:
        from recurra.convert.onnx_check import check_model
        from recurra.convert.onnx_graph import model_of
        from recurra.convert.onnx_viterbi import TAGS, check_paths, paths_model
    except ImportError as error:
        raise DependencyError('export needs onnx: pip install "recurra[onnx]"') from error
    parts = model.parts
    about = metadata(model, name)
    if name == TAGS:
        row = _potentials(model)
        proto = paths_model(parts.decoder, row, about)
        return proto, check_paths(proto, parts.decoder, row)
    proto = model_of(parts.graphs[name], parts.weights_of(name), about)
    return proto, check_model(proto, model.networks[name])


def metadata(model: Any, name: str) -> dict[str, str]:
    """What a user of the ONNX model must know of what stands before and behind it."""
    from recurra import __version__
    from recurra.convert.onnx_notes import (
        bridge_parts,
        input_notes,
        labels_of,
        output_notes,
        path_notes,
    )
    from recurra.spec.canonical import json_to_bytes

    parts = model.parts
    known: dict[str, Any] = {
        "recurra.describe": model.describe(),
        "recurra.preprocessing": parts.codec.to_json(),
        "recurra.postprocessing": parts.decoder.to_json(),
    }
    labels = labels_of(parts.codec)
    if labels:
        known["recurra.labels"] = labels
    if name in parts.graphs:
        graph = parts.graphs[name]
        known |= {
            "recurra.inputs": input_notes(parts.codec, graph),
            "recurra.outputs": output_notes(parts.codec, parts.decoder, graph),
            "recurra.graph": graph.to_json(),
        }
        if "decoder" in parts.graphs:
            known["recurra.bridge"] = bridge_parts(parts.graphs["decoder"])
        else:
            known["recurra.state"] = _initial_state(model.networks[name])
    else:
        known["recurra.inputs"], known["recurra.outputs"] = path_notes(parts.decoder)
    texts = {
        "recurra.version": __version__,
        "recurra.task": parts.task,
        "recurra.network": name,
        "recurra.fingerprint": model.fingerprint,
    }
    return texts | {
        key: json_to_bytes(tree, indent=None).decode("utf-8") for key, tree in known.items()
    }


def _parts_of(model: Any) -> list[str]:
    """What is exported: every network that answers need, and a tagger's best path."""
    from recurra.decode import TagDecoder
    from recurra.runtime.models.forecast_figures import BASELINE

    names = [name for name in model.parts.graphs if name != BASELINE]
    return [*names, "tags"] if isinstance(model.parts.decoder, TagDecoder) else names


def _place(out: Path, name: str) -> Path:
    from recurra.runtime.parts import MAIN

    return out if name == MAIN else out.with_name(f"{out.stem}-{name}{out.suffix}")


def _told(model: Any, name: str, check: Any) -> str:
    """What was compared, in words."""
    graph = model.parts.graphs.get(name)
    if graph is None:
        return f"{check.runs} runs in ONNX Runtime: every tag is the bundle's"
    why = graph.why_not_streaming()
    how = "whole and step by step" if check.stepwise else f"whole only ({why})"
    return f"{check.runs} runs in ONNX Runtime, {how}: largest difference {check.max_abs_diff:.1e}"


def _potentials(model: Any) -> Any:
    """A CRF's start, follow and end as one row; None where there is no CRF."""
    import numpy as np

    name, weights = model.parts.decoder.potentials, model.parts.weights
    if not name:
        return None
    return np.concatenate(
        [weights[f"{name}.{part}"].ravel() for part in ("start", "follow", "end")]
    )


def _initial_state(network: Any) -> dict[str, Any]:
    """The state with which a sequence begins: input -> one row, "zeros" where it is that."""
    from recurra.spec.state import flatten

    if network.graph.why_not_streaming() is not None:
        return {}
    return {
        f"state.{step}.{path}": array[0].tolist() if array.any() else "zeros"
        for step, slots in network.initial_state(1).items()
        for path, array in flatten(slots)
    }
