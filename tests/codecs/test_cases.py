"""Cases are a value: subsets keep everything in step, and channels are found by name."""

import numpy as np
import pytest

from recurra.codecs import Cases, Columns, cases_from_arrays, label_text
from recurra.codecs.cases import unnamed_features
from recurra.errors import DataError


def three_cases() -> Cases:
    return Cases(
        kind="series",
        inputs=(np.full((2, 2), 1.0), np.full((3, 2), 2.0), np.array([[3.0, 4.0]])),
        features=("a", "b"),
        ids=("p", "q", "r"),
        source="file.csv",
        targets=("u", "v", "u"),
        target_kind="class",
        times=(np.arange(2.0), np.arange(3.0), np.arange(1.0)),
        columns=Columns(id="id"),
    )


def test_a_subset_keeps_inputs_targets_ids_and_times_together() -> None:
    part = three_cases().subset([2, 0])
    assert part.ids == ("r", "p")
    assert part.targets == ("u", "u")
    assert part.lengths.tolist() == [1, 2]
    assert part.times is not None
    assert [len(t) for t in part.times] == [1, 2]
    assert (part.source, part.columns, len(part)) == ("file.csv", Columns(id="id"), 2)


def test_a_subset_of_numbers_and_of_cases_without_targets() -> None:
    numbers = cases_from_arrays([np.ones((1, 1))] * 3, [0.5, 1.5, 2.5]).subset(np.array([1]))
    assert np.array_equal(numbers.targets, [1.5])
    assert numbers.target_values() == [1.5]
    assert cases_from_arrays(["x", "y"]).subset([1]).targets is None


def test_cases_without_targets_say_so_when_asked() -> None:
    with pytest.raises(DataError, match="X gives no targets"):
        cases_from_arrays(["x"]).target_values()


def test_channels_are_found_by_name_whatever_their_order() -> None:
    turned = three_cases().with_features(("b", "a"))
    assert turned.features == ("b", "a")
    assert turned.inputs[2].tolist() == [[4.0, 3.0]]
    assert three_cases().with_features(("b",)).inputs[2].tolist() == [[4.0]]


def test_channels_without_names_are_taken_by_position_if_their_number_fits() -> None:
    unnamed = cases_from_arrays([np.array([[3.0, 4.0]])])
    assert unnamed.with_features(("b", "a")).inputs[0].tolist() == [[3.0, 4.0]]
    with pytest.raises(DataError, match=r"expected 3 features \(a, b, c\), got 2"):
        unnamed.with_features(("a", "b", "c"))


def test_a_missing_channel_is_named() -> None:
    with pytest.raises(DataError, match=r"file\.csv: expected the feature 'c'.* got a, b"):
        three_cases().with_features(("a", "c"))


@pytest.mark.parametrize(
    ("label", "text"), [(1, "1"), (1.0, "1"), ("1", "1"), (True, "true"), (1.5, "1.5")]
)
def test_labels_of_all_types_have_one_text(label: object, text: str) -> None:
    assert label_text(label) == text  # type: ignore[arg-type]  # the parameters are labels


def test_unnamed_features_count_from_zero() -> None:
    assert unnamed_features(3) == ("x0", "x1", "x2")
