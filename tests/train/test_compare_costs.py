"""A step is timed on the bundle's own session, and only where the bundle has one."""

from pathlib import Path

import pytest

from recurra.train.compare_costs import step_us
from recurra.train.fit import fit_cases
from train.comparing import material, settings


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bundles")
    found = {}
    for name, both in (("one", False), ("both", True)):
        chosen = settings(bidirectional=both, epochs=1)
        found[name] = fit_cases(material().train, chosen).export(folder / name)
    return found


def test_streams_are_timed(bundles: dict[str, Path]) -> None:
    found = step_us(bundles, material().test)
    assert found["both"] is None
    assert found["one"] is not None
    # A step of three units on any machine: above a clock's tick, below what a person notices.
    assert 0.05 < found["one"] < 20_000
    assert step_us({}, material().test) == {}
