"""A search names settings that there are, over values that they take, and moves no yardstick."""

from __future__ import annotations

import pytest

from recurra.errors import SettingsError
from recurra.spec.settings import SECTIONS, Settings, TrainingSettings, tasks_of
from recurra.spec.space import (
    DEFAULT_SPACE,
    Choice,
    Range,
    own_range,
    read_space,
    without_idle,
)

NAMES = [name for section in SECTIONS.values() for name in section.model_fields]
SEARCHED = [name for name in NAMES if own_range(name) is not None]


@pytest.mark.parametrize("name", SEARCHED)
def test_each_setting_takes_its_own_range(name: str) -> None:
    tasks = tasks_of(name) or ("classify",)
    (found,) = read_space([name], tasks[0], only=True).values()
    ends = found.values if isinstance(found, Choice) else (found.low, found.high)
    for value in ends:
        assert Settings.from_flat({name: value}).flat()[name] == value


def test_what_is_said_is_read() -> None:
    given = ["learning-rate = 1e-4..1e-1:log", "hidden=16,32,64", "residual", "layers=1..4"]
    assert read_space(given, "classify", only=True) == {
        "learning_rate": Range(1e-4, 1e-1, log=True),
        "hidden": Choice((16, 32, 64)),
        "residual": Choice((False, True)),
        "layers": Range(1, 4, whole=True),
    }


def test_each_prints_as_it_is_written() -> None:
    found = read_space(["dropout=0..0.5", "residual", "cell", "clip_norm"], "tag", only=True)
    assert {name: str(values) for name, values in found.items()} == {
        "dropout": "0..0.5",
        "residual": "no,yes",
        "cell": "gru,lstm,mingru",
        "clip_norm": "0.1..10:log",
    }
    for name, values in found.items():
        assert read_space([f"{name}={values}"], "tag", only=True)[name] == values


def test_a_value_takes_a_setting_out_and_a_range_puts_one_in() -> None:
    assert tuple(read_space([], "classify")) == DEFAULT_SPACE
    found = read_space(["zoneout"], "classify", fixed=("hidden", "epochs"))
    assert set(found) == {*DEFAULT_SPACE, "zoneout"} - {"hidden"}


def test_nothing_that_moves_the_yardstick_can_be_searched() -> None:
    """The split, what is read, the figure, and what changes no weight."""
    for name in ("seed", "valid_fraction", "watch", "task", "target", "horizon", "min_count"):
        assert own_range(name) is None
    for name in ("threads", "backend", "checkpoint_every", "calibrate", "coverage"):
        assert name in TrainingSettings.model_fields
        assert own_range(name) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("hiden=3", "unknown setting 'hiden'; did you mean 'hidden'?"),
        ("seed=1..5", "seed cannot be searched: it decides what is learnt or how it is judged"),
        ("hidden=16,32.5", "hidden: expected a whole number, got '32.5'"),
        ("hidden=", "hidden: expected a whole number, got ''"),
        ("dropout=0..1.5", "dropout: Input should be less than 1, got 1.5"),
        ("dropout=high", "dropout: expected a number, got 'high'"),
        ("cell=gru,grru", "cell: Input should be 'gru', 'lstm', 'rnn' or 'mingru', got 'grru'"),
        ("cell=gru..lstm", "cell takes no range, got 'gru..lstm': list values, as cell=A,B"),
        ("learning_rate=1..0.1", "learning_rate: expected the lower end first"),
        ("learning_rate=1e-3..1:ln", "expected LOW..HIGH or LOW..HIGH:log"),
        ("dropout=0..0.5:log", "dropout: a logarithm begins above 0"),
        ("hidden=16,16", "hidden: expected different values, got '16,16'"),
        ("residual=perhaps", "residual: expected yes or no, got 'perhaps'"),
        ("crf", "crf belongs to tag, the task is classify"),
        ("epochs", "epochs has a value and a range to search: give one of the two"),
    ],
)
def test_what_cannot_be_searched_is_refused(given: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_space([given], "classify", fixed=("epochs",))
    assert said in str(refused.value)


def test_an_empty_space_is_refused() -> None:
    with pytest.raises(SettingsError, match="nothing is left to search: name a setting"):
        read_space([], "classify", only=True)


def test_what_no_trial_would_read_is_left_out_or_refused() -> None:
    auto = Settings.from_flat({"clip": "auto"})
    plain = read_space([], "classify")
    assert set(plain) - set(without_idle(plain, [], auto)) == {"clip_norm"}
    for given, chosen in (
        ("clip_norm", auto),
        ("clip-value=0.1,1", Settings()),
        ("l2_recurrent", Settings.from_flat({"cell": "mingru"})),
    ):
        asked = read_space([given], "classify", only=True)
        with pytest.raises(SettingsError, match="no trial would read it: it is read with"):
            without_idle(asked, [given], chosen)


def test_what_some_trial_reads_stays() -> None:
    for given in (["clip=norm,auto", "clip_norm"], ["cell=gru,mingru", "l2_recurrent"]):
        space = read_space(given, "classify", only=True)
        chosen = Settings.from_flat({"clip": "auto", "cell": "mingru"})
        assert without_idle(space, given, chosen) == space
