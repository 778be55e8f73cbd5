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


def test_files_that_are_neither(tmp_path: Path, capsys: Any) -> None:
    """One sentence each, exit code 2, and no file: none is opened that might never end."""
    (tmp_path / "cut.onnx").write_bytes(to_onnx(GRU(3, 4)).SerializeToString()[:200])
    for name in ("old.h5", "m.weights.h5"):
        (tmp_path / name).write_bytes(b"\x89HDF\r\n\x1a\n0000")
    torch.save({"a": torch.ones(1)}, tmp_path / "m.pt")
    with (tmp_path / "huge.onnx").open("wb") as file:
        file.truncate(3 * 2**30)
    for name, what in {
        "cut.onnx": "is no ONNX model, or is cut off",
        "old.h5": "HDF5 file, Keras' older format: load it in Keras and save it as .keras",
        "m.weights.h5": "holds weights alone",
        "m.pt": "no .keras file of Keras 3",
        "huge.onnx": "of 3.0 GiB, and an ONNX model in one file ends at 2",
        ".": "is a folder: name an .onnx or .keras file",
        "/dev/zero": "is no file",
    }.items():
        out = tmp_path / "out.safetensors"
        assert main(["import", str(tmp_path / name), "--out", str(out)]) == 2
        said = capsys.readouterr().err
        assert what in said
        assert said.count("\n") == 1
        assert not out.exists()
    assert main(["import", str(tmp_path / "cut.onnx"), "--out", str(tmp_path)]) == 2
    assert "is a folder: name a file" in capsys.readouterr().err


def test_names_reach_no_terminal_as_they_are(
    tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that would colour the screen is spelt; without --out the file has the model's name."""
    proto = to_onnx(GRU(3, 4))
    next(node for node in proto.graph.node if node.op_type == "GRU").name = "\x1b[31mred 红"
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    monkeypatch.chdir(tmp_path)
    assert main(["import", "m.onnx"]) == 0
    assert "\\x1b[31mred 红: gru, " in capsys.readouterr().out
    assert list(read_layers(tmp_path / "m.safetensors")) == ["\x1b[31mred 红"]
