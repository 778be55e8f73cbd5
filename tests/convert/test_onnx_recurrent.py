"""A cell is ONNX's own node where that computes the same, else a Scan; the values agree in both."""

from __future__ import annotations

import pytest

from convert.onnx_graphs import agreed, chain, ops
from recurra.spec.cells import AbstractCell, GRUCell, LSTMCell, MinGRUCell, RNNCell
from recurra.spec.nodes import Bidirectional, Stack


def gru(inputs: int = 3, **more: object) -> GRUCell:
    return GRUCell(input_size=inputs, hidden_size=4, **more)  # type: ignore[arg-type]  # drawn


def lstm(inputs: int = 3, **more: object) -> LSTMCell:
    return LSTMCell(input_size=inputs, hidden_size=4, **more)  # type: ignore[arg-type]  # drawn


OWN: dict[str, tuple[AbstractCell, str]] = {
    "after": (gru(), "GRU"),
    "before": (gru(reset="before", activation="softsign"), "GRU"),
    "no reset": (gru(reset="none"), "GRU"),
    "no reset, no bias": (gru(reset="none", bias=False), "GRU"),
    "hard sigmoid": (gru(gate_activation="hard_sigmoid", weight_dropout=0.5), "GRU"),
    "mingru": (MinGRUCell(input_size=3, hidden_size=4), "GRU"),
    "lstm": (lstm(learn_initial_state=True), "LSTM"),
    "rnn": (RNNCell(input_size=3, hidden_size=4, activation="relu", bias=False), "RNN"),
}
SCANNED: dict[str, AbstractCell] = {
    "zoneout": gru(zoneout=0.2, reset="before"),
    "hard tanh": gru(activation="hard_tanh", reset="none"),
    "a gate that cannot be turned": gru(gate_activation="softsign"),
    "zoneout of the cell": lstm(zoneout_cell=0.3, learn_initial_state=True),
    "mingru": MinGRUCell(input_size=3, hidden_size=4, gate_activation="hard_tanh"),
    "rnn": RNNCell(input_size=3, hidden_size=4, activation="hard_tanh", zoneout=0.1),
}


@pytest.mark.parametrize("name", OWN)
def test_onnx_s_own_node_where_it_computes_the_same(name: str) -> None:
    cell, op = OWN[name]
    found = ops(agreed(chain(cell)))
    assert op in found
    assert "Scan" not in found


@pytest.mark.parametrize("name", SCANNED)
def test_a_scan_where_it_has_none(name: str) -> None:
    found = ops(agreed(chain(SCANNED[name])))
    assert "Scan" in found
    assert not {"GRU", "LSTM", "RNN"} & {*found}


def test_both_directions_are_one_node_where_they_are_alike() -> None:
    """Else two, of which one may be a Scan that runs backwards; learnt states on either."""
    alike = agreed(chain(Bidirectional(forward=lstm(learn_initial_state=True), backward=lstm())))
    assert [node.op_type for node in alike.graph.node].count("LSTM") == 1
    odd = agreed(chain(Bidirectional(forward=gru(), backward=lstm(learn_initial_state=True))))
    assert {"GRU", "LSTM"} <= {*ops(odd)}
    mixed = agreed(
        chain(Bidirectional(forward=gru(zoneout=0.1), backward=gru(learn_initial_state=True)))
    )
    assert {"GRU", "Scan"} <= {*ops(mixed)}
    back = agreed(chain(Bidirectional(forward=gru(), backward=gru(zoneout=0.1))))
    assert {"GRU", "Scan"} <= {*ops(back)}


def test_a_stack_adds_what_it_reads_where_the_widths_agree() -> None:
    low, both = (Bidirectional(forward=gru(k), backward=gru(k)) for k in (4, 8))
    agreed(chain(Stack(layers=(gru(), low, both, lstm(8)), residual=True)))
    agreed(chain(Stack(layers=(gru(4), lstm(4)), residual=True), size=4))
