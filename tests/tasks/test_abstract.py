"""A task's graph is embedding, dropout, encoder, pool, dropout, head, without what is not asked."""

import numpy as np
import pytest
import torch

from recurra.codecs import SequenceCodec, cases_from_arrays, fit_codec
from recurra.errors import SettingsError, SpecError
from recurra.spec.batch import Encoded, collate
from recurra.spec.graph import Graph
from recurra.spec.node import Signal
from recurra.spec.settings import DataSettings, ModelSettings
from recurra.tasks import TASKS, Classify, Regress, task_for
from recurra.tasks.abstract import truth


def series_codec() -> SequenceCodec:
    x = [np.random.default_rng(k).normal(size=(4, 2)) for k in range(3)]
    return fit_codec(cases_from_arrays(x, ["a", "b", "c"]), DataSettings(), "classify")


def text_codec() -> SequenceCodec:
    cases = cases_from_arrays(["good film", "bad film"], ["yes", "no"])
    return fit_codec(cases, DataSettings(), "classify")


def steps_of(graph: Graph) -> list[str]:
    return [step.name for step in graph.steps]


def test_series_without_dropout() -> None:
    (graph,) = Classify().graphs(ModelSettings(hidden=4, dropout=0.0), series_codec()).values()
    assert steps_of(graph) == ["encoder", "pool", "head"]
    assert graph.inputs == {"x": Signal("steps", 2)}
    assert graph.outputs == ("head",)
    assert graph.signals()["head"] == Signal("row", 3)


def test_texts_with_dropout() -> None:
    codec = text_codec()
    settings = ModelSettings(hidden=4, embedding=6, dropout=0.5, pool=("last", "max"))
    graphs = Classify().graphs(settings, codec)
    assert steps_of(graphs["main"]) == [
        "embedding",
        "input_dropout",
        "encoder",
        "pool",
        "head_dropout",
        "head",
    ]
    signals = graphs["main"].signals()
    assert signals["x"].dtype == "token"
    assert (signals["embedding"].size, signals["pool"].size, signals["head"].size) == (6, 8, 2)


def test_a_bidirectional_graph_says_why_it_cannot_stream() -> None:
    settings = ModelSettings(hidden=4, bidirectional=True)
    (graph,) = Classify().graphs(settings, series_codec()).values()
    assert "'encoder'" in str(graph.why_not_streaming())
    (graph,) = Classify().graphs(ModelSettings(hidden=4), series_codec()).values()
    assert graph.why_not_streaming() is None


def test_tasks_are_found_by_name() -> None:
    assert {"classify", "regress"} <= set(TASKS)
    for name in TASKS:
        assert task_for(name).name == name
    assert type(task_for("classify")) is Classify
    assert type(task_for("regress")) is Regress
    with pytest.raises(SettingsError, match=r"one of classify, regress, .*; got 'dream'"):
        task_for("dream")


def test_a_batch_without_targets_is_refused() -> None:
    batch = collate([Encoded({"x": np.zeros((2, 1), np.float32)})], [0])
    with pytest.raises(SpecError, match="encode cases with their targets"):
        truth(batch, torch.device("cpu"))
