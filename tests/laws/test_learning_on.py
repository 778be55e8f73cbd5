"""Law: every estimator goes on learning where it stopped, keeps what is no worse, and goes back."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import runtime
from recurra.cli import main
from recurra.codecs import after, corpus_cases, read_cases
from recurra.errors import DataError, NotFittedError
from recurra.estimators import (
    SequenceClassifier,
    SequenceForecaster,
    SequenceGenerator,
    SequenceRegressor,
    SequenceTagger,
    SequenceTransducer,
)
from recurra.spec.settings import DataSettings

SMALL: dict[str, Any] = {"hidden": 8, "epochs": 3, "threads": 1, "learning_rate": 0.02}
RANDOM = np.random.default_rng(0)
WAVES = [RANDOM.normal(k % 2, 1, (6, 1)) for k in range(40)]
WORDS = ["".join(RANDOM.choice(list("abc"), 4)) for _ in range(40)]
ROWS = np.sin(np.arange(160) / 4) + 0.05 * RANDOM.normal(size=160)
# Older data, newer data of another regime, and what to answer.
FORMS: dict[str, tuple[Any, Any, Any, Any]] = {
    "classify": (
        SequenceClassifier(**SMALL, coverage=0.5, calibrate=True),
        (WAVES, [k % 2 for k in range(40)]),
        (WAVES, [1 - k % 2 for k in range(40)]),
        WAVES[:3],
    ),
    "regress": (
        SequenceRegressor(**SMALL, coverage=0.5),
        (WAVES, [float(k % 2) for k in range(40)]),
        (WAVES, [1.0 - k % 2 for k in range(40)]),
        WAVES[:3],
    ),
    "tag": (
        SequenceTagger(**SMALL, coverage=0.5, crf=False, lag=2),
        (WORDS, [list(word.upper()) for word in WORDS]),
        (WORDS, [list(word.upper().replace("A", "B")) for word in WORDS]),
        WORDS[:3],
    ),
    "generate": (
        SequenceGenerator(**SMALL, window=8, tie=True),
        ("ab" * 90,),
        ("aab" * 60,),
        ["abab"],
    ),
    "transduce": (
        SequenceTransducer(**SMALL, beam=2),
        (WORDS, [word.upper() for word in WORDS]),
        (WORDS, [word.upper()[::-1] for word in WORDS]),
        WORDS[:3],
    ),
    "forecast": (
        SequenceForecaster(**SMALL, horizon=4, lookback=12, coverage=0.5),
        (ROWS,),
        (10 + ROWS[::-1],),
        ROWS[:40],
    ),
}


def answers(estimator: Any, x: Any) -> bytes:
    return pickle.dumps([np.asarray(answer, object).tolist() for answer in estimator.predict(x)])


@pytest.mark.parametrize("task", FORMS)
def test_every_estimator_follows_a_regime_and_goes_back(task: str, tmp_path: Path) -> None:
    form, older, newer, x = FORMS[task]
    estimator = type(form)(**form.get_params())
    estimator.partial_fit(*older)
    with pytest.raises(NotFittedError, match="nothing to go back to"):
        estimator.roll_back()
    first, told = estimator.model_.fingerprint, answers(estimator, x)
    decoder = estimator.model_.decoder
    estimator.partial_fit(*newer)
    assert not estimator.kept_
    second, changed = estimator.model_.fingerprint, answers(estimator, x)
    assert second != first
    assert type(estimator.model_.decoder) is type(decoder)
    again = pickle.loads(pickle.dumps(estimator))
    for each in (estimator, again):
        assert each.roll_back().model_.fingerprint == first
        assert answers(each, x) == told
        assert each.roll_back().model_.fingerprint == second
        assert answers(each, x) == changed
    estimator.save(tmp_path / "b")
    loaded = type(estimator).load(tmp_path / "b")
    assert loaded.model_.fingerprint == second
    # With the default settings: the model's own choices stay.
    loaded.set_params(epochs=1, learning_rate=1e-9, threads=1, warmup=0.0, valid_fraction=0.3)
    loaded.partial_fit(*newer)
    assert loaded.model_.decoder == estimator.model_.decoder
    with pytest.raises(NotFittedError):
        estimator.fit(*older).roll_back()


@pytest.mark.parametrize("task", FORMS)
def test_what_is_no_worse_is_kept(task: str) -> None:
    estimator, older, newer, _ = FORMS[task]
    if not hasattr(estimator, "model_"):
        estimator.fit(*older)
    before, parts = estimator.model_.fingerprint, estimator.model_
    worse = type(estimator)(**estimator.get_params() | {"learning_rate": 1e-12, "warmup": 0.0})
    vars(worse).update(
        {n: v for n, v in vars(estimator).items() if n.endswith("_") or n == "_origin"}
    )
    worse.set_params(weight_decay=0.0, epochs=1)
    worse.partial_fit(*newer)
    assert worse.kept_
    assert worse.model_.fingerprint == before
    assert worse.model_ is parts


def test_a_running_text_is_read_on_from_its_end(tmp_path: Path) -> None:
    """The old end stands ahead of the new beginning, in memory as in the bundle."""
    text = "".join(RANDOM.choice(list("ab "), 300))
    estimator = SequenceGenerator(**SMALL, window=16).fit(text)
    assert estimator._origin.tail == (text[-16:],)
    estimator.save(tmp_path / "b")
    bundle = runtime.read_bundle(tmp_path / "b")
    assert bundle.tail == (text[-16:],)
    (read,) = after(bundle.parts.codec, bundle.tail, corpus_cases("new text")).inputs
    assert read == text[-16:] + "new text"
    words = SequenceGenerator(**SMALL, window=4, symbol="word").fit("one two three " * 60)
    (tail,) = words._origin.tail
    assert set(tail.split()) == {"one", "two", "three"}
    ends = SequenceGenerator(**SMALL, window=4).fit(["ab", "ba", "aa"] * 10)
    assert ends._origin.tail == ()


def test_rows_go_on_where_the_clock_says_so(tmp_path: Path) -> None:
    """A chunk too short to learn from alone is long enough behind the rows of before."""
    hours = [f"2024-01-{1 + k // 24:02d} {k % 24:02d}:00" for k in range(160)]

    def write(name: str, rows: range) -> Path:
        path = tmp_path / name
        lines = [f"{hours[k]},{ROWS[k]:.6f}" for k in rows]
        path.write_text("time,load\n" + "\n".join(lines) + "\n")
        return path

    small = ["--hidden", "4", "--epochs", "1", "--threads", "1", "--quiet", "--horizon", "4"]
    first, out = write("first.csv", range(100)), tmp_path / "b"
    common = ["--task", "forecast", "--target", "load", "--lookback", "12", "--out", str(out)]
    assert main(["fit", str(first), *common, *small]) == 0
    codec, tail = (bundle := runtime.read_bundle(out)).parts.codec, bundle.tail
    assert len(tail[0].values) == 12

    def joined(rows: range) -> np.ndarray[Any, Any]:
        cases = read_cases(write("more.csv", rows), DataSettings(task="forecast"), expect=codec)
        found = after(codec, tail, cases)
        assert found.times is not None
        assert len(found.times[0]) == len(found.inputs[0])
        return np.round(found.inputs[0][:, 0], 6)

    np.testing.assert_array_equal(joined(range(100, 112)), np.round(ROWS[88:112], 6))
    # It brings some of its look-back itself.
    np.testing.assert_array_equal(joined(range(95, 112)), np.round(ROWS[88:112], 6))
    # A look-back later nothing before it says anything; absent rows in between are holes.
    np.testing.assert_array_equal(joined(range(120, 140)), np.round(ROWS[120:140], 6))
    assert len(joined(range(103, 115))) == 24
    more = str(write("more.csv", range(100, 112)))
    rest = ["--epochs", "2", "--threads", "1", "--quiet", "--learning-rate", "0.05"]
    assert main(["fit", str(out), more, "--continue", *rest]) == 0
    newer = runtime.read_bundle(out)
    if newer.manifest.fingerprint != bundle.manifest.fingerprint:
        np.testing.assert_array_equal(
            np.round(newer.tail[0].values[:, 0], 6), np.round(ROWS[100:112], 6)
        )
    estimator = SequenceForecaster(**SMALL, horizon=4, lookback=12).fit(ROWS[:100])
    with pytest.raises(DataError, match=r"lookback \+ 2 horizons = 20 rows"):
        estimator.partial_fit(ROWS[100:103])
