"""The width found is the nearest to the budget: its neighbours are not nearer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recurra.codecs import SequenceCodec, cases_from_arrays, fit_codec
from recurra.errors import SettingsError
from recurra.layers import build
from recurra.spec.cells import CELLS
from recurra.spec.settings import DataSettings, ModelSettings
from recurra.tasks import Classify
from recurra.train.budget import hidden_for, parameter_count


def codec() -> SequenceCodec:
    x = np.random.default_rng(0).normal(size=(9, 3, 12))
    return fit_codec(cases_from_arrays(x, list(range(9))), DataSettings(), "classify")


CODEC = codec()


def count(model: ModelSettings) -> int:
    return parameter_count(Classify().graphs(model, CODEC))


@settings(max_examples=30, deadline=None)
@given(
    budget=st.integers(1, 100_000),
    cell=st.sampled_from(list(CELLS)),
    layers=st.integers(1, 2),
    bidirectional=st.booleans(),
)
def test_no_other_width_is_nearer(budget: int, cell: str, layers: int, bidirectional: bool) -> None:
    model = ModelSettings(cell=cell, layers=layers, bidirectional=bidirectional)
    found = hidden_for(budget, Classify(), model, CODEC)

    def distance(hidden: int) -> int:
        return abs(count(model.model_copy(update={"hidden": hidden})) - budget)

    assert distance(found) <= distance(found + 1)
    if found > 1:
        assert distance(found) < distance(found - 1)


def test_the_count_is_that_of_the_module() -> None:
    graph = Classify().graphs(ModelSettings(cell="lstm", hidden=7), CODEC)["main"]
    assert parameter_count({"main": graph}) == sum(p.numel() for p in build(graph).parameters())


def test_other_cells_of_the_default_grus_size_differ_by_a_hundredth() -> None:
    budget = count(ModelSettings())
    for cell in CELLS:
        model = ModelSettings(cell=cell)
        hidden = hidden_for(budget, Classify(), model, CODEC)
        found = count(model.model_copy(update={"hidden": hidden}))
        assert found == pytest.approx(budget, rel=0.02)


def test_impossible_budgets_are_refused() -> None:
    with pytest.raises(SettingsError, match="at least 1"):
        hidden_for(0, Classify(), ModelSettings(), CODEC)
    with pytest.raises(SettingsError, match="no hidden up to 65536"):
        hidden_for(10**12, Classify(), ModelSettings(), CODEC)
