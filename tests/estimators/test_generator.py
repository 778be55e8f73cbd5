"""The generator in Python: fit, score, continue, save, load; what it refuses."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sklearn.base import clone

from recurra import SequenceGenerator
from recurra.errors import DataError, NotFittedError, SettingsError
from recurra.estimators.generator import Score

TEXT = "one two three four five. " * 40
SMALL: dict[str, Any] = {
    "hidden": 24,
    "embedding": 12,
    "epochs": 12,
    "batch_size": 4,
    "window": 16,
    "learning_rate": 0.03,
    "dropout": 0.0,
    "threads": 1,
}


@pytest.fixture(scope="module")
def fitted() -> SequenceGenerator:
    return SequenceGenerator(**SMALL).fit(TEXT)


def test_it_foresees_what_it_has_learnt(fitted: SequenceGenerator) -> None:
    """The score is a float, higher is better, and says nats, bits and perplexity."""
    known, strange = fitted.score(TEXT[:100]), fitted.score("eno owt eerht ruof")
    assert known > strange
    assert known.nll == -float(known) == known.nats / known.steps
    assert known.bits == pytest.approx(known.nll / 0.6931471805599453)
    assert known.perplexity == pytest.approx(2**known.bits)
    assert known.steps == 100
    assert fitted.best_metric_ == min(record["metric"] for record in fitted.history_)


def test_a_score_survives_copying() -> None:
    """It is a value, and a number for scikit-learn's searches."""
    score = copy.deepcopy(Score(6.0, 3))
    assert (float(score), score.nats, score.steps) == (-2.0, 6.0, 3)


def test_it_continues(fitted: SequenceGenerator) -> None:
    """The most probable continuation is the text's own; seeds make others; pieces join."""
    assert fitted.generate("one two ", 10, temperature=0) == "three four"
    assert fitted.generate("one", 30, seed=1, temperature=3.0) != fitted.generate(
        "one", 30, seed=2, temperature=3.0
    )
    assert "".join(fitted.iterate("one", 30, seed=1)) == fitted.generate("one", 30, seed=1)
    assert fitted.generate("one ", 30, temperature=0, stop=["four"]) == "two three "
    assert fitted.generate("one two ", 10, beam=4) == "three four"
    assert len(fitted.generate("one", 5, count=3)) == 3
    assert len(fitted.generate("one", 5, count=2, beam=4)) == 2


def test_it_is_the_same_after_loading(fitted: SequenceGenerator, tmp_path: Path) -> None:
    """Saved, loaded and copied it scores and draws the same."""
    fitted.save(tmp_path / "bundle")
    for again in (SequenceGenerator.load(tmp_path / "bundle"), copy.deepcopy(fitted)):
        assert again.score(TEXT[:50]) == fitted.score(TEXT[:50])
        assert again.generate("one", 20, seed=3) == fitted.generate("one", 20, seed=3)
    assert clone(fitted).get_params() == fitted.get_params()


def test_sequences_tables_and_frames() -> None:
    """Several texts end; a table has a column of them; frames are music or events."""
    few = SMALL | {"epochs": 2}
    lines = ["ab ab", "abab", "ba ba"] * 4
    ended = SequenceGenerator(**few).fit(lines)
    assert ended.model_.codec.ends
    table = SequenceGenerator(text="text", **few).fit(pl.DataFrame({"text": lines}))
    assert table.score(pl.DataFrame({"text": lines})) == ended.score(lines)
    small = {name: value for name, value in few.items() if name != "embedding"}
    music = SequenceGenerator(frame_width=6, **small).fit([[[1, 3], [], [5]] * 4] * 4)
    assert all(isinstance(frame, tuple) for frame in music.generate([[1]], 3))
    assert len(music.predict([[[1]], [[2], []]])) == 2


@pytest.mark.parametrize("symbol", ["word", "piece"])
def test_words_and_pieces(symbol: str) -> None:
    """Whatever a text is cut into, it comes back as a text."""
    few = {"pieces": 300} if symbol == "piece" else {}
    model = SequenceGenerator(symbol=symbol, **(SMALL | {"epochs": 15} | few)).fit(TEXT)
    assert model.generate("one two", 3, temperature=0) == " three four five"


def test_what_is_refused(fitted: SequenceGenerator) -> None:
    """Before fitting, with labels, unknown symbols, settings of other tasks."""
    with pytest.raises(NotFittedError):
        SequenceGenerator().generate("a")
    with pytest.raises(DataError, match="its own truth"):
        SequenceGenerator().fit(["a", "b"], [0, 1])
    with pytest.raises(DataError, match="its own truth"):
        fitted.score(TEXT, [1])
    with pytest.raises(DataError, match="got '1', '0', '%'"):
        fitted.generate("100 %")
    with pytest.raises(SettingsError, match="temperature"):
        fitted.generate("one", temperature=-1)
    with pytest.raises(SettingsError, match="unknown parameter 'horizon'"):
        SequenceGenerator(horizon=3)
    with pytest.raises(SettingsError, match="bidirectional"):
        SequenceGenerator(**SMALL, bidirectional=True).fit(TEXT)
