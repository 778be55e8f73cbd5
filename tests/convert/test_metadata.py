"""What stands around a model's layers is kept: out of an ONNX file, into another, and in ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from recurra.cli import main
from recurra.convert import from_onnx, read_layers, read_metadata, to_onnx
from recurra.convert.found import write_layers
from recurra.errors import ConversionError
from recurra.layers import GRU

TEXTS = {"recurra.inputs": '{"x": "[batch, time, 3]"}', "名": "各种 \u2028 文字", "empty": ""}


def test_texts_go_along(tmp_path: Path, capsys: Any) -> None:
    """ONNX -> ours -> ONNX by hand, and through `recurra import`."""
    path, out = tmp_path / "m.onnx", tmp_path / "层.safetensors"
    to_onnx(GRU(3, 4), path, metadata=TEXTS)
    assert read_metadata(path) == TEXTS
    assert read_metadata(str(path)) == TEXTS
    again = to_onnx(from_onnx(path), metadata=read_metadata(path))
    assert read_metadata(again) == TEXTS
    assert read_metadata(again.SerializeToString()) == TEXTS
    assert main(["import", str(path), "--out", str(out)]) == 0
    assert "kept beside them: recurra.inputs, 名, empty" in capsys.readouterr().out
    assert read_metadata(out) == TEXTS
    assert torch.equal(
        torch.from_numpy(read_layers(out)["layer"].weights["input_weight"]),
        from_onnx(path).input_weight.detach(),
    )


def test_a_text_takes_no_layer_s_place(tmp_path: Path) -> None:
    """Not even under the key with which the layers are kept; none at all is none."""
    proto = to_onnx(GRU(3, 4), metadata={"recurra.layers": "{}"})
    path, out = tmp_path / "m.onnx", tmp_path / "out.safetensors"
    path.write_bytes(proto.SerializeToString())
    assert main(["import", str(path), "--out", str(out)]) == 0
    assert list(read_layers(out)) == ["layer"]
    assert read_metadata(out) == {}
    assert read_metadata(to_onnx(GRU(3, 4))) == {}


def test_more_texts_than_a_header_holds_are_left(tmp_path: Path, capsys: Any) -> None:
    to_onnx(GRU(3, 4), tmp_path / "m.onnx", metadata={"long": "字" * 9_000_000})
    out = tmp_path / "out.safetensors"
    assert main(["import", str(tmp_path / "m.onnx"), "--out", str(out)]) == 0
    assert "the model's metadata, more than a file of layers holds" in capsys.readouterr().out
    assert read_metadata(out) == {}


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with pytest.raises(ConversionError, match="cannot be read: No such file"):
        read_metadata(path)
    path.mkdir()
    with pytest.raises(ConversionError, match="is no file: name one that `recurra import` wrote"):
        read_metadata(path)
    with pytest.raises(ConversionError, match="is no ONNX model"):
        read_metadata(b"neither")


def test_onnx_s_own_domain_has_two_names(tmp_path: Path) -> None:
    """Nodes and opsets of "ai.onnx" are those of "": the same layer; the model is not changed."""
    layer = GRU(3, 4)
    proto = to_onnx(layer)
    for one in (*proto.graph.node, *proto.opset_import):
        one.domain = one.domain or "ai.onnx"
    x = torch.randn(2, 5, 3)
    assert torch.equal(from_onnx(proto)(x)[0], layer(x)[0])
    assert torch.equal(from_onnx(proto.SerializeToString())(x)[0], layer(x)[0])
    assert {one.domain for one in proto.graph.node} == {"ai.onnx"}
    for one in proto.graph.node:
        one.domain = "com.other"
    with pytest.raises(ConversionError, match="has no GRU, LSTM or RNN"):
        from_onnx(proto)


def test_what_was_kept_is_read_by_key(tmp_path: Path) -> None:
    write_layers(tmp_path / "a.safetensors", [], {"k": "v"})
    assert read_metadata(tmp_path / "a.safetensors") == {"k": "v"}
