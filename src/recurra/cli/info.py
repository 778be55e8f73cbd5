"""`recurra info`: what is installed and what runs the recurrence; or what a bundle holds."""

from __future__ import annotations

import math
import platform
import statistics
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from recurra import __version__
from recurra.cli.options import json_option
from recurra.cli.printed import json_line, print_table

__all__ = ["command"]

# What training, the demonstration and the readers of tables rest on, by its name on PyPI.
PACKAGES = ("numpy", "polars", "pydantic", "torch", "accelerate", "scikit-learn", "aeon")


@click.command()
@click.argument("bundle", required=False, type=click.Path(path_type=Path))
@json_option
def command(bundle: Path | None, as_json: bool) -> None:
    """Tell what is installed and which kernels run, or what BUNDLE holds and what was certified."""
    told = installation() if bundle is None else card(bundle)
    if as_json:
        print(json_line(told))
    elif bundle is None:
        _print_installation(told)
    else:
        _print_card(told)


def installation() -> dict[str, Any]:
    """Versions, kernels, and what one step costs here."""
    from recurra import kernels

    return {
        "recurra": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "kernels": {
            "backend": kernels.backend(),
            "isa": kernels.isa(),
            "why": kernels.why(),
            "step_us": _step_us(),
        },
        "packages": {name: _version(name) for name in PACKAGES},
    }


def card(bundle: Path) -> dict[str, Any]:
    """What a bundle is, once it was read and its golden pair replayed."""
    from recurra import runtime

    model = runtime.load(bundle)
    manifest, graphs = model.manifest, model.parts.graphs
    assert manifest is not None  # it was loaded from a bundle
    why_not = model.why_not_streaming()
    return {
        "bundle": str(bundle),
        "task": model.task,
        "labels": list(model.labels),
        "features": list(model.features),
        "inputs": {name: str(signal) for name, signal in model.signals.items()},
        "nodes": [f"{step.name}: {step.node.kind}" for g in graphs.values() for step in g.steps],
        "parameters": sum(_size(shape) for shape in model.parts.parameters.values()),
        "streams": why_not is None,
        "how_streaming": None
        if why_not
        else model.describe().get("streams", "yes, one step at a time"),
        "why_not_streaming": why_not,
        "format": manifest.version,
        "recurra": manifest.recurra,
        "fingerprint": manifest.fingerprint,
        "certificate": dict(manifest.certificate),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _size(shape: tuple[int, ...]) -> int:
    return math.prod(shape)


def _step_us(steps: int = 200) -> float:
    """Median microseconds of one GRU step, 12 inputs and 64 units, as the installed kernels run."""
    import numpy as np

    from recurra.kernels import gru

    shapes = {
        "x": (1, 12),
        "h": (1, 64),
        "input_weight": (192, 12),
        "recurrent_weight": (192, 64),
        "input_bias": (192,),
        "recurrent_bias": (192,),
    }
    arrays = [np.full(shape, 0.01, np.float32) for shape in shapes.values()]
    seconds = []
    for _ in range(steps):
        begin = time.perf_counter()
        gru.step(*arrays)
        seconds.append(time.perf_counter() - begin)
    return round(statistics.median(seconds) * 1e6, 1)


def _print_installation(told: dict[str, Any]) -> None:
    kernels = told["kernels"]
    print(f"recurra {told['recurra']}, Python {told['python']}, {told['machine']}")
    print(f"\nkernels   {kernels['backend']}, {kernels['isa']}")
    print(f"          {kernels['why']}")
    print(
        f"          One step of a GRU with 64 units takes {kernels['step_us']} microseconds here."
    )
    print()
    for name, version in told["packages"].items():
        print(f"{name:<14}{version or 'not installed'}")
    if None in (told["packages"]["torch"], told["packages"]["accelerate"]):
        print('\nBundles run; to train, too: pip install "recurra[train]"')


def _print_card(told: dict[str, Any]) -> None:
    labels = told["labels"]
    lines = {
        "bundle": told["bundle"],
        "task": told["task"] + (f", {len(labels)} classes" if labels else ""),
        "input": ", ".join(f"{name} {signal}" for name, signal in told["inputs"].items()),
        "network": " > ".join(told["nodes"]),
        "parameters": f"{told['parameters']:,}",
        "streams": told["how_streaming"] if told["streams"] else told["why_not_streaming"],
        "made by": f"recurra {told['recurra']}, bundle format {told['format']}",
        "fingerprint": told["fingerprint"][:16],
    }
    for name, line in lines.items():
        print(f"{name:<12}{line}")
    certificate = told["certificate"]
    rows = [
        (
            name.replace("_", " "),
            "does not apply" if claim["max_abs_diff"] is None else f"{claim['max_abs_diff']:.3g}",
            f"{claim['promised']:.3g}",
            claim["note"],
        )
        for name, claim in certificate["claims"].items()
    ]
    print_table(
        ("claim", "measured", "promised", "note"),
        rows,
        title=f"certificate, {certificate['dtype']} on {certificate['isa']}",
    )
