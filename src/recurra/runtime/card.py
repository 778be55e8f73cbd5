"""The model card: the README of a bundle, for people who find it years later."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from recurra.runtime.model import AbstractModel
from recurra.runtime.parts import Parts
from recurra.spec.version import __version__

__all__ = ["model_card"]

_CLAIMS = {
    "step_vs_whole": "one step at a time against the whole sequence",
    "chunked_vs_whole": "in chunks against the whole sequence",
    "one_vs_many": "a batch of one against a batch of many",
    "padded_vs_unpadded": "padded against unpadded",
    "runtime_vs_torch": "this runtime against PyTorch",
}


def model_card(
    model: AbstractModel,
    certificate: Mapping[str, Any],
    metrics: Mapping[str, float] | None,
) -> str:
    """Markdown: what the model is, takes and gives, how good it is, how to run it, what holds.

    Args:
        model: What it is about.
        certificate: As in `spec.report.Certificate`.
        metrics: Figures on held-out cases by name, None where there were none.
    """
    parts, why, said = model.parts, model.why_not_streaming(), model.describe()
    facts = {
        "Task": f"{parts.task} ({_cell(said['task'])})",
        "Input": _cell(said["input"]),
        "Answer": _cell(said["answer"]),
        "Parameters": f"{sum(map(prod, parts.parameters.values())):,} ({model.dtype})",
        "One step at a time": said.get("streams", "yes") if why is None else f"no: {why}",
        "Written by": f"recurra {__version__}",
        "Fingerprint": f"`{model.fingerprint}`",
    }
    sections = [
        "# A recurra model",
        "\n".join(["| | |", "|---|---|", *(f"| {k} | {v} |" for k, v in facts.items())]),
        "## Network",
        "\n".join(
            [
                "| Step | Node | Parameters |",
                "|---|---|---|",
                *_network_rows(parts),
            ]
        ),
    ]
    if metrics:
        rows = (f"| {name} | {value:.4g} |" for name, value in metrics.items())
        sections += [
            "## How good it is\nOn cases that it was not trained on:",
            "\n".join(["| Figure | Value |", "|---|---|", *rows]),
        ]
    sections += [
        "## How to run it",
        _usage(model, why),
        "## Certificate\nThe largest absolute difference measured on this very model, with "
        f"{certificate['isa']} kernels in {certificate['dtype']}:",
        "\n".join(
            [
                "| Compared | Measured | Promised | Note |",
                "|---|---|---|---|",
                *(_claim_row(name, claim) for name, claim in certificate["claims"].items()),
            ]
        ),
        "The files belong together: an edited or damaged one is refused, this one included.",
    ]
    return "\n\n".join(sections) + "\n"


def _cell(text: str) -> str:
    """Text that cannot break out of its place in a table."""
    return " ".join(text.replace("|", "\\|").replace("`", "'").replace("<", "&lt;").split())


def _network_rows(parts: Parts) -> list[str]:
    rows: dict[str, str] = {}
    for graph in parts.graphs.values():
        for step in graph.steps:
            count = sum(map(prod, step.node.parameters().values()))
            rows[step.name] = f"| {step.name} | {step.node.kind} | {count:,} |"
    return list(rows.values())


def _claim_row(name: str, claim: Mapping[str, Any]) -> str:
    measured = claim["max_abs_diff"]
    shown = "—" if measured is None else f"{measured:.3g}"
    return f"| {_CLAIMS[name]} | {shown} | {claim['promised']:.3g} | {_cell(claim['note'])} |"


def _usage(model: AbstractModel, why_not_streaming: str | None) -> str:
    series = bool(model.features)
    lines = [
        "```python",
        "from recurra.runtime import load",
        "",
        'model = load("this folder")',
        "answers = model(cases)  # " + ("a list of arrays [T, C]" if series else "a list of texts"),
    ]
    if why_not_streaming is None:
        each = "observation" if series else "symbol"
        lines += [
            "",
            "session = model.session()",
            f"for {each} in stream:",
            f"    answer = session.feed({each})  # of the sequence so far",
        ]
    lines += ["```", "", "Or `recurra predict BUNDLE DATA --out FILE`. It needs no PyTorch."]
    return "\n".join(lines)
