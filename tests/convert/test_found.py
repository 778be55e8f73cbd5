"""Layers found in a file are kept and read back, the same bits; damaged files are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recurra.convert.found import Found, join, read_layers, stacked, write_layers
from recurra.convert.layouts import Array
from recurra.errors import ConversionError
from recurra.spec.cells import AbstractCell, GRUCell, LSTMCell
from recurra.spec.tensors import tensors_to_bytes


def side(node: AbstractCell, seed: int) -> tuple[AbstractCell, dict[str, Array]]:
    random = np.random.default_rng(seed)
    return node, {n: random.normal(size=s).astype("f4") for n, s in node.parameters().items()}


def made() -> Found:
    gru, lstm = GRUCell(input_size=3, hidden_size=2), LSTMCell(input_size=4, hidden_size=2)
    node, weights = stacked([join([side(gru, 0), side(gru, 1)]), join([side(lstm, 2)])])
    return Found("编码器", node, weights, notes=("dropout=0.5",))


def test_paths_are_those_of_the_node() -> None:
    one = made()
    assert {name: a.shape for name, a in one.weights.items()} == one.node.parameters()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    one = made()
    alone = Found("back", *side(GRUCell(input_size=1, hidden_size=1), 3), reverse=True)
    write_layers(tmp_path / "层.safetensors", [one, alone])
    read = read_layers(tmp_path / "层.safetensors")
    assert list(read) == ["back", "编码器"] or list(read) == ["编码器", "back"]
    for wanted in (one, alone):
        came = read[wanted.name]
        assert (came.node, came.reverse, came.notes) == (wanted.node, wanted.reverse, wanted.notes)
        assert all((came.weights[n] == a).all() for n, a in wanted.weights.items())


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with pytest.raises(ConversionError, match="cannot be read: No such file"):
        read_layers(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ConversionError, match="no file of layers"):
        read_layers(path)
    path.write_bytes(tensors_to_bytes({"a": np.zeros(3)}))
    with pytest.raises(ConversionError, match="holds no layers"):
        read_layers(path)
    one = made()
    short = {name: a for name, a in one.weights.items() if "layers.1" not in name}
    write_layers(path, [Found(one.name, one.node, short)])
    with pytest.raises(ConversionError, match=r"expected layers\.1\.input_weight"):
        read_layers(path)
    text = '{"a": {"node": {"kind": "gru"}, "notes": [], "reverse": false}}'
    path.write_bytes(tensors_to_bytes({}, {"recurra.layers": text}))
    with pytest.raises(ConversionError, match="at odds"):
        read_layers(path)
