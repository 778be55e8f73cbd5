"""The model card: the README of a bundle, for people who find it years later."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from recurra.codecs import LabelCodec, SeriesCodec
from recurra.runtime.parts import Parts
from recurra.spec.version import __version__

__all__ = ["model_card"]

_TASKS = {"classify": "classification of whole sequences", "regress": "a number for a sequence"}
_CLAIMS = {
    "step_vs_whole": "one step at a time against the whole sequence",
    "chunked_vs_whole": "in chunks against the whole sequence",
    "one_vs_many": "a batch of one against a batch of many",
    "padded_vs_unpadded": "padded against unpadded",
    "runtime_vs_torch": "this runtime against PyTorch",
}
# A card stays readable with thousands of channels or labels.
_MOST_NAMES = 20


def model_card(
    parts: Parts,
    fingerprint: str,
    certificate: Mapping[str, Any],
    metrics: Mapping[str, float] | None,
) -> str:
    """Markdown: what the model is, takes and gives, how good it is, how to run it, what holds.

    Args:
        parts: The model.
        fingerprint: Of it.
        certificate: As in `spec.report.Certificate`.
        metrics: Figures on held-out cases by name, None where there were none.
    """
    why = parts.graph.why_not_streaming()
    dtype = str(next(iter(parts.weights.values())).dtype) if parts.weights else "float32"
    facts = {
        "Task": f"{parts.task} ({_TASKS[parts.task]})",
        "Input": _input(parts),
        "Answer": _answer(parts),
        "Parameters": f"{sum(map(prod, parts.graph.parameters().values())):,} ({dtype})",
        "One step at a time": "yes" if why is None else f"no: {why}",
        "Written by": f"recurra {__version__}",
        "Fingerprint": f"`{fingerprint}`",
    }
    sections = [
        "# A recurra model",
        "\n".join(["| | |", "|---|---|", *(f"| {k} | {v} |" for k, v in facts.items())]),
        "## Network",
        "\n".join(
            [
                "| Step | Node | Parameters |",
                "|---|---|---|",
                *(_network_row(s) for s in parts.graph.steps),
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
        _usage(parts, why),
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


def _input(parts: Parts) -> str:
    source = parts.codec.input
    if isinstance(source, SeriesCodec):
        return f"series of {len(source.features)} channels: {_names(source.features)}"
    return f"texts, cut by {source.symbol}; {len(source.vocabulary):,} symbols are known"


def _answer(parts: Parts) -> str:
    target = parts.codec.target
    if isinstance(target, LabelCodec):
        return f"probabilities of {len(target.labels)} classes: {_names(target.labels)}"
    return f"one number; over the training part its mean was {target.mean:.6g}"


def _names(names: tuple[Any, ...]) -> str:
    shown = ", ".join(_cell(str(name)) for name in names[:_MOST_NAMES])
    more = len(names) - _MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def _cell(text: str) -> str:
    """Text that cannot break out of its place in a table."""
    return " ".join(text.replace("|", "\\|").replace("`", "'").replace("<", "&lt;").split())


def _network_row(step: Any) -> str:
    count = sum(map(prod, step.node.parameters().values()))
    return f"| {step.name} | {step.node.kind} | {count:,} |"


def _claim_row(name: str, claim: Mapping[str, Any]) -> str:
    measured = claim["max_abs_diff"]
    shown = "—" if measured is None else f"{measured:.3g}"
    return f"| {_CLAIMS[name]} | {shown} | {claim['promised']:.3g} | {_cell(claim['note'])} |"


def _usage(parts: Parts, why_not_streaming: str | None) -> str:
    series = isinstance(parts.codec.input, SeriesCodec)
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
