"""The best path of tags as an ONNX model of its own: what stands behind a tagger's network.

inputs:   the scores of each step's tags, [batch, time, K], as the network puts them out; lengths
outputs:  tags, int64 [batch, time]: the number of each step's tag, 0 at padding

It takes whole sequences. The sums are float64 and in the order of `recurra.decode.viterbi`, so the
path is the same one, among equal paths too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, helper

from recurra.convert.onnx_check import Check, session_of
from recurra.convert.onnx_graph import packed, value_info
from recurra.convert.onnx_writer import Writer
from recurra.decode import TagDecoder
from recurra.errors import ConversionError
from recurra.spec.crf import Crf
from recurra.spec.graph import Graph, Step
from recurra.spec.node import Signal
from recurra.spec.schemes import rules

__all__ = ["TAGS", "check_paths", "paths_model"]

Array = npt.NDArray[Any]
TAGS = "tags"
# [B, T] of the drawn scores.
_SHAPES = ((1, 1), (3, 7), (5, 19))


def paths_model(
    decoder: TagDecoder, row: Array | None, metadata: Mapping[str, str] | None = None
) -> ModelProto:
    """The model that turns the scores of steps into the path that `decoder.paths` gives.

    Args:
        decoder: Knows the tags, and which of them its scheme lets follow one another.
        row: A CRF's start, follow and end, [K * (K + 2)]; None: there is no CRF.
        metadata: Texts that go into the model's own metadata.
    """
    count = len(decoder.tags)
    steps = (Step(TAGS, Crf(tags=count), (decoder.output,)),)
    graph = Graph({decoder.output: Signal("steps", count)}, steps, (TAGS,))
    writer = Writer(graph, {})
    writer.path = TAGS
    parts = (np.zeros(count * (count + 2)) if row is None else row).reshape(count + 2, count)
    start, follow, end = (
        writer.constant(np.where(may, part, -np.inf), np.float64)
        for may, part in zip(
            rules(decoder.tags, decoder.scheme), (parts[0], parts[1:-1], parts[-1]), strict=True
        )
    )
    scores, origins = _ahead(writer, decoder.output, start, follow, count)
    last = writer.add("ArgMax", [writer.add("Add", [scores, end])], axis=1, keepdims=1)
    path = _traced(writer, origins, last)
    flat = writer.add("Squeeze", [path, writer.constant([2])])
    writer.add("Where", [writer.steps.counts, flat, writer.constant(0)], output=TAGS)
    tags = helper.make_tensor_value_info(TAGS, TensorProto.INT64, ["batch", "time"])
    given = value_info(decoder.output, graph.inputs[decoder.output])
    return packed(writer, [given], [tags], metadata)


def _ahead(writer: Writer, output: str, start: str, follow: str, count: int) -> tuple[str, str]:
    """Scores of the best paths to each tag at the end, and which tag each step's came from."""
    stay = writer.constant([range(count)])

    def step(states: list[str], read: list[str]) -> tuple[list[str], str]:
        (scores, seen), (emissions, going) = states, read
        ways = writer.add("Unsqueeze", [scores, writer.constant([2])])
        ways = writer.add("Add", [ways, follow])
        before = writer.add("ArgMax", [ways], axis=1, keepdims=0)
        best = writer.add("ReduceMax", [ways], axes=[1], keepdims=0)
        first = writer.add("Equal", [seen, writer.constant(0.0, np.float64)])
        found = writer.add("Add", [writer.add("Where", [first, start, best]), emissions])
        # The best at 0, so that no sequence is too long.
        highest = writer.add("ReduceMax", [found], axes=[1], keepdims=1)
        found = writer.add("Sub", [found, highest])
        run = writer.add("Unsqueeze", [going, writer.constant([1])])
        kept = writer.add("And", [run, writer.add("Not", [first])])
        after = writer.add("Where", [run, found, scores])
        one = writer.add("Max", [seen, writer.constant(1.0, np.float64)])
        return [after, one], writer.add("Where", [kept, before, stay])

    exact = writer.add("Cast", [output], to=TensorProto.DOUBLE)
    begin = [
        writer.rows(writer.steps.lengths, f"{TAGS}.{name}", np.zeros(size))
        for name, size in (("scores", count), ("seen", 1))
    ]
    read = [(exact, TensorProto.DOUBLE), (writer.steps.counts, TensorProto.BOOL)]
    double, whole = TensorProto.DOUBLE, TensorProto.INT64
    after, origins = writer.scan(begin, read, step, state=double, out=whole)
    return after[0], origins


def _traced(writer: Writer, origins: str, last: str) -> str:
    """The tags that lead to `last`, from the last step to the first, [batch, time, 1]."""

    def step(states: list[str], read: list[str]) -> tuple[list[str], str]:
        before = writer.add("GatherElements", [read[0], states[0]], axis=1)
        return [before], states[0]

    whole = TensorProto.INT64
    read = [(origins, whole)]
    return writer.scan([last], read, step, reverse=True, state=whole, out=whole)[1]


def check_paths(
    model: ModelProto, decoder: TagDecoder, row: Array | None, *, seed: int = 0
) -> Check:
    """Run both on drawn scores of several lengths.

    Raises:
        ConversionError: one tag differs; says where.
        DependencyError: ONNX Runtime is not installed.
    """
    run, random = session_of(model), np.random.default_rng(seed)
    count = len(decoder.tags)
    for batch, time in _SHAPES:
        lengths = random.integers(0, time + 1, batch)
        lengths[0] = time
        scores = random.normal(size=(batch, time, count)).astype(np.float32)
        # Halves: many paths are equal, and the lowest tags must win.
        scores[batch // 2 :] = np.round(2 * scores[batch // 2 :]) / 2
        outputs = {decoder.output: scores}
        if row is not None:
            outputs[decoder.potentials] = np.tile(row, (batch, 1))
        wanted = decoder.paths(outputs, lengths)
        scores[np.arange(time) >= lengths[:, None]] = np.nan
        found = run({decoder.output: scores, "lengths": lengths})[TAGS]
        if not np.array_equal(found, wanted):
            raise ConversionError(
                f"the export is refused: the tags of [B={batch}, T={time}] are other ones in ONNX "
                "Runtime; take another version, and report it"
            )
    return Check(0.0, len(_SHAPES), False)
