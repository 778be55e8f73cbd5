"""Which settings are read only beside others: one table, by which what would be ignored is refused.

A setting that was changed and that nothing would read is an error, never a shrug: a person who
gives `clip_value` believes that values are clipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from recurra.errors import SettingsError
from recurra.spec.graph import Graph

__all__ = [
    "LOSSES",
    "NUMBERS_ONLY",
    "RULES",
    "SYMBOLS_ONLY",
    "WATCHED_ONLY",
    "Rule",
    "refuse_absent_weights",
    "refuse_unfed",
    "refuse_unwatched",
    "refuse_wrong_loss",
    "unread",
]


@dataclass(frozen=True)
class Rule:
    """A setting is read where another one has one of some values.

    Args:
        other: Name of the other one.
        read: Its value -> whether the setting is read.
        words: What the other one must be, for the error.
    """

    other: str
    read: Callable[[Any], bool]
    words: str


def _one_of(other: str, *values: Any) -> Rule:
    said = " or ".join(f"{other}={value!r}" for value in values)
    return Rule(other, lambda value: value in values, said)


def _none_of(other: str, *values: Any) -> Rule:
    said = ", ".join(repr(value) for value in values)
    return Rule(other, lambda value: value not in values, f"{other} other than {said}")


def _given(other: str) -> Rule:
    return Rule(other, bool, f"{other} given and not 0")


_DECAYING = _one_of("schedule", "step", "exponential", "plateau")
_CONSTRAINED = _none_of("constraint", "none")
_LAYERED = (_given("dense_before"), _given("dense_after"), _given("convolution"))
_PIECES = tuple(_one_of(name, "piece") for name in ("symbol", "source_symbol", "target_symbol"))
_RECURRENT = _none_of("cell", "mingru")

# Setting -> rules of which one must hold for it to be read.
RULES: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
    {
        "momentum": (_one_of("optimiser", "gd", "sgd", "rmsprop", "SGD", "RMSprop"),),
        "nesterov": (_one_of("optimiser", "gd", "sgd", "SGD"),),
        "weight_decay": (_none_of("optimiser", "Rprop"),),
        "accumulate": (_none_of("optimiser", "gd"),),
        "decay_factor": (_DECAYING,),
        "decay_epochs": (_DECAYING,),
        "warmup": (_none_of("schedule", "one_cycle"),),
        "clip_norm": (_one_of("clip", "norm"),),
        "clip_value": (_one_of("clip", "value"),),
        "clip_ratio": (_one_of("clip", "adaptive"),),
        "clip_percentile": (_one_of("clip", "auto"),),
        "constrained": (_CONSTRAINED,),
        "constrain_by": (_CONSTRAINED,),
        "max_norm": (_one_of("constraint", "max_norm"),),
        "l1_recurrent": (_RECURRENT,),
        "l2_recurrent": (_RECURRENT,),
        "recurrent_init": (_RECURRENT,),
        "weight_dropout": (_RECURRENT,),
        "quantile": (_one_of("loss", "quantile"),),
        "chrono_length": (_one_of("bias_init", "chrono"),),
        "init_gain": (
            _none_of("input_init", "uniform"),
            _none_of("recurrent_init", "identity", "uniform"),
        ),
        "reset": (_one_of("cell", "gru"),),
        "gate_activation": (_none_of("cell", "rnn"),),
        "variational": (_given("dropout"), _given("input_dropout")),
        "convolution_width": (_given("convolution"),),
        "dense_activation": _LAYERED,
        "character_embedding": (_given("character_hidden"),),
        "lag": (_none_of("bidirectional", True),),
        "point_loss": (_one_of("distribution", "point"),),
        "levels": (_none_of("distribution", "point"),),
        "forcing_schedule": (_none_of("teacher_forcing", 1.0),),
        "length_penalty": (_none_of("beam", 1),),
        "pieces": _PIECES,
        "shortest_window": (_one_of("window_schedule", "random", "growing"),),
    }
)
_RECURRENT_WEIGHT = "recurrent_weight"
# The losses that a task can take by name, its own first.
LOSSES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "classify": ("cross_entropy", "binary_cross_entropy"),
        "regress": ("mse", "mae", "huber", "quantile"),
        "tag": ("cross_entropy",),
        "generate": ("cross_entropy", "binary_cross_entropy"),
        "transduce": ("cross_entropy",),
    }
)
# Settings that only networks read whose inputs are symbols, or numbers.
SYMBOLS_ONLY = (
    *("embedding", "embedding_dropout", "min_count", "symbol", "lowercase"),
    *("character_hidden", "character_embedding", "pair_embedding"),
)
NUMBERS_ONLY = ("input_noise", "winsorise", "missing", "frame_width")
# Settings that learn from held-out cases, or stop by them.
WATCHED_ONLY = ("patience", "calibrate", "tune_threshold", "coverage")


def unread(values: Mapping[str, Any], plain: Mapping[str, Any]) -> dict[str, str]:
    """The settings that were changed and that nothing reads, each with what it needs.

    Args:
        values: Every setting.
        plain: Every default.
    """
    found = {}
    for name, rules in RULES.items():
        if values[name] != plain[name] and not any(rule.read(values[rule.other]) for rule in rules):
            others = dict.fromkeys(rule.other for rule in rules)
            now = ", ".join(f"{other}={values[other]!r}" for other in others)
            words = " or ".join(rule.words for rule in rules)
            found[name] = f"{words}, and there is {now}"
    return found


def refuse_wrong_loss(values: Mapping[str, Any], task: str) -> None:
    """Refuse a loss that a task cannot take (SettingsError).

    Args:
        values: Every setting.
        task: Its name; one without named losses is for others to refuse.
    """
    loss = values["loss"]
    if loss == "auto" or task not in LOSSES:
        return
    if loss not in LOSSES[task]:
        raise SettingsError(
            f"loss={loss!r} is none of the task {task}, which takes {', '.join(LOSSES[task])}"
        )
    if task == "tag" and values["crf"]:
        raise SettingsError(
            f"loss={loss!r} counts step by step, and a CRF learns whole paths: set crf=False, or "
            "leave loss out"
        )


def refuse_absent_weights(values: Mapping[str, Any]) -> None:
    """Refuse a constraint on recurrent weights of a cell that has none (SettingsError).

    Args:
        values: Every setting.
    """
    names = values["constrained"]
    if values["constraint"] != "none" and values["cell"] == "mingru" and _RECURRENT_WEIGHT in names:
        others = [name for name in names if name != _RECURRENT_WEIGHT] or ["input_weight"]
        raise SettingsError(
            f"constraint={values['constraint']!r} is to hold for recurrent_weight, and minGRU has "
            f"no recurrent weights: give --constrained {','.join(others)}"
        )


def refuse_unwatched(values: Mapping[str, Any], plain: Mapping[str, Any]) -> None:
    """Refuse a setting that was changed and that goes by held-out cases, where there are none.

    Args:
        values: Every setting.
        plain: Every default.

    Raises:
        SettingsError: names the setting.
    """
    for name in WATCHED_ONLY:
        # Never to stop is what happens.
        if values[name] != plain[name] and values[name]:
            raise SettingsError(
                f"{name}={values[name]!r} goes by held-out cases, and there are none: give "
                "valid_fraction=0.15, or held-out cases of their own, or leave it out"
            )


def refuse_unfed(
    values: Mapping[str, Any], plain: Mapping[str, Any], graphs: Mapping[str, Graph]
) -> None:
    """Refuse a setting that was changed and that is of symbols where there are none, or of numbers.

    Args:
        values: Every setting.
        plain: Every default.
        graphs: The networks that are trained.

    Raises:
        SettingsError: names the setting.
    """
    signals = [signal for graph in graphs.values() for signal in graph.inputs.values()]
    symbols = any(signal.dtype == "token" for signal in signals)
    numbers = any(signal.dtype != "token" and signal.axes == "steps" for signal in signals)
    for there, names, what, others in (
        (symbols, SYMBOLS_ONLY, "symbols", "numbers"),
        (numbers, NUMBERS_ONLY, "numbers", "symbols"),
    ):
        for name in names:
            if not there and values[name] != plain[name]:
                raise SettingsError(
                    f"{name}={values[name]!r} is for {what}, and the network reads {others}: "
                    "leave it out"
                )
