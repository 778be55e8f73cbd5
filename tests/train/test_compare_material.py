"""All trainings share their parts: a seed moves nothing, and no case is in two of them."""

import numpy as np
import pytest

from recurra.codecs import cases_from_arrays
from recurra.errors import DataError
from recurra.spec.settings import Settings
from recurra.train.compare_material import Files, material_of, read_parts, shared
from train.comparing import material, settings, waves, written


def test_the_parts_are_disjoint_and_together_everything() -> None:
    found = material()
    assert found.valid is not None
    parts = [set(part.ids) for part in (found.train, found.valid, found.test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 40
    assert [len(part) for part in parts] == [27, 5, 8]


def test_the_test_part_may_be_given() -> None:
    test = waves(10, seed=9)
    found = material_of(waves(), settings(), test=test)
    assert found.test.inputs[0] is test.inputs[0]
    assert len(found.train) == 34
    strange = cases_from_arrays([np.zeros((4, 2))], ["other"])
    with pytest.raises(DataError, match="other"):
        material_of(waves(), settings(), test=strange)


def test_the_identity_tells_parts_and_settings_apart() -> None:
    first = material().identity()
    assert first == material().identity()
    assert first != material(learning_rate=0.5).identity()
    assert first != material_of(waves(seed=4), settings()).identity()
    # What is varied within a comparison is no part of it.
    assert first == material(cell="lstm").identity()


def test_widths_make_the_sizes_equal() -> None:
    found = material(hidden=32)
    budget = found.parameters("gru", 32)
    for cell in ("rnn", "lstm", "mingru"):
        assert found.parameters(cell, found.hidden(cell, budget)) == pytest.approx(budget, rel=0.05)


def test_one_thread_unless_told_otherwise() -> None:
    assert material_of(waves(), Settings()).settings.training.threads == 1
    assert material(threads=2).settings.training.threads == 2


def test_too_few_to_hold_out() -> None:
    with pytest.raises(DataError):
        material_of(waves(1), settings())


def test_files_are_read_alike(tmp_path) -> None:
    """The second file's targets are what the first one's are, however they look."""
    path = written(tmp_path / "waves.csv")
    cases, test = read_parts(Files(path, path), settings())
    assert test is not None
    assert (cases.target_kind, test.target_kind) == ("class", "class")
    assert read_parts(Files(path, None), settings())[1] is None
    # Columns that were not learnt from are passed over, wherever they stand.
    rows = path.read_text().splitlines()
    wider = tmp_path / "wider.csv"
    wider.write_text("\n".join(f"{k or 'note'},{row}" for k, row in enumerate(rows)) + "\n")
    again = read_parts(Files(path, wider), settings())[1]
    assert again is not None
    assert again.features == cases.features == ("left", "right")
    assert shared(cases, again) == 40


def test_a_test_part_that_is_learnt_from_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="every one of the 40 sequences to test by is learnt from"):
        material_of(waves(), settings(), test=waves())
    some = waves(50)
    assert shared(waves(), some) == 40
    assert material_of(waves(), settings(), test=some).repeated == 40
    assert material().repeated == 0


def test_missing_values_of_any_part_are_settled_for_all() -> None:
    """A hole in the test part alone decides how every network is trained."""
    holed = waves(10, seed=9)
    holed.inputs[3][2, 0] = np.nan
    found = material_of(waves(), settings(), test=holed)
    assert found.settings.data.missing == "last"
    assert material().settings.data.missing == "auto"


def test_what_is_the_same_twice_in_one_file_is_parted_all_the_same() -> None:
    twice = cases_from_arrays([np.eye(2)[[k % 2]] for k in range(20)], list("ab") * 10)
    found = material_of(twice, settings())
    assert found.repeated == len(found.test)
