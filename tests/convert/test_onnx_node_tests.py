"""ONNX's own node tests for GRU, LSTM and RNN: what is imported gives the outputs they expect."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from onnx.backend.test.case import node as node_tests
from onnx.backend.test.case.node import gru, lstm, rnn

from recurra.convert import from_onnx
from recurra.errors import ConversionError

# ONNX's test modules register their cases as they are imported.
_PREFIXES = tuple(module.__name__.rsplit(".", 1)[1] for module in (gru, lstm, rnn))
CASES = {
    case.name: case
    for case in node_tests._NodeTestCases
    if case.model.graph.node[0].op_type.lower() in _PREFIXES
}
# What of ONNX's own does not pass, in the words of the refusal.
NOT_OURS = {"test_lstm_with_peepholes": "peepholes (its input P)"}
SLOTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")


def folded(case: Any) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """A case's model, with the weights that the case passes in it; and what it passes, by slot."""
    model = onnx.ModelProto.FromString(case.model.SerializeToString())
    node, given = model.graph.node[0], iter(case.data_sets[0][0])
    values = {slot: next(given) for slot, name in zip(SLOTS, node.input, strict=False) if name}
    for slot, name in zip(SLOTS, node.input, strict=False):
        if name and slot in ("W", "R", "B", "P"):
            model.graph.initializer.append(numpy_helper.from_array(values[slot], name))
    return model, values


def computed(layer: Any, values: dict[str, Any], attributes: dict[str, Any]) -> dict[str, Any]:
    """Y, Y_h and Y_c as ONNX lays them out."""
    batched = bool(attributes.get("layout"))
    x = values["X"] if batched else values["X"].swapaxes(0, 1)
    choices: dict[str, Any] = {}
    if attributes.get("direction") == b"reverse":
        choices["reverse"] = True
    if "sequence_lens" in values:
        choices["lengths"] = torch.from_numpy(values["sequence_lens"].astype(np.int64))
    with torch.no_grad():
        y, state = layer(torch.from_numpy(x.copy()), **choices)
    sides = [state.forward, state.backward] if hasattr(state, "forward") else [state]
    batch, time = y.shape[:2]
    by_side = y.reshape(batch, time, len(sides), -1)
    found = {"Y": by_side if batched else by_side.permute(1, 2, 0, 3)}
    for field in ("h", "c"):
        ends = [getattr(side, field, None) for side in sides]
        if ends[0] is not None:
            found[f"Y_{field}"] = torch.stack(ends, 1 if batched else 0)
    return found


@pytest.mark.parametrize("name", CASES)
def test_a_case_gives_its_outputs(name: str) -> None:
    """Every output that the case names, Y, Y_h and Y_c, within float32's rounding."""
    model, values = folded(CASES[name])
    if name in NOT_OURS:
        with pytest.raises(ConversionError, match=re.escape(NOT_OURS[name])):
            from_onnx(model)
        return
    node = model.graph.node[0]
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    layer = from_onnx(model, reverse=attributes.get("direction") == b"reverse")
    found = computed(layer, values, attributes)
    wanted = dict(
        zip(
            [slot for slot, given in zip(("Y", "Y_h", "Y_c"), node.output, strict=False) if given],
            CASES[name].data_sets[0][1],
            strict=True,
        )
    )
    assert wanted
    for slot, exact in wanted.items():
        np.testing.assert_allclose(found[slot].numpy(), exact, rtol=1e-5, atol=1e-6, err_msg=slot)


def test_the_page_lists_every_case() -> None:
    """docs/convert.md names them all, with why one does not pass."""
    page = Path(__file__).resolve().parents[2] / "docs" / "convert.md"
    rows = dict(re.findall(r"^\| `(test_\w+)` \| (.+) \|$", page.read_text(), re.MULTILINE))
    assert set(rows) == set(CASES)
    assert len(CASES) >= 18
    assert {name for name, told in rows.items() if told != "passes"} == set(NOT_OURS)
    assert "peepholes" in rows["test_lstm_with_peepholes"]
