"""The descriptor's table decides every shape and dtype, and names what does not fit."""

from typing import Any

import pytest

from recurra.errors import DTypeError, ShapeError
from recurra.spec.kernel import DESCRIPTOR_VERSION, FAMILIES, check_arrays

B, T, I, H = 2, 4, 3, 5  # noqa: E741 - the letter of the axis
GATES = {"gru": 3, "lstm": 4, "rnn": 1, "scan": 2}
WIDTHS = {"B": B, "T": T, "I": I, "H": H}


def call(family: str, *, optional: bool = True, stepwise: bool = False) -> dict[str, Any]:
    """Every array of a family with its right shape and dtype."""
    widths = WIDTHS | {"GH": GATES[family] * H}
    return {
        name: (
            tuple(widths[a] for a in field.axes if not (stepwise and a == "T")),
            "float64" if field.dtype == "real" else field.dtype,
        )
        for name, field in FAMILIES[family].items()
        if (optional or not field.optional) and not (stepwise and name == "lengths")
    }


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("optional", [True, False])
@pytest.mark.parametrize("stepwise", [True, False])
def test_what_fits_gives_the_sizes(family: str, optional: bool, stepwise: bool) -> None:
    arrays = call(family, optional=optional, stepwise=stepwise)
    sizes = check_arrays(family, arrays, GATES[family], stepwise=stepwise)
    assert sizes == {axis: n for axis, n in WIDTHS.items() if not (stepwise and axis == "T")}
    absent = dict.fromkeys(FAMILIES[family]) | arrays
    assert check_arrays(family, absent, GATES[family], stepwise=stepwise) == sizes


@pytest.mark.parametrize("family", FAMILIES)
def test_each_axis_of_each_array_is_checked(family: str) -> None:
    good = call(family)
    for name, (shape, dtype) in good.items():
        for axis in range(len(shape)):
            wrong = (*shape[:axis], shape[axis] + 1, *shape[axis + 1 :])
            with pytest.raises(ShapeError, match=rf"{family} expected \w+ \["):
                check_arrays(family, good | {name: (wrong, dtype)}, GATES[family])
        with pytest.raises(ShapeError, match=rf"expected {name} .* with {len(shape)} axes"):
            check_arrays(family, good | {name: ((*shape, 1), dtype)}, GATES[family])


@pytest.mark.parametrize("family", FAMILIES)
def test_each_dtype_is_checked(family: str) -> None:
    good = call(family)
    for name, (shape, dtype) in good.items():
        for wrong in {"float32", "float16", "int64", "bool", "int32", "object"} - {dtype}:
            with pytest.raises(DTypeError, match=rf"{family} expected \w+ in"):
                check_arrays(family, good | {name: (shape, wrong)}, GATES[family])


@pytest.mark.parametrize("family", FAMILIES)
def test_each_array_that_is_not_optional_is_needed(family: str) -> None:
    good = call(family)
    for name, field in FAMILIES[family].items():
        lacking = {other: value for other, value in good.items() if other != name}
        if field.optional:
            check_arrays(family, lacking, GATES[family])
        else:
            with pytest.raises(ShapeError, match=rf"{family} needs {name} \[.*\], got none"):
                check_arrays(family, lacking, GATES[family])


def test_the_words_say_who_is_right() -> None:
    good = call("gru")
    with pytest.raises(
        ShapeError, match=r"gru expected h0 \[B, H\] with B=2 as x says, got \[9, 5\]"
    ):
        check_arrays("gru", good | {"h0": ((9, 5), "float64")}, 3)
    with pytest.raises(
        ShapeError,
        match=r"gru expected input_weight \[GH, I\] with GH=15 as h0 says, got \[10, 3\]",
    ):
        check_arrays("gru", good | {"input_weight": ((10, 3), "float64")}, 3)
    with pytest.raises(DTypeError, match="h0 in float64 as x is, got float32; convert one"):
        check_arrays("gru", good | {"h0": ((2, 5), "float32")}, 3)
    with pytest.raises(ShapeError, match="gru takes no array 'c0'; it takes x, h0"):
        check_arrays("gru", good | {"c0": ((2, 5), "float64")}, 3)


def test_the_families_differ_in_their_states_and_in_decay() -> None:
    assert {name for name in FAMILIES["lstm"] if name.endswith("0")} == {"h0", "c0"}
    assert [family for family, table in FAMILIES.items() if "decay" in table] == ["gru"]
    without = {family for family, table in FAMILIES.items() if "recurrent_weight" not in table}
    assert without == {"scan"}
    assert not any(name.startswith("recurrent") for name in FAMILIES["scan"])
    assert DESCRIPTOR_VERSION >= 1
    for table in FAMILIES.values():
        for name, field in table.items():
            real = field.dtype == "real"
            assert field.differentiable == (real and field.role != "noise"), name
