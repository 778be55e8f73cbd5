"""Every codec's inputs and every decoder's outputs are described; nothing is left to guess.

That what is said is enough, and true, tests/cli/test_export_tasks.py shows for every task.
"""

from __future__ import annotations

from typing import Any

import pytest

from recurra.codecs import (
    CODECS,
    AbstractCodec,
    CorpusCodec,
    FrameCodec,
    LabelCodec,
    SequenceCodec,
    SeriesCodec,
    TextCodec,
)
from recurra.codecs.corpus import Vocabulary
from recurra.codecs.forecast import ForecastCodec
from recurra.codecs.missing import STRATEGIES, Missing
from recurra.codecs.pairs import PairCodec
from recurra.codecs.pairs_alphabet import Alphabet
from recurra.codecs.scaling import Scaling
from recurra.codecs.tags import TagCodec
from recurra.codecs.tokens import TokenCodec
from recurra.convert.onnx_notes import (
    bridge_parts,
    input_notes,
    labels_of,
    output_notes,
    path_notes,
)
from recurra.decode import (
    DECODER_KINDS,
    AbstractDecoder,
    BeamDecoder,
    ClassDecoder,
    NextDecoder,
    TagDecoder,
    ValueDecoder,
)
from recurra.decode.forecast import ForecastDecoder
from recurra.errors import ConversionError
from recurra.spec.cells import LSTMCell
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal
from recurra.spec.nodes import Linear

LABELS = LabelCodec(("a", "b"))
SERIES = SeriesCodec(("left", "right"), (0.0, 1.0), (1.0, 2.0))


def forecasting(**more: Any) -> ForecastCodec:
    scaling = Scaling("none", (), ((0.0,),), ((1.0,),))
    fixed: dict[str, Any] = {
        "targets": ("load",),
        "past": (),
        "known": (),
        "calendar": (),
        "roles": None,
        "lookback": 8,
        "horizon": 4,
        "segment": 4,
        "channels": "separate",
        "recursive": True,
        "carried": False,
        "normalise": "last",
        "scaling": scaling,
        "frequency": None,
        "dated": False,
        "season": 1,
        "naive_error": ((1.0,),),
    }
    return ForecastCodec(**(fixed | more))


CODEC: dict[str, list[AbstractCodec]] = {
    "sequence": [
        SequenceCodec(TextCodec("word", ("one",)), LABELS),
        SequenceCodec(SERIES, LABELS),
        *(
            SequenceCodec(SeriesCodec(("x",), (0.0,), (1.0,), missing=Missing(strategy)), LABELS)
            for strategy in STRATEGIES
        ),
    ],
    "tags": [
        TagCodec(TokenCodec("word", True, ("one",), ("o",), 3, ((2, 1),)), LABELS, "none"),
        TagCodec(SERIES, LABELS, "none"),
    ],
    "forecast": [forecasting(), forecasting(segment=1, normalise="none", recursive=False)],
    "corpus": [CorpusCodec(Vocabulary("character", ("a",)), ends=True)],
    "frames": [FrameCodec(5)],
    "pairs": [
        PairCodec(
            Alphabet("character", "NFC", ("a",)),
            Alphabet("character", "NFC", ("b",)),
            None,
            False,
            3,
        )
    ],
}
DECODER: dict[str, list[AbstractDecoder]] = {
    "classes": [ClassDecoder(output="head", classes=2)],
    "value": [ValueDecoder(output="head")],
    "tags": [TagDecoder(output="head", tags=("a", "b"), potentials="crf")],
    "next": [NextDecoder(output="head", form=form, size=3) for form in ("symbol", "frame")],
    "beam": [BeamDecoder(output="head", width=2, length_penalty=0.0, longest=5)],
    "forecast": [
        ForecastDecoder(output="head", ahead=2, outputs=1, distribution=kind, levels=levels)
        for kind, levels in (
            ("point", ()),
            ("gaussian", (0.1,)),
            ("student", (0.1,)),
            ("quantiles", (0.1, 0.5)),
        )
    ],
}


def plain(inputs: dict[str, Signal]) -> Graph:
    """A graph with these inputs, of which it reads a row."""
    row = {"context": Signal("row", 2)}
    step = Step("head", Linear(input_size=2, output_size=1), ("context",))
    return Graph(inputs | row, (step,), ("head",))


@pytest.mark.parametrize("kind", CODECS)
def test_every_codec_says_how_its_inputs_are_made(kind: str) -> None:
    for codec in CODEC[kind]:
        notes = input_notes(codec, plain(codec.signals()))
        assert set(notes) == {*codec.signals(), "context", "lengths"}
        with pytest.raises(ConversionError, match="nothing says how the input 'also' is made"):
            input_notes(codec, plain({"also": Signal("steps", 1)}))


def test_a_codec_of_a_new_kind_is_refused() -> None:
    class Mystery(AbstractCodec):
        kind = "mystery"

    with pytest.raises(ConversionError, match="codec of kind 'mystery'"):
        input_notes(Mystery(), plain({"x": Signal("steps", 1)}))


@pytest.mark.parametrize("kind", DECODER_KINDS)
def test_every_decoder_says_how_its_output_is_read(kind: str) -> None:
    graph = plain({"x": Signal("steps", 1)})
    for decoder in DECODER[kind]:
        assert output_notes(forecasting(), decoder, graph)["head"]


def test_a_decoder_of_a_new_kind_is_refused() -> None:
    class Mystery(AbstractDecoder):
        kind = "mystery"

    with pytest.raises(ConversionError, match="decoder of kind 'mystery'"):
        output_notes(FrameCodec(1), Mystery(output="head"), plain({"x": Signal("steps", 1)}))


def test_states_begin_where_they_do() -> None:
    """A decoder's at the encoder's bridge, another network's at its own."""
    cell = LSTMCell(input_size=1, hidden_size=3)
    inputs = {"tokens": Signal("steps", 4, "token"), "x": Signal("steps", 1)}
    graph = Graph(inputs, (Step("head", cell, ("x",)),), ("head",))
    assert "encoder's bridge" in input_notes(CODEC["pairs"][0], graph)["state.*"]
    assert "recurra.state" in input_notes(CODEC["frames"][0], graph)["state.*"]
    decoder = DECODER["tags"][0]
    assert isinstance(decoder, TagDecoder)
    taken, given = path_notes(decoder)
    assert (set(taken), set(given)) == ({"head", "lengths"}, {"tags"})


def test_labels_and_the_bridge() -> None:
    assert labels_of(CODEC["tags"][0]) == ["a", "b"]
    assert labels_of(FrameCodec(2)) == []
    cell = LSTMCell(input_size=1, hidden_size=3)
    graph = Graph({"x": Signal("steps", 1)}, (Step("decoder", cell, ("x",)),), ("decoder",))
    assert bridge_parts(graph) == {"state.decoder.h": [0, 3], "state.decoder.c": [3, 6]}
