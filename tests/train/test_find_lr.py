"""A range test is a training of which only the rate is chosen: a constant rate changes nothing."""

import math
from typing import Any

import numpy as np
import pytest

from recurra.codecs import Cases, read_cases
from recurra.errors import SettingsError, TrainingError
from recurra.spec.settings import DataSettings, Settings
from recurra.train.find_lr import find_lr, range_curve, smoothed, suggestion, unclear
from recurra.train.fit import fit_cases
from recurra.train.progress import Silent
from train.comparing import settings, waves


def epoch_losses(cases: Cases, chosen: Settings, steps: int) -> list[float]:
    """The mean loss of each epoch of a range test of a constant rate."""
    rate = chosen.training.learning_rate
    found = find_lr(cases, chosen, steps=steps, lowest=rate, highest=rate)
    assert len(found["losses"]) == steps
    assert found["learning_rates"] == [rate] * steps
    each = steps // chosen.training.epochs
    return [sum(found["losses"][k : k + each]) / each for k in range(0, steps, each)]


@pytest.mark.parametrize(
    "strategy",
    [
        {},
        {"accumulate": 2, "dropout": 0.3},
        {"optimiser": "sgd", "momentum": 0.5, "clip": "value", "clip_value": 0.01},
        {"optimiser": "gd"},
    ],
)
def test_with_a_constant_rate_it_is_the_training(strategy: dict[str, Any]) -> None:
    """Clipping, accumulation, dropout and optimiser are the training's: the losses are equal."""
    constant = {"schedule": "constant", "warmup": 0.0, "epochs": 3, "valid_fraction": 0.2}
    chosen = settings(batch_size=8, **constant, **strategy)
    fitted = fit_cases(waves(), chosen)
    # 32 sequences are learnt from: four batches of equal size.
    together = 4 if strategy.get("optimiser") == "gd" else strategy.get("accumulate", 1)
    losses = epoch_losses(waves(), chosen, 3 * 4 // together)
    assert losses == pytest.approx([record["loss"] for record in fitted.history], rel=1e-6)


def test_state_is_carried_as_in_training(tmp_path: Any) -> None:
    """Windows of a text: each begins with the state that the one before has left."""
    path = tmp_path / "text.txt"
    path.write_text("the cat sat on the mat and the dog sat on the log, " * 12)
    data = DataSettings(task="generate")
    cases = read_cases(path, data)
    small = {"task": "generate", "hidden": 8, "embedding": 4, "window": 16, "batch_size": 2}
    constant = {"schedule": "constant", "warmup": 0.0, "epochs": 2, "threads": 1}
    chosen = Settings.from_flat(small | constant)
    means: list[float] = []

    class Means(Silent):
        def on_step(self, epoch: int, batch: int, loss: float, *_: object) -> None:
            if epoch == 1:
                means.append(loss)

    fit_cases(cases, chosen, progress=Means())
    found = find_lr(cases, chosen, steps=len(means), lowest=3e-3, highest=3e-3)
    assert len(means) > 5
    # The last window is shorter, so it weighs less than the others.
    for k in range(1, len(means)):
        assert np.mean(found["losses"][:k]) == pytest.approx(means[k - 1], rel=1e-6)


def test_rates_rise_by_a_constant_factor() -> None:
    found = find_lr(waves(), settings(), steps=13, lowest=1e-5, highest=1e-2)
    rates = found["learning_rates"]
    assert (rates[0], rates[-1]) == (1e-5, pytest.approx(1e-2))
    assert np.allclose(np.diff(np.log(rates)), math.log(1e3) / 12)
    assert len(rates) == len(found["losses"]) == len(found["smoothed"]) == 13
    assert found["now"] == 0.02


def test_a_good_rate_is_found_and_learns() -> None:
    chosen = settings(hidden=8, epochs=15, valid_fraction=0.0)
    found = find_lr(waves(), chosen, highest=3.0)
    rate = found["learning_rate"]
    assert rate is not None
    assert 1e-3 < rate < found["lowest_at"] < 3.0
    assert "svg" in range_curve(found)
    learnt = Settings.from_flat({"learning_rate": rate}, chosen)
    assert fit_cases(waves(), learnt).best_metric > 0.9


def test_it_ends_where_the_loss_bursts() -> None:
    chosen = settings(optimiser="sgd", clip="norm", clip_norm=0.0)
    found = find_lr(waves(), chosen, lowest=1e-3, highest=1e6)
    assert found["burst_at"] == found["learning_rates"][-1]
    assert len(found["losses"]) < 100
    with pytest.raises(TrainingError, match="smaller --lowest"):
        find_lr(waves(), chosen, lowest=1e30, highest=1e33)


def test_the_callers_settings_and_random_state_are_left_alone() -> None:
    import torch

    torch.manual_seed(3)
    wanted = torch.rand(2).tolist()
    torch.manual_seed(3)
    first = find_lr(waves(), settings(), steps=6)
    assert torch.rand(2).tolist() == wanted
    assert find_lr(waves(), settings(), steps=6) == first


def test_impossible_choices_are_refused() -> None:
    with pytest.raises(SettingsError, match="lowest <= highest"):
        find_lr(waves(), settings(), lowest=1.0, highest=0.1)
    with pytest.raises(SettingsError, match="at least 2 steps"):
        find_lr(waves(), settings(), steps=1)


def test_smoothing_is_never_late() -> None:
    """A line stays a line, away from its ends; a step stays where it is."""
    line = smoothed(list(range(40)))
    assert line[15:25] == pytest.approx(list(range(15, 25)))
    step = smoothed([1.0] * 20 + [0.0] * 20)
    assert step[19] + step[20] == pytest.approx(1.0)


def test_the_suggestion_is_the_steepest_fall() -> None:
    rates = [10.0**k for k in range(-6, 1)]
    assert suggestion(rates, [1.0, 1.0, 0.9, 0.4, 0.2, 0.5, 3.0]) == 10.0**-3
    assert suggestion(rates, [1.0] * 7) is None
    assert suggestion(rates, [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6]) is None


@pytest.mark.parametrize(
    ("losses", "why"),
    [
        ([1.0, 0.5, 0.1], "3 steps are too few"),
        ([1.0] * 9, "never falls"),
        ([1.0, 0.5, 0.4, 0.35, 0.3, 0.3, 0.3, 0.3, 0.3], "a smaller --lowest"),
        ([1.0, 1.0, 1.0, 1.0, 1.0, 0.99, 0.9, 0.7, 0.4], "a larger --highest"),
    ],
)
def test_the_edge_of_the_range_is_never_recommended(losses: list[float], why: str) -> None:
    rates = [10.0**k for k in range(-8, len(losses) - 8)]
    assert suggestion(rates, losses) is None
    assert why in (unclear(losses) or "")
