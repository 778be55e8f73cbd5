"""Files of Keras models for the tests: as Keras writes them, and changed by hand."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

__all__ = ["changed", "saved"]


def saved(path: Path, *parts: Any) -> Any:
    """A Sequential over x [B, T, 3], its weights drawn anew, saved."""
    model = keras.Sequential([keras.Input((None, 3)), *parts])
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(-0.7, 0.7, w.shape) for w in model.get_weights()])
    model.save(path)
    return model


def changed(path: Path, change: Any) -> Path:
    """A copy of the file whose parts went through `change(config, weights)`."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    raw = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(raw, "a") as weights:
        change(config, weights)
    parts |= {"config.json": json.dumps(config).encode(), "model.weights.h5": raw.getvalue()}
    other = path.with_name("changed.keras")
    with zipfile.ZipFile(other, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return other
