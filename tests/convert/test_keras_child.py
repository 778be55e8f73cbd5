"""Bytes of a .keras file that are not what they say are refused in one sentence."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from convert.keras_files import saved
from recurra.convert.keras_child import layers_in
from recurra.convert.keras_file import read_keras
from recurra.errors import ConversionError

pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "torch", reason="Keras runs on another backend"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def test_bytes_that_are_not_what_they_say_are_refused(tmp_path: Path) -> None:
    """In one sentence, and never by an error of the libraries below."""
    path, random = tmp_path / "m.keras", np.random.default_rng(0)
    saved(path, layers.GRU(2, name="gru"))
    whole = path.read_bytes()
    refused = 0
    for _ in range(40):
        raw = bytearray(whole)
        for place in random.integers(0, len(raw), 20):
            raw[place] = random.integers(256)
        path.write_bytes(raw)
        try:
            layers_in(path)
        except ConversionError:
            refused += 1
    assert refused > 20
    # A table of HDF5 without its mark, in a zip whose checksums agree.
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    arrays, said = parts["model.weights.h5"], set[str]()
    for table in re.finditer(b"SNOD", arrays):
        raw = bytearray(arrays)
        raw[table.start()] = 0
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", parts["config.json"])
            archive.writestr("model.weights.h5", bytes(raw))
        with pytest.raises(ConversionError) as error:
            layers_in(path)
        said |= {str(error.value).split(": ")[0].removeprefix(f"{path} ")}
    assert "is damaged" in said


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    for read in (layers_in, read_keras):
        with pytest.raises(ConversionError, match="cannot be read: No such file"):
            read(path)
    path.write_text("no zip")
    with pytest.raises(ConversionError, match=r"is no \.keras file"):
        layers_in(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.txt", "x")
    with pytest.raises(ConversionError, match=r"has no config\.json"):
        layers_in(path)
    saved(path, layers.Dense(2, name="only"))
    with pytest.raises(ConversionError, match="no GRU, LSTM or SimpleRNN; it has Dense 'only'"):
        layers_in(path)
