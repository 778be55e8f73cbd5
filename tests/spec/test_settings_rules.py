"""A setting that was changed is read, or refused: no rule is forgotten, none refuses too much."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from recurra.errors import SettingsError
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal
from recurra.spec.nodes import Linear
from recurra.spec.settings import (
    Settings,
    TrainingSettings,
    refuse_foreign,
    tasks_of,
    without_unread,
)
from recurra.spec.settings_rules import (
    LOSSES,
    NUMBERS_ONLY,
    RULES,
    SYMBOLS_ONLY,
    WATCHED_ONLY,
    refuse_unfed,
    refuse_unwatched,
    unread,
)

# A value of each setting that is not its default, what reads it, and what does not.
CHANGED: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "momentum": (0.5, {"optimiser": "sgd"}, {"optimiser": "adamw"}),
    "nesterov": (True, {"optimiser": "gd"}, {"optimiser": "rmsprop"}),
    "weight_decay": (0.5, {"optimiser": "Adamax"}, {"optimiser": "Rprop"}),
    "accumulate": (2, {"optimiser": "sgd"}, {"optimiser": "gd"}),
    "decay_factor": (0.1, {"schedule": "step"}, {"schedule": "linear"}),
    "decay_epochs": (3, {"schedule": "plateau"}, {}),
    "warmup": (0.2, {"schedule": "constant"}, {"schedule": "one_cycle"}),
    "clip_norm": (2.0, {}, {"clip": "value"}),
    "clip_value": (2.0, {"clip": "value"}, {}),
    "clip_ratio": (0.1, {"clip": "adaptive"}, {"clip": "auto"}),
    "clip_percentile": (20.0, {"clip": "auto"}, {}),
    "constrained": (("input_weight",), {"constraint": "unit_norm"}, {}),
    "constrain_by": ("projection", {"constraint": "max_norm"}, {}),
    "max_norm": (2.0, {"constraint": "max_norm"}, {"constraint": "unit_norm"}),
    "l1_recurrent": (0.1, {}, {"cell": "mingru"}),
    "l2_recurrent": (0.1, {"cell": "rnn"}, {"cell": "mingru"}),
    "weight_dropout": (0.2, {"cell": "lstm"}, {"cell": "mingru"}),
    "recurrent_init": ("identity", {}, {"cell": "mingru"}),
    "quantile": (0.9, {"loss": "quantile"}, {}),
    "chrono_length": (50, {"bias_init": "chrono"}, {"bias_init": "gate"}),
    "init_gain": (
        "activation",
        {"input_init": "uniform"},
        {"input_init": "uniform", "recurrent_init": "identity"},
    ),
    "reset": ("before", {}, {"cell": "lstm"}),
    "gate_activation": ("hard_sigmoid", {"cell": "mingru"}, {"cell": "rnn"}),
    "variational": (True, {"dropout": 0.0, "input_dropout": 0.1}, {"dropout": 0.0}),
    "convolution_width": (5, {"convolution": (4,)}, {}),
    "dense_activation": ("tanh", {"dense_before": (4,)}, {}),
    "character_embedding": (5, {}, {"character_hidden": 0}),
    "lag": (2, {}, {"bidirectional": True}),
    "point_loss": ("mse", {}, {"distribution": "gaussian"}),
    "levels": ((0.2, 0.8), {"distribution": "gaussian"}, {}),
    "forcing_schedule": ("sigmoid", {"teacher_forcing": 0.5}, {}),
    "length_penalty": (0.5, {}, {"beam": 1}),
    "shortest_window": (5, {"window_schedule": "growing"}, {}),
    "pieces": (500, {"source_symbol": "piece"}, {}),
}


def test_every_rule_is_tried() -> None:
    assert set(CHANGED) == set(RULES)


@pytest.mark.parametrize("name", list(RULES))
def test_a_changed_setting_is_read_or_refused(name: str) -> None:
    value, reading, ignoring = CHANGED[name]
    task = (tasks_of(name) or ("classify",))[0]
    if name == "pieces":
        task = "transduce"
    refuse_foreign(Settings.from_flat(reading | {name: value}), task)
    ignored = Settings.from_flat(ignoring | {name: value})
    with pytest.raises(SettingsError, match=f"^{name}=.* is read with .*: leave it out"):
        refuse_foreign(ignored, task)
    # Left alone it is no fault: a default is nobody's wish.
    refuse_foreign(Settings.from_flat(ignoring), task)


def test_only_what_others_leave_unread_goes() -> None:
    given = Settings.from_flat({"cell": "lstm", "reset": "before", "clip_value": 2.0})
    found = without_unread(given, "cell").flat()
    assert (found["reset"], found["clip_value"]) == ("after", 2.0)
    assert list(unread(found, Settings().flat())) == ["clip_value"]
    assert without_unread(given) == Settings.from_flat({"cell": "lstm"})


def graphs(signal: Signal) -> dict[str, Graph]:
    wide = Linear(input_size=2, output_size=1)
    steps = () if signal.dtype == "token" else (Step("head", wide, ("x",)),)
    return {"main": Graph({"x": signal}, steps, ("head",) if steps else ("x",))}


@pytest.mark.parametrize("name", [*SYMBOLS_ONLY, *NUMBERS_ONLY])
def test_what_is_of_symbols_is_refused_of_numbers(name: str) -> None:
    plain = Settings().flat()
    value = {float: 0.25, bool: True, str: "other", type(None): 5}.get(type(plain[name]), 3)
    values = plain | {name: value}
    numbers, symbols = graphs(Signal("steps", 2)), graphs(Signal("steps", 2, "token"))
    own, other = (symbols, numbers) if name in SYMBOLS_ONLY else (numbers, symbols)
    refuse_unfed(values, plain, own)
    refuse_unfed(plain, plain, other)
    with pytest.raises(SettingsError, match=name):
        refuse_unfed(values, plain, other)


def test_every_loss_is_taken_where_it_means_something_and_refused_elsewhere() -> None:
    named = set(get_args(TrainingSettings.model_fields["loss"].annotation)) - {"auto"}
    assert named == {loss for losses in LOSSES.values() for loss in losses}
    for task, own in LOSSES.items():
        base = {"crf": False} if task == "tag" else {}
        for loss in named:
            chosen = Settings.from_flat({"loss": loss} | base)
            if loss in own:
                refuse_foreign(chosen, task)
                continue
            with pytest.raises(SettingsError, match=f"none of the task {task}, which takes"):
                refuse_foreign(chosen, task)
    with pytest.raises(SettingsError, match="a CRF learns whole paths"):
        refuse_foreign(Settings.from_flat({"loss": "cross_entropy"}), "tag")
    with pytest.raises(SettingsError, match="belongs to classify"):
        refuse_foreign(Settings.from_flat({"loss": "mse"}), "forecast")


@pytest.mark.parametrize("name", WATCHED_ONLY)
def test_what_goes_by_held_out_cases_is_refused_where_there_are_none(name: str) -> None:
    plain = Settings().flat()
    changed = plain | {name: {"patience": 3, "coverage": 0.9}.get(name, True)}
    refuse_unwatched(plain, plain)
    refuse_unwatched(plain | {"patience": 0}, plain)
    with pytest.raises(SettingsError, match=f"^{name}=.* goes by held-out cases, and there are"):
        refuse_unwatched(changed, plain)


def test_a_constraint_on_weights_that_a_cell_lacks_names_the_cure() -> None:
    given = {"cell": "mingru", "constraint": "unit_norm"}
    with pytest.raises(
        SettingsError, match="minGRU has no recurrent weights: give --constrained i"
    ):
        refuse_foreign(Settings.from_flat(given), "classify")
    named = {"constrained": ("recurrent_weight", "bias")}
    with pytest.raises(SettingsError, match=r"give --constrained bias$"):
        refuse_foreign(Settings.from_flat(given | named), "classify")
    for cured in ({"constrained": ("input_weight",)}, {"cell": "gru"}, {"constraint": "none"}):
        refuse_foreign(Settings.from_flat(given | cured), "classify")
