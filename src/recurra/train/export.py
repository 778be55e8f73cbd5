"""From a trained network to a bundle: certified first, written only then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from recurra.codecs import AbstractCodec, Cases
from recurra.decode import AbstractDecoder
from recurra.runtime import Parts, model_of, write_bundle
from recurra.spec.graph import Graph
from recurra.spec.report import Certificate
from recurra.train.certificate import certify
from recurra.train.evaluate import weights_of
from recurra.train.torch_network import networks_of

__all__ = ["export"]

# Enough to notice wrong weights, few enough that loading stays quick.
_GOLDEN_CASES = 3


def export(
    folder: Path,
    module: torch.nn.Module,
    *,
    task: str,
    graphs: Mapping[str, Graph],
    codec: AbstractCodec,
    decoder: AbstractDecoder,
    witnesses: Cases,
    metrics: Mapping[str, float] | None = None,
    tail: Sequence[Any] = (),
    force: bool = False,
) -> Certificate:
    """Certify the model on `witnesses` and write its bundle.

    Args:
        folder: Where.
        module: The network, on the CPU, in evaluation mode; its weights are those of `graphs`.
        task: "classify", "regress", ...
        graphs: The networks by name.
        codec: Raw cases -> inputs, and the target back.
        decoder: Outputs -> answers.
        witnesses: Real cases; the first ones become the golden pair.
        metrics: Figures on held-out cases, for the model card.
        tail: Raw cases ahead of those that come next.
        force: Replace the bundle that is there.

    Returns:
        What was certified.

    Raises:
        CertificateError: the model breaks a promise; nothing was written.
        OutputError: the folder holds something and `force` is off, or the disk is full.
    """
    weights = weights_of(module)
    parts = Parts(task, graphs, weights, codec, decoder)
    certificate = certify(
        model_of(parts), model_of(parts, networks=networks_of(module, graphs)), witnesses
    )
    write_bundle(
        folder,
        task=task,
        graphs=graphs,
        weights=weights,
        codec=codec,
        decoder=decoder,
        golden=list(codec.raw(witnesses)[:_GOLDEN_CASES]),
        certificate=certificate,
        metrics=metrics,
        tail=tail,
        force=force,
    )
    return certificate
