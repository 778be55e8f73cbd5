"""Each trial that has a figure is a dot in each panel; what failed is none."""

from __future__ import annotations

from xml.etree import ElementTree

from recurra.spec.report import TunedTrial
from recurra.train.tune_picture import search_picture


def trial(number: int, value: float | None, state: str, **settings: float | str) -> TunedTrial:
    return TunedTrial(
        trial=number,
        state=state,
        value=value,
        epochs=1,
        best_epoch=1,
        parameters=1,
        seconds=1.0,
        settings=dict(settings),
        why=None,
    )


TRIALS = [
    trial(0, 0.5, "finished", learning_rate=1e-3, cell="gru"),
    trial(1, 0.7, "finished", learning_rate=1e-2, cell="lstm"),
    trial(2, 0.4, "pruned", learning_rate=1e-4, cell="gru"),
    trial(3, None, "failed", learning_rate=1.0, cell="gru"),
]


def test_dots_and_names() -> None:
    text = search_picture(TRIALS, ["learning_rate", "cell"], "macro_f1", "max")
    root = ElementTree.fromstring(text)
    circles = [e for e in root.iter() if e.tag.endswith("circle")]
    assert len(circles) == 3 * 3
    words = {e.text for e in root.iter() if e.tag.endswith("text")}
    assert {"Macro f1", "learning_rate", "cell", "gru", "lstm", "best so far", "trial"} <= words
    assert root.attrib["viewBox"] == "0 0 1200 300"


def test_four_panels_stand_in_two_rows() -> None:
    text = search_picture(TRIALS, ["learning_rate", "cell", "cell"], "mse", "min")
    assert 'viewBox="0 0 1200 600"' in text


def test_nothing_yet_is_a_picture_too() -> None:
    text = search_picture(TRIALS[3:], ["learning_rate", "cell"], "mse", "min")
    assert "<circle" not in text
    ElementTree.fromstring(text)
