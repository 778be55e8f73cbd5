"""`recurra export`: a bundle's networks as ONNX models, compared before they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

__all__ = ["command"]


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--format", "kind", type=click.Choice(["onnx"]), default="onnx", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File to write.")
@click.option("--force", is_flag=True, help="Replace OUT where it exists.")
def command(bundle: Path, kind: str, out: Path, force: bool) -> None:
    """Write BUNDLE's network as an ONNX model: dynamic batch and time, the state as inputs.

    The model is run in ONNX Runtime on drawn inputs, whole and one step at a time, and compared
    with the bundle; one that disagrees is not written. How raw values become its inputs, and its
    outputs answers, stands in the model's metadata. A bundle of several networks gives several
    files, each with the network's name in its own: OUT-encoder.onnx.
    """
    del kind  # there is one
    from recurra import runtime
    from recurra.errors import OutputError
    from recurra.spec.disk import write_atomic

    model = runtime.load(bundle)
    several = len(model.parts.graphs) > 1
    places = {
        name: out.with_name(f"{out.stem}-{name}{out.suffix}") if several else out
        for name in model.parts.graphs
    }
    for place in places.values():
        if place.exists() and not force:
            raise OutputError(f"{place} exists: choose another name, or use --force")
    made = {name: exported(model, name) for name in places}
    for name, place in places.items():
        proto, check = made[name]
        write_atomic(place, proto.SerializeToString())
        how = "whole and step by step" if check.stepwise else "whole (it does not stream)"
        print(
            f"{place}: opset {proto.opset_import[0].version}, {check.runs} runs in ONNX Runtime, "
            f"{how}: largest difference {check.max_abs_diff:.1e}"
        )


def exported(model: Any, name: str) -> tuple[Any, Any]:
    """One of a model's networks as an ONNX model, and what its check found.

    Raises:
        ConversionError: it has no form in ONNX, or ONNX Runtime computes something else.
        DependencyError: onnx or onnxruntime is not installed.
    """
    from recurra.errors import DependencyError

    try:
        from recurra.convert.onnx_check import check_model
        from recurra.convert.onnx_graph import model_of
    except ImportError as error:
        raise DependencyError('export needs onnx: pip install "recurra[onnx]"') from error
    parts = model.parts
    proto = model_of(parts.graphs[name], parts.weights_of(name), metadata(model, name))
    return proto, check_model(proto, model.networks[name])


def metadata(model: Any, name: str) -> dict[str, str]:
    """What a user of the ONNX model must know of what stands before and behind it."""
    from recurra import __version__
    from recurra.spec.canonical import json_to_bytes

    def text(tree: Any) -> str:
        return json_to_bytes(tree, indent=None).decode("utf-8")

    parts = model.parts
    return {
        "recurra.version": __version__,
        "recurra.task": parts.task,
        "recurra.network": name,
        "recurra.fingerprint": model.fingerprint,
        "recurra.describe": text(model.describe()),
        "recurra.preprocessing": text(parts.codec.to_json()),
        "recurra.postprocessing": text(parts.decoder.to_json()),
        "recurra.graph": text(parts.graphs[name].to_json()),
        "recurra.state": text(_initial_state(model.networks[name])),
    }


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
