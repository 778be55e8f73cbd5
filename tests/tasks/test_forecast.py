"""The task splits by time, weighs what was observed, and carries the linear map in a graph."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from recurra.codecs.forecast_table import SeriesCases
from recurra.codecs.windows import Windows
from recurra.errors import SettingsError
from recurra.metrics.baselines import fit_linear_map
from recurra.runtime.models.forecast import Forecast as ForecastAnswer
from recurra.spec.batch import Batch
from recurra.spec.settings import Settings
from recurra.tasks.forecast import BASELINE, Forecast

VALUES = np.random.default_rng(0).normal(5, 2, (120, 2)).cumsum(axis=0)


def chosen(**settings: Any) -> Settings:
    plain = {"task": "forecast", "horizon": 4, "lookback": 12, "segment": 3, "hidden": 5}
    return Settings.from_flat(plain | settings)


def cases(*lengths: int) -> SeriesCases:
    return SeriesCases(
        "series",
        tuple(VALUES[:n] for n in lengths),
        ("a", "b"),
        tuple(f"s{k}" for k in range(len(lengths))),
        "f",
        target_names=("a", "b"),
    )


def test_the_last_rows_are_held_out_with_a_look_back_before_them() -> None:
    train, held = Forecast().parts(cases(100, 15, 40), chosen(valid_fraction=0.2))
    assert [len(x) for x in train.inputs] == [80, 15, 32]
    assert held is not None
    assert held.ids == ("s0", "s2")
    assert [len(x) for x in held.inputs] == [12 + 20, 12 + 8]
    assert (held.inputs[0] == VALUES[68:100]).all()
    assert Forecast().parts(cases(100), chosen(valid_fraction=0))[1] is None
    assert Forecast().parts(cases(19), chosen())[1] is None


def test_training_sees_every_window_and_watching_every_strideth() -> None:
    settings = chosen(stride=10)
    task = Forecast.of(settings)
    own = cases(100)
    codec = task.codec(own, settings)
    learn = task.encoded(codec, own, settings, training=True)
    watch = task.encoded(codec, own, settings, training=False)
    assert isinstance(learn, Windows)
    assert (len(learn), len(watch)) == (85, 9)


def test_the_linear_map_is_a_graph_that_learns_no_more() -> None:
    settings = chosen()
    task = Forecast.of(settings)
    own = cases(100)
    codec = task.codec(own, settings)
    windows = task.encoded(codec, own, settings, training=True)
    assert isinstance(windows, Windows)
    task = task.weighed(windows, settings.training)
    network = task.network(task.graphs(settings.model, codec))
    weight, bias = fit_linear_map(windows)
    layer: Any = getattr(network, BASELINE)
    np.testing.assert_allclose(layer.weight.numpy(), weight, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.bias.numpy(), bias, rtol=1e-5, atol=1e-6)
    assert not layer.weight.requires_grad
    learned = task.learn(network, windows.collate([0, 5]), None, torch.device("cpu"), torch.float32)
    learned.total.backward()
    assert all(
        (parameter.grad is None) == name.startswith(BASELINE)
        for name, parameter in network.named_parameters()
    )
    assert float(learned.weight) == 2 * 2 * 4


def batch_of(y: Any, weight: Any) -> Batch:
    rows = {"y": np.asarray(y, np.float64), "y_weight": np.asarray(weight, np.float64)}
    steps = {"x": np.zeros((len(rows["y"]), 1, 1))}
    ones = np.ones(len(rows["y"]), np.int64)
    return Batch(steps, rows, ones, None, None, np.arange(len(ones)))


Y = np.array([[0.5, -2.0, 1.0]])
SEEN = np.array([[1.0, 1.0, 0.0]])
HEAD = np.array([[0.2, -1.0, 3.0]])


@pytest.mark.parametrize(
    ("loss", "expected"),
    [("mae", 0.3 + 1), ("mse", 0.09 + 1), ("huber", 0.045 + 0.5)],
)
def test_losses_of_points_count_what_was_observed(loss: Any, expected: float) -> None:
    task = Forecast(point_loss=loss)
    total, weight = task.loss({"head": torch.from_numpy(HEAD)}, batch_of(Y, SEEN))
    assert float(total) == pytest.approx(expected)
    assert float(weight) == 2


def test_likelihoods_are_those_of_scipy() -> None:
    head = np.random.default_rng(0).normal(size=(1, 3, 3))

    def softplus(x: Any) -> Any:
        return np.log1p(np.exp(x))

    scale = softplus(head[0, :, 1]) + 1e-4
    normal = -stats.norm.logpdf(Y[0], head[0, :, 0], scale)
    student = -stats.t.logpdf(Y[0], 2 + softplus(head[0, :, 2]), head[0, :, 0], scale)
    for distribution, expected, count in (("gaussian", normal, 2), ("student", student, 3)):
        task = Forecast(distribution=distribution, levels=(0.1, 0.9))  # type: ignore[arg-type]  # one of them
        given = torch.from_numpy(head[:, :, :count].reshape(1, -1))
        total, _ = task.loss({"head": given}, batch_of(Y, SEEN))
        assert float(total) == pytest.approx(expected[:2].sum())


def test_the_pinball_loss_by_hand() -> None:
    settings = chosen(distribution="quantiles", levels=(0.9,))
    task = Forecast.of(settings)
    assert task.levels == (0.5, 0.9)
    head = torch.tensor([[0.0, 1.0, -3.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    total, weight = task.loss({"head": head}, batch_of(Y, SEEN))
    expected = 0.5 * 0.5 + 0.1 * 0.5 + 0.5 * 1.0 + 0.1 * 2.0
    assert float(total) == pytest.approx(expected)
    assert float(weight) == 2


def test_margins_are_the_quantiles_of_held_out_errors() -> None:
    settings = chosen(coverage=0.5, stride=3, normalise="window")
    task = Forecast.of(settings)
    own = cases(100)
    codec = task.codec(own, settings)
    windows = task.encoded(codec, own, settings, training=False)
    assert isinstance(windows, Windows)
    random = np.random.default_rng(0)
    points = random.normal(10, 5, (len(windows), 4, 2))

    class Model:
        def answers(self, encoded: Windows) -> list[Any]:
            return [ForecastAnswer(point[..., None]) for point in points]

    calibrated = task.calibrated(Model(), windows, own, settings.training)
    assert calibrated.levels == (0.25, 0.75)
    scale = windows.collate(range(len(windows))).rows["scale"]
    errors = np.abs(points - windows.truth(range(len(windows)))) / scale[:, None]
    rank = int(np.ceil((len(windows) + 1) * 0.5)) - 1
    np.testing.assert_allclose(
        np.reshape(calibrated.margins, (4, 2)), np.sort(errors, axis=0)[rank]
    )
    assert task.like(calibrated.decoder(codec)).margins == calibrated.margins
    strict = chosen(coverage=0.999).training
    with pytest.raises(SettingsError, match="needs at least 999 held-out forecasts"):
        task.calibrated(Model(), windows, own, strict)
    with pytest.raises(SettingsError, match="leave one out"):
        Forecast.of(chosen(coverage=0.5, distribution="gaussian"))


def test_settings_of_other_tasks_are_refused() -> None:
    with pytest.raises(SettingsError, match="class_weight='balanced' has no meaning for forecasts"):
        Forecast.of(chosen(class_weight="balanced"))


def test_dense_layers_and_convolutions_stand_around_the_recurrent_ones() -> None:
    settings = chosen(dense_before=(7,), convolution=(6,), dense_after=(5,), input_dropout=0.1)
    task = Forecast.of(settings)
    codec = task.codec(cases(100), settings)
    main = task.graphs(settings.model, codec)["main"]
    assert [step.name for step in main.steps] == [
        *("input_dropout", "before_0", "convolution_0", "encoder", "pool", "head_dropout"),
        *("after_0", "head"),
    ]
    plain = task.graphs(chosen().model, codec)["main"]
    assert [step.name for step in plain.steps] == ["encoder", "pool", "head_dropout", "head"]


def test_witnesses_are_histories_of_the_watched_series() -> None:
    settings = chosen()
    task = Forecast.of(settings)
    own = cases(100, 40)
    codec = task.codec(own, settings)
    found = task.witnesses(codec, own).inputs
    assert [len(history.values) for history in found] == [25, 20, 75, 40]
    assert [history.series for history in found] == ["s0", "s1", "s0", "s1"]
