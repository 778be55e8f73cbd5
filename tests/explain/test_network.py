"""A trained model's flow is that of its own weights on its own inputs, for every kind of task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recurra import SequenceClassifier, SequenceTransducer
from recurra.explain import flow, model_flows, module_of
from recurra.runtime import load

SMALL: dict[str, Any] = {"hidden": 4, "epochs": 1, "threads": 1}
CASES = [np.sin(np.arange(n) * (0.3 + 0.1 * (n % 2)))[:, None] for n in range(8, 24)]


@pytest.fixture(scope="module")
def classifier() -> SequenceClassifier:
    return SequenceClassifier(**SMALL, cell="lstm").fit(CASES, [n % 2 for n in range(16)])


def test_the_module_answers_as_the_runtime(classifier: SequenceClassifier) -> None:
    model = classifier.model_
    module = module_of(model.parts)
    (probe,) = model.probes(CASES[3])
    with torch.no_grad():
        found, _ = module({name: torch.from_numpy(a) for name, a in probe.inputs.items()})
    expected, _ = model.network(probe.inputs)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-5)
    assert not module.training


def test_a_bundle_s_flow(classifier: SequenceClassifier, tmp_path: Path) -> None:
    classifier.save(tmp_path / "bundle")
    model = load(tmp_path / "bundle")
    ((path, found),) = model_flows(model, CASES[:3]).items()
    assert found.log10["c"].shape == (3, 10)
    assert np.isnan(found.log10["c"][0, 8:]).all()
    layer = module_of(model.parts).get_submodule(path)
    (probe,) = model.probes(CASES[2])
    alone = flow(layer, torch.from_numpy(probe.inputs["x"]))  # type: ignore[arg-type]  # build gives a module
    np.testing.assert_allclose(found.log10["c"][2], alone.log10["c"][0], rtol=1e-6)


def test_several_networks_by_their_names() -> None:
    pairs = [("ab" * n, "ba" * n) for n in range(1, 13)]
    model = SequenceTransducer(**SMALL, embedding=4).fit(
        [a for a, _ in pairs], [b for _, b in pairs]
    )
    found = model_flows(model.model_, ["abab"])
    assert {path.split("/")[0] for path in found} == {"encoder", "decoder"}
    assert all((~np.isnan(one.log10["h"])).any() for one in found.values())
