"""A network is measured in the order of its cases, in the target's own unit, padding apart."""

import numpy as np
import pytest
import torch

from recurra.codecs import Cases, cases_from_arrays
from recurra.errors import TrainingError
from recurra.spec.settings import Settings
from recurra.tasks import task_for
from recurra.train.evaluate import Watched, model_in_torch, weights_of


def watched(task_name: str, batch_size: int = 4) -> Watched:
    generator = np.random.default_rng(0)
    x = [generator.normal(size=(int(generator.integers(1, 7)), 2)) for _ in range(11)]
    y = list("abc" * 4)[:11] if task_name == "classify" else [100.0 + 10 * k for k in range(11)]
    cases: Cases = cases_from_arrays(x, y)
    settings = Settings.from_flat({"hidden": 4, "task": task_name})
    task = task_for(task_name)
    codec = task.codec(cases, settings)
    graphs = task.graphs(settings.model, codec)
    torch.manual_seed(0)
    module = task.network(graphs).eval()
    encoded = task.encoded(codec, cases, settings, training=False)
    return Watched(module, task, graphs, codec, encoded, cases, batch_size)


@pytest.mark.parametrize("task_name", ["classify", "regress"])
def test_loss_and_figures_do_not_depend_on_the_batches(task_name: str) -> None:
    loss, figures = watched(task_name).figures()
    alone, same = watched(task_name, batch_size=1).figures()
    assert loss == pytest.approx(alone, rel=1e-5)
    assert figures == pytest.approx(same, rel=1e-5)


def test_numbers_come_in_the_targets_unit() -> None:
    watch = watched("regress")
    model = model_in_torch(watch.module, watch.task, watch.graphs, watch.codec)
    answers = model(list(watch.cases.inputs))
    assert answers.shape == (11,)
    assert 50 < answers.mean() < 250
    truth = np.array(watch.cases.target_values())
    assert watch.figures()[1]["mse"] == pytest.approx(np.square(answers - truth).mean(), rel=1e-6)


def test_the_metric_is_the_tasks() -> None:
    watch = watched("classify")
    loss, metric = watch.measure()
    model = model_in_torch(watch.module, watch.task, watch.graphs, watch.codec)
    right = np.asarray(model.predict(list(watch.cases.inputs))) == watch.cases.target_values()
    assert metric == pytest.approx(right.mean())
    assert loss == watch.figures()[0]


def test_the_weights_are_those_of_the_moment() -> None:
    watch = watched("classify")
    before = watch.figures()[0]
    with torch.no_grad():
        watch.module.get_parameter("head.bias")[0] += 1.0
    assert watch.figures()[0] != before
    assert weights_of(watch.module)["head.bias"][0] == watch.module.get_parameter("head.bias")[0]


@pytest.mark.parametrize("value", [torch.inf, torch.nan])
def test_a_network_gone_wild_is_an_error(value: float) -> None:
    watch = watched("classify")
    with torch.no_grad():
        watch.module.get_parameter("head.bias").fill_(value)
    with pytest.raises(TrainingError, match="smaller learning_rate"):
        watch.measure()
