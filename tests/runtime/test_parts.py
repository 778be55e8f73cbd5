"""Parts that do not belong together are refused, and the fingerprint tells any two models apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recurra.codecs import LabelCodec, SequenceCodec, TextCodec
from recurra.decode import ClassDecoder, ValueDecoder
from recurra.errors import BundleError
from recurra.runtime import Parts, fingerprint, model_of

Arguments = Callable[..., dict[str, Any]]
NAMES = ("task", "graphs", "weights", "codec", "decoder")


@pytest.fixture
def given(arguments_of: Arguments) -> dict[str, Any]:
    return {name: arguments_of("series")[name] for name in NAMES}


def test_the_fingerprint_knows_every_part(given: dict[str, Any]) -> None:
    graph = given["graphs"]["main"]
    codec, weights = given["codec"], given["weights"]
    moved = weights | {"head.bias": np.nextafter(weights["head.bias"], np.float32(9))}
    wider = weights | {"head.bias": weights["head.bias"].astype(np.float64)}
    labels = replace(codec, target=LabelCodec(("azure", "green", "red")))
    variants = [
        given,
        given | {"weights": moved},
        given | {"weights": wider},
        given | {"codec": labels},
        given | {"decoder": ClassDecoder(classes=3, output="other")},
        given | {"graphs": {"main": replace(graph, outputs=("s_pool", "head"))}},
    ]
    found = {fingerprint(v["graphs"], v["codec"], v["decoder"], v["weights"]) for v in variants}
    assert len(found) == len(variants)
    turned = given | {"weights": dict(reversed(weights.items()))}
    assert Parts(**turned).fingerprint() == Parts(**given).fingerprint()


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], str]] = {
    "graphs": (lambda g: {"graphs": {}}, "the graph and its weights differ"),
    "name": (lambda g: {"graphs": {"other": g["graphs"]["main"]}}, "one graph"),
    "task": (lambda g: {"task": "regress"}, "codec for 'classify'"),
    "inputs": (
        lambda g: {"codec": SequenceCodec(TextCodec("word", ("a",)), g["codec"].target)},
        "other inputs",
    ),
    "decoder": (lambda g: {"decoder": ValueDecoder()}, "of different tasks or sizes"),
    "classes": (lambda g: {"decoder": ClassDecoder(classes=4)}, "of different tasks or sizes"),
    "output": (lambda g: {"decoder": ClassDecoder(classes=3, output="s_gru")}, "no output"),
    "steps": (
        lambda g: {
            "decoder": ClassDecoder(classes=3, output="s_gru"),
            "graphs": {"main": replace(g["graphs"]["main"], outputs=("s_gru",))},
        },
        "does not fit the graph's output",
    ),
    "weights": (lambda g: {"weights": {}}, "lacks"),
    "nan": (
        lambda g: {"weights": g["weights"] | {"head.bias": np.full(3, np.nan, np.float32)}},
        r"'head\.bias' holds NaN",
    ),
}


@pytest.mark.parametrize("case", CHANGES.values(), ids=CHANGES.keys())
def test_parts_of_different_models_are_refused(
    given: dict[str, Any], case: tuple[Callable[[dict[str, Any]], dict[str, Any]], str]
) -> None:
    change, reason = case
    model_of(Parts(**given))
    with pytest.raises(BundleError, match=reason):
        model_of(Parts(**given | change(given)))
