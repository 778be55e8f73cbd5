"""The classic programs run in a small form and show what they say, in Keras and in recurra."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from types import ModuleType

import keras
import pytest

from recurra.train.fonts import cjk_family

CLASSICS = Path(__file__).resolve().parents[2] / "examples" / "classics"
pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "torch", reason="Keras runs on another backend"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def classic(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"classics_{name}", CLASSICS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_program_is_tested_here() -> None:
    tested = Path(__file__).read_text("utf-8")
    programs = sorted(path.stem for path in CLASSICS.glob("*.py"))
    assert len(programs) == 8
    assert [name for name in programs if f'classic("{name}")' not in tested] == []


def test_the_cell_is_both_layers() -> None:
    figures = classic("gru_cell").main()
    assert len(figures) == 4
    assert max(figures.values()) < 1e-14


def test_a_layer_that_keeps_its_state() -> None:
    """Halves are the whole, a reset begins anew, and a step of learning leaves lengths of one."""
    figures = classic("gru_layer").main()
    assert {"keras: columns of length 1", "recurra: rows of length 1"} < set(figures)
    penalties = [value for name, value in figures.items() if "penalty" in name]
    rest = [value for name, value in figures.items() if "penalty" not in name]
    assert max(rest) < 1e-6
    assert len(penalties) == 2
    assert min(penalties) > 0


def test_sequence_to_sequence_decodes_what_it_learnt() -> None:
    """In the small form numbers below 60: fed their own symbols, both write them to the last."""
    module = classic("seq2seq")
    assert module.roman(1987) == "MCMLXXXVII"
    figures = module.main(units=64, epochs=220, numbers=60)
    assert figures["keras: numbers learnt from right"] > 0.95
    assert figures["recurra: numbers learnt from right"] > 0.95


@pytest.mark.deep
def test_sequence_to_sequence_decodes_correctly() -> None:
    figures = classic("seq2seq").main()
    assert figures["keras: unseen numbers right"] > 0.9
    assert figures["recurra: unseen numbers right"] > 0.9


def test_lstm_against_gru() -> None:
    """Half of the epochs are enough for every one to beat chance, and for one to be good."""
    figures = classic("lstm_against_gru").main(epochs=5)
    assert set(figures) == {"keras LSTM", "keras GRU", "recurra LSTM", "recurra GRU"}
    assert min(figures.values()) > 0.53
    assert max(figures.values()) > 0.7


def test_a_label_for_each_step() -> None:
    """Far above the chance of 0.15 for steps this long."""
    figures = classic("label_each_step").main(units=32, epochs=6, time=12)
    assert min(figures.values()) > 0.5


def test_optimisers_in_one_picture(tmp_path: Path) -> None:
    """Adam beats gradient descent, a clipped rate learns that diverges without, and both agree."""
    figures = classic("optimisers").main(tmp_path / "o.png", steps=100)
    assert (tmp_path / "o.png").stat().st_size > 10_000
    assert len(figures) == 16
    for who in ("keras", "recurra"):
        assert figures[f"{who}: Adam, 0.01"] < 0.5 * figures[f"{who}: gradient descent, 0.1"]
        assert figures[f"{who}: SGD, 0.5, clipped"] < 1 / 6
        assert not figures[f"{who}: SGD, 0.5"] < 1
    for name in ("gradient descent, 0.1", "SGD, 0.1", "SGD, 0.5, clipped"):
        assert figures[f"keras: {name}"] == pytest.approx(figures[f"recurra: {name}"], rel=1e-3)


def test_missing_values() -> None:
    figures = classic("missing_values").main(epochs=4)
    assert len(figures) == 6
    # The series' own variance is 0.6.
    assert max(figures.values()) < 0.4


def test_gates_over_time(tmp_path: Path) -> None:
    """The subjects that matter move the state more than those that do not."""
    with warnings.catch_warnings():
        if cjk_family() is None:  # boxes stand for its characters, and that is said
            warnings.simplefilter("ignore", UserWarning)
        figures = classic("gates_over_time").main(tmp_path / "g.png", epochs=8, chinese=True)
    assert (tmp_path / "g.png").stat().st_size > 10_000
    for name in ("keras", "recurra"):
        assert figures[f"{name}: accuracy"] > 0.8
        needed = figures[f"{name}: state moved by a needed subject"]
        assert needed > 1.3 * figures[f"{name}: state moved by another"]
