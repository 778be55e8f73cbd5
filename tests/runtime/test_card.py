"""The model card says what the model is, how good, how to run it and what was measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from recurra.codecs import LabelCodec
from recurra.runtime import Parts, model_of
from recurra.runtime.card import model_card

NAMES = ("task", "graphs", "weights", "codec", "decoder")


def card(arguments: dict[str, Any]) -> str:
    parts = Parts(**{name: arguments[name] for name in NAMES})
    return model_card(model_of(parts), arguments["certificate"], arguments["metrics"])


def test_it_holds_the_facts(arguments: dict[str, Any]) -> None:
    text = card(arguments)
    count = sum(weight.size for weight in arguments["weights"].values())
    for fact in (
        arguments["task"],
        f"| Parameters | {count:,} (float32) |",
        Parts(**{name: arguments[name] for name in NAMES}).fingerprint(),
        "| accuracy | 0.75 |",
        "| one step at a time against the whole sequence | 0 | 1e-05 |  |",
        "from recurra.runtime import load",
    ):
        assert fact in text
    streams = arguments["graphs"]["main"].why_not_streaming() is None
    assert ("model.session()" in text) == streams
    assert ("| One step at a time | yes |" in text) == streams


def test_names_cannot_break_out_of_the_table(arguments_of: Callable[..., Any]) -> None:
    arguments = arguments_of("series")
    target = LabelCodec(tuple(sorted(["<script>", "a\n\n# head", "`|`"])))
    text = card(arguments | {"codec": replace(arguments["codec"], target=target)})
    assert "<script>" not in text
    assert "\n# head" not in text
    assert r"'\|'" in text
    assert r"b\|&lt;" in text


def test_many_names_are_cut_short(arguments_of: Callable[..., Any]) -> None:
    arguments = arguments_of("series")
    target = LabelCodec(tuple(f"c{k:03}" for k in range(300)))
    model = model_of(Parts(**{name: arguments[name] for name in NAMES}))
    model.codec = replace(arguments["codec"], target=target)
    text = model_card(model, arguments["certificate"], None)
    assert "c019 and 280 more" in text
    assert "How good" not in text
