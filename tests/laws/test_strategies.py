"""Whatever the strategy, a stopped training goes on to the bit, and parts add up to the whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recurra.codecs import Cases, cases_from_arrays
from recurra.codecs.corpus_files import corpus_cases
from recurra.spec.report import EpochRecord
from recurra.spec.settings import Settings, without_unread
from recurra.spec.settings_rules import NUMBERS_ONLY, SYMBOLS_ONLY
from recurra.train.fit import Fitted, fit_cases
from recurra.train.progress import Silent

SMALL: dict[str, Any] = {"hidden": 3, "batch_size": 4, "epochs": 3, "learning_rate": 0.02}


def series(count: int = 14) -> Cases:
    generator = np.random.default_rng(1)
    x = [generator.normal(size=(int(generator.integers(2, 6)), 2)) + k % 2 for k in range(count)]
    return cases_from_arrays(x, [k % 2 for k in range(count)])


def texts(count: int = 14) -> Cases:
    words = ["good film", "bad film", "a good one", "so bad"]
    return cases_from_arrays([words[k % 4] for k in range(count)], [k % 2 for k in range(count)])


class StopsAfter(Silent):
    """Presses Ctrl-C at the end of an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_step(self, epoch: int, *_: Any) -> None:
        if epoch > self.epoch:
            raise KeyboardInterrupt


def history_of(fitted: Fitted) -> list[EpochRecord]:
    return [EpochRecord(**{**record, "seconds": 0.0}) for record in fitted.history]  # type: ignore[typeddict-item]  # the keys are those of a record


STRATEGIES = st.fixed_dictionaries(
    {},
    optional={
        "optimiser": st.sampled_from(
            ["gd", "sgd", "adam", "nadam", "radam", "rmsprop", "adagrad", "Adamax", "Adadelta"]
        ),
        "accumulate": st.sampled_from([2, 3]),
        "schedule": st.sampled_from(
            ["step", "exponential", "one_cycle", "inverse_sqrt", "plateau", "linear"]
        ),
        "decay_epochs": st.just(1),
        "clip": st.sampled_from(["value", "adaptive", "auto"]),
        "average": st.sampled_from([0.5, 0.99]),
        "l1_kernel": st.just(1e-3),
        "l2_recurrent": st.just(1e-3),
        "activation_penalty": st.just(0.1),
        "temporal_penalty": st.just(0.1),
        "input_noise": st.just(0.1),
        "embedding_dropout": st.just(0.2),
        "weight_dropout": st.just(0.2),
        "zoneout": st.just(0.1),
        "variational": st.just(True),
        "constraint": st.sampled_from(["max_norm", "unit_norm", "non_negative"]),
        "constrain_by": st.just("projection"),
        "max_norm": st.just(0.5),
        "label_smoothing": st.just(0.1),
        "loss": st.just("binary_cross_entropy"),
        "momentum": st.just(0.5),
        "nesterov": st.just(True),
        "weight_decay": st.just(0.1),
        "warmup": st.just(0.5),
        "clip_norm": st.just(0.05),
        "l1_bias": st.just(1e-3),
        "l2_kernel": st.just(1e-3),
        "l1_recurrent": st.just(1e-3),
        "dropout": st.just(0.4),
        "input_init": st.sampled_from(["glorot_normal", "he_uniform", "uniform"]),
        "recurrent_init": st.sampled_from(["identity", "glorot_normal"]),
        "bias_init": st.sampled_from(["gate", "chrono"]),
        "init_gain": st.just("activation"),
        "learn_initial_state": st.just(True),
        "precision": st.sampled_from(["bfloat16", "float64"]),
        "cell": st.sampled_from(["lstm", "mingru"]),
        "layers": st.just(2),
        "truncated": st.just(True),
        "window": st.just(3),
        "window_schedule": st.sampled_from(["random", "growing"]),
        "focal": st.just(1.0),
        "class_weight": st.just("balanced"),
    },
)


def read(chosen: dict[str, Any], text: bool) -> Settings:
    """The settings without those of a draw that nothing would read, which are refused."""
    foreign = NUMBERS_ONLY if text else SYMBOLS_ONLY
    own = {"embedding": 3} if text else {}
    kept = {name: value for name, value in chosen.items() if name not in foreign} | own
    if not kept.get("truncated"):
        kept = {name: value for name, value in kept.items() if not name.startswith("window")}
    else:
        kept = {name: value for name, value in kept.items() if not name.endswith("n_penalty")}
        kept.pop("temporal_penalty", None)
    if kept.get("focal"):
        kept.pop("label_smoothing", None)
    if kept.get("cell") == "mingru":
        # It has no recurrent weight to drop, to constrain or to draw.
        kept.pop("weight_dropout", None)
        kept |= {"constrained": ("input_weight",)} if kept.get("constraint") else {}
    return without_unread(Settings.from_flat(kept))


# What a text that is read in windows can be trained with besides.
WINDOWED = st.fixed_dictionaries(
    {"window_schedule": st.sampled_from(["fixed", "random", "growing"])},
    optional={
        "optimiser": st.sampled_from(["gd", "sgd", "radam"]),
        "accumulate": st.just(2),
        "average": st.just(0.9),
        "clip": st.sampled_from(["adaptive", "auto"]),
        "schedule": st.sampled_from(["exponential", "plateau", "one_cycle"]),
        "zoneout": st.just(0.1),
        "embedding_dropout": st.just(0.2),
        "temporal_penalty": st.just(0.1),
        "constraint": st.just("unit_norm"),
        "tie": st.just(True),
    },
)


@given(chosen=WINDOWED)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_stopped_training_of_windows_goes_on_to_the_bit(
    chosen: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The state goes on from window to window, and the windows are those of each epoch."""
    cases = corpus_cases("the cat sat on the mat. the dog sat on the log.\n" * 5)
    small = SMALL | {"task": "generate", "embedding": 4, "window": 12, "threads": 1}
    stops_and_goes_on(cases, without_unread(Settings.from_flat(small | chosen)), tmp_path_factory)


@given(chosen=STRATEGIES, text=st.booleans())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_stopped_training_goes_on_to_the_bit(
    chosen: dict[str, Any], text: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cases = texts() if text else series()
    stops_and_goes_on(cases, read(SMALL | chosen, text), tmp_path_factory)


def stops_and_goes_on(
    cases: Cases, drawn: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Stopped in the second epoch and resumed it has the history and the weights of the whole."""
    whole = fit_cases(cases, drawn)
    folder: Path = tmp_path_factory.mktemp("run") / "out"
    stopped = fit_cases(cases, drawn, folder=folder, progress=StopsAfter(1))
    assert stopped.stopped == "interrupted"
    resumed = fit_cases(cases, drawn, folder=folder, resume=True)
    assert history_of(resumed) == history_of(whole)
    for name, value in whole.module.state_dict().items():
        assert torch.equal(resumed.module.state_dict()[name], value), name


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_summed_batches_are_the_larger_batch(optimiser: str) -> None:
    """Sums in another order: as near as float64 rounding."""
    base = SMALL | {
        "precision": "float64",
        "optimiser": optimiser,
        "dropout": 0.0,
        "valid_fraction": 0.0,
        "epochs": 2,
        "l2_kernel": 0.01,
        "class_weight": "balanced",
    }
    parts = fit_cases(series(), Settings.from_flat(base | {"batch_size": 5, "accumulate": 3}))
    whole = fit_cases(series(), Settings.from_flat(base | {"batch_size": 14}))
    for name, value in whole.module.state_dict().items():
        torch.testing.assert_close(parts.module.state_dict()[name], value, rtol=1e-9, atol=1e-12)


def test_gradient_descent_takes_one_step_an_epoch_from_everything() -> None:
    base = SMALL | {"precision": "float64", "dropout": 0.0, "valid_fraction": 0.0}
    descended = fit_cases(series(), Settings.from_flat(base | {"optimiser": "gd"}))
    wanted = fit_cases(series(), Settings.from_flat(base | {"optimiser": "sgd", "batch_size": 14}))
    for name, value in wanted.module.state_dict().items():
        torch.testing.assert_close(
            descended.module.state_dict()[name], value, rtol=1e-9, atol=1e-12
        )
