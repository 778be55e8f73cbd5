"""Layers of a file come over as they are, and what was left is said; nothing is executed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import pytest
import torch

from recurra.cli import main
from recurra.convert import layer_of, read_layers, to_onnx
from recurra.layers import GRU, Bidirectional

pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "torch", reason="Keras runs on another backend"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def test_from_onnx(tmp_path: Path, capsys: Any) -> None:
    layer = Bidirectional(GRU(3, 4), GRU(3, 4))
    to_onnx(layer, tmp_path / "m.onnx")
    out = tmp_path / "层.safetensors"
    assert main(["import", str(tmp_path / "m.onnx"), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "layer: bidirectional, 216 weights" in said
    assert "left there: Cast, Greater" in said
    (found,) = read_layers(out).values()
    x = torch.randn(2, 5, 3)
    assert torch.equal(layer_of(found)(x)[0], layer(x)[0])


def test_from_keras(tmp_path: Path, capsys: Any) -> None:
    model = keras.Sequential(
        [
            keras.Input((None, 3)),
            keras.layers.LSTM(4, name="阅读", dropout=0.5),
            keras.layers.Dense(2, name="head"),
        ]
    )
    model.save(tmp_path / "m.keras")
    out = tmp_path / "out"
    assert main(["import", str(tmp_path / "m.keras"), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "阅读: lstm, 144 weights" in said
    assert "  left: 阅读: dropout=0.5" in said
    assert "left there: Dense 'head'" in said
    x = torch.randn(2, 5, 3)
    _, state = layer_of(read_layers(out)["阅读"])(x)
    torch.testing.assert_close(model.layers[0](x), state.h, rtol=0, atol=2e-6)


def test_bad_input(tmp_path: Path, capsys: Any) -> None:
    """No such file, a file that is neither, an existing output, a Lambda."""
    out = str(tmp_path / "out")
    assert main(["import", str(tmp_path / "none.onnx"), "--out", out]) == 2
    assert "cannot be read" in capsys.readouterr().err
    (tmp_path / "text.txt").write_text("neither")
    assert main(["import", str(tmp_path / "text.txt"), "--out", out]) == 2
    assert "is no ONNX model" in capsys.readouterr().err
    assert main(["import", str(tmp_path / "text.txt"), "--out", str(tmp_path / "text.txt")]) == 2
    assert "exists: choose another name" in capsys.readouterr().err
    model = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x)])
    model.save(tmp_path / "m.keras")
    assert main(["import", str(tmp_path / "m.keras"), "--out", out]) == 2
    assert "Lambda layer, which is code" in capsys.readouterr().err
    assert not Path(out).exists()
