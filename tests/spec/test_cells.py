"""Cells declare gates, parameters and state; a value that contradicts them is refused."""

from typing import Any

import pytest

from recurra.errors import SpecError
from recurra.spec.cells import (
    ACTIVATIONS,
    CELLS,
    RESETS,
    AbstractCell,
    AbstractRecurrentCell,
    GRUCell,
    LSTMCell,
    MinGRUCell,
    RNNCell,
)
from recurra.spec.kernel import FAMILIES
from recurra.spec.node import Signal

SIZES: dict[str, Any] = {"input_size": 3, "hidden_size": 5}


@pytest.mark.parametrize(
    ("cell", "gates", "state"),
    [
        (GRUCell(**SIZES), ("reset", "update", "candidate"), ("h",)),
        (GRUCell(**SIZES, reset="before"), ("reset", "update", "candidate"), ("h",)),
        (GRUCell(**SIZES, reset="none"), ("update", "candidate"), ("h",)),
        (LSTMCell(**SIZES), ("input", "forget", "cell", "output"), ("h", "c")),
        (RNNCell(**SIZES), ("candidate",), ("h",)),
    ],
)
def test_gates_give_the_rows_of_every_parameter(
    cell: AbstractCell, gates: tuple[str, ...], state: tuple[str, ...]
) -> None:
    rows = len(gates) * 5
    assert cell.gates == gates
    assert cell.parameters() == {
        "input_weight": (rows, 3),
        "recurrent_weight": (rows, 5),
        "input_bias": (rows,),
        "recurrent_bias": (rows,),
    }
    assert cell.state_slots() == dict.fromkeys(state, (5,))
    assert cell.output((Signal("steps", 3),)) == Signal("steps", 5)
    assert cell.why_not_streaming() is None


def test_mingru_reads_its_input_alone() -> None:
    cell = MinGRUCell(**SIZES, learn_initial_state=True)
    assert cell.gates == ("update", "candidate")
    assert (cell.activation, cell.gate_activation) == ("identity", "sigmoid")
    assert cell.parameters() == {"input_weight": (10, 3), "input_bias": (10,), "initial_h": (5,)}
    assert cell.state_slots() == {"h": (5,)}
    assert cell.output((Signal("steps", 3),)) == Signal("steps", 5)
    assert cell.why_not_streaming() is None
    with pytest.raises(TypeError, match="weight_dropout"):
        MinGRUCell(**SIZES, weight_dropout=0.1)  # type: ignore[call-arg]  # the point of the test


def test_every_cell_has_its_kind_and_its_kernels() -> None:
    """A cell that `CELLS` forgets, or whose family has no descriptor, fails here."""
    final = {
        cell for base in (AbstractCell, AbstractRecurrentCell) for cell in base.__subclasses__()
    }
    assert set(CELLS.values()) == final - {AbstractRecurrentCell}
    for kind, cell in CELLS.items():
        assert cell.kind == kind
        assert cell.state_fields == tuple(cell(**SIZES).state_slots())
        weights = {n: f for n, f in FAMILIES[cell.family].items() if f.role == "weight"}
        assert set(weights) == set(cell(**SIZES).parameters())
    assert [cell.family for cell in CELLS.values()] == list(FAMILIES)


@pytest.mark.parametrize("cell_type", CELLS.values())
def test_bias_and_initial_state_are_choices(cell_type: type[AbstractCell]) -> None:
    cell = cell_type(**SIZES, bias=False, learn_initial_state=True)
    names = [name for name in cell.parameters() if "bias" in name]
    initial = {name: shape for name, shape in cell.parameters().items() if "initial" in name}
    assert names == []
    assert initial == {f"initial_{name}": (5,) for name in cell.state_slots()}


@pytest.mark.parametrize("cell_type", CELLS.values())
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"input_size": 0}, "input_size must be a whole number >= 1, got 0"),
        ({"hidden_size": 1.5}, "hidden_size must be a whole number"),
        ({"hidden_size": True}, "hidden_size must be a whole number"),
        ({"activation": "gelu"}, "activation must be one of tanh, .* got 'gelu'"),
        ({"gate_activation": None}, "gate_activation must be one of"),
        ({"zoneout": 1.0}, r"zoneout must be in \[0, 1\), got 1.0"),
        ({"zoneout": float("nan")}, "zoneout must be in"),
    ],
)
def test_contradictions_are_refused(
    cell_type: type[AbstractCell], change: dict[str, Any], words: str
) -> None:
    with pytest.raises(SpecError, match=words):
        cell_type(**(SIZES | change))


def test_choices_of_one_cell_only() -> None:
    with pytest.raises(SpecError, match="gru: reset must be one of after, before, none"):
        GRUCell(**SIZES, reset="later")  # type: ignore[arg-type]  # the point of the test
    for rate in (-0.1, "0"):
        with pytest.raises(SpecError, match="rnn: weight_dropout must be in"):
            RNNCell(**SIZES, weight_dropout=rate)  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(SpecError, match="lstm: zoneout_cell must be in"):
        LSTMCell(**SIZES, zoneout_cell=1)
    assert {*RESETS} == {"after", "before", "none"}
    assert len(set(ACTIVATIONS)) == len(ACTIVATIONS)


@pytest.mark.parametrize(
    "inputs",
    [
        (),
        (Signal("steps", 4),),
        (Signal("row", 3),),
        (Signal("steps", 3, "token"),),
        (Signal("steps", 3), Signal("steps", 3)),
    ],
)
def test_other_inputs_are_refused(inputs: tuple[Signal, ...]) -> None:
    with pytest.raises(SpecError, match=r"gru expected \[B, T, 3\], got"):
        GRUCell(**SIZES).output(inputs)


def test_a_cell_without_gates_says_so() -> None:
    with pytest.raises(SpecError, match="AbstractCell names no gates"):
        _ = AbstractCell(**SIZES).gates
