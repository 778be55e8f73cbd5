"""A network is measured in the order of its cases, in the target's own unit, padding apart."""

import numpy as np
import pytest
import torch

from recurra.codecs import Cases, SequenceCodec, cases_from_arrays, fit_codec
from recurra.errors import TrainingError
from recurra.layers import GraphModule, build
from recurra.spec.settings import DataSettings, ModelSettings
from recurra.tasks import AbstractTask, task_for
from recurra.train.evaluate import answers_and_loss, measure, truth_of


def made(task_name: str) -> tuple[Cases, SequenceCodec, AbstractTask, GraphModule]:
    generator = np.random.default_rng(0)
    x = [generator.normal(size=(int(generator.integers(1, 7)), 2)) for _ in range(11)]
    y = list("abc" * 4)[:11] if task_name == "classify" else [100.0 + 10 * k for k in range(11)]
    cases = cases_from_arrays(x, y)
    codec = fit_codec(cases, DataSettings(), "classify" if task_name == "classify" else "regress")
    task = task_for(task_name)
    torch.manual_seed(0)
    network = build(task.graphs(ModelSettings(hidden=4), codec)["main"]).eval()
    return cases, codec, task, network


@pytest.mark.parametrize("task_name", ["classify", "regress"])
def test_answers_and_loss_do_not_depend_on_the_batches(task_name: str) -> None:
    cases, codec, task, network = made(task_name)
    encoded = codec.encode_cases(cases)
    answers, loss = answers_and_loss(network, task, codec, encoded, 4)
    alone = [answers_and_loss(network, task, codec, [case], 1) for case in encoded]
    np.testing.assert_allclose(answers, np.concatenate([a for a, _ in alone]), rtol=1e-5)
    assert loss == pytest.approx(np.mean([one for _, one in alone]), rel=1e-5)


def test_numbers_come_in_the_targets_unit() -> None:
    cases, codec, task, network = made("regress")
    answers, _ = answers_and_loss(network, task, codec, codec.encode_cases(cases), 4)
    assert answers.shape == (11,)
    assert 50 < answers.mean() < 250
    assert truth_of(cases, codec).tolist() == cases.target_values()


def test_classes_are_compared_by_their_index() -> None:
    cases, codec, _, _ = made("classify")
    assert truth_of(cases, codec).tolist() == [k % 3 for k in range(11)]


def test_the_metric_is_the_tasks() -> None:
    cases, codec, task, network = made("classify")
    encoded, truth = codec.encode_cases(cases), truth_of(cases, codec)
    answers, wanted = answers_and_loss(network, task, codec, encoded, 4)
    loss, metric = measure(network, task, codec, encoded, truth, 4)
    assert loss == wanted
    assert metric == pytest.approx(np.mean(answers.argmax(1) == truth))


def test_a_network_gone_wild_is_an_error() -> None:
    cases, codec, task, network = made("classify")
    with torch.no_grad():
        network.get_parameter("head.bias").fill_(torch.inf)
    with pytest.raises(TrainingError, match="smaller learning_rate"):
        measure(network, task, codec, codec.encode_cases(cases), truth_of(cases, codec), 4)
