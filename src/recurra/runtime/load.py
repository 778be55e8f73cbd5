"""From a bundle's folder to its model, ready to answer."""

from __future__ import annotations

from pathlib import Path

from recurra.runtime.bundle import read_bundle
from recurra.runtime.model import AbstractModel
from recurra.runtime.models import model_of

__all__ = ["load"]


def load(folder: str | Path) -> AbstractModel:
    """The model of a bundle, ready to answer; it has just given its golden answers again.

    Raises:
        BundleError: the bundle is missing, damaged or forged, or the model answers otherwise here
            than where it was made.
    """
    bundle = read_bundle(folder)
    model = model_of(bundle.parts, bundle.manifest)
    bundle.golden.replay(model)
    return model
