"""What no trial could train is refused; what some trials could is theirs to find out."""

from __future__ import annotations

from typing import Any

import pytest

from recurra.errors import SettingsError
from recurra.spec.graph import Graph
from recurra.spec.node import Signal
from recurra.spec.settings import Settings
from recurra.spec.space import read_space
from recurra.train.tune_space import refuse_untrainable


def tried(task: str, *space: str, dtype: Any = "real", **settings: Any) -> None:
    graphs = {"main": Graph({"x": Signal("steps", 2, dtype)}, (), ("x",))}
    given = Settings.from_flat(settings)
    refuse_untrainable(read_space(space, task, only=True), given, task, graphs)


@pytest.mark.parametrize("given", ["window", "window=16..128", "window=128..256", "window=8,16"])
def test_windows_ask_for_truncation(given: str) -> None:
    with pytest.raises(SettingsError, match=r"window is to be searched, .*: set truncated=True"):
        tried("classify", given)
    tried("classify", given, truncated=True)
    tried("generate", given, dtype="token")


def test_what_contradicts_itself_in_some_trials_is_let_be() -> None:
    tried("classify", "focal=0,2", "label_smoothing=0.0,0.1")
    tried("classify", "bidirectional", "window", truncated=True)
    with pytest.raises(SettingsError, match=r"label_smoothing is to be searched.*contradict each"):
        tried("classify", "label_smoothing=0.1,0.2", focal=2.0)


def test_a_value_that_one_other_choice_takes_is_let_be() -> None:
    tried("classify", "constraint=max_norm,unit_norm", "cell=gru,mingru", cell="mingru")
    with pytest.raises(SettingsError, match="give --constrained input_weight"):
        tried("classify", "constraint=max_norm,unit_norm", cell="mingru")


def test_what_the_network_does_not_read_is_refused() -> None:
    with pytest.raises(
        SettingsError, match=r"embedding=16.* is for symbols, and the network reads"
    ):
        tried("classify", "embedding")
    with pytest.raises(SettingsError, match=r"input_noise=.* is for numbers"):
        tried("classify", "input_noise=0.0,0.1", dtype="token")
    with pytest.raises(SettingsError, match="min_count=3 is for symbols"):
        tried("classify", "hidden", min_count=3)
