"""What a user of an exported model must know of what stands before and behind it, in plain words.

The figures themselves (means, vocabularies, labels) are JSON in the same metadata.
"""

from __future__ import annotations

from typing import Any

from recurra.codecs import AbstractCodec, CorpusCodec, FrameCodec, SequenceCodec, SeriesCodec
from recurra.codecs.forecast import ForecastCodec
from recurra.codecs.pairs import PairCodec
from recurra.codecs.tags import TagCodec
from recurra.codecs.tokens import TokenCodec
from recurra.decode import (
    AbstractDecoder,
    BeamDecoder,
    ClassDecoder,
    NextDecoder,
    TagDecoder,
    ValueDecoder,
)
from recurra.decode.forecast import ForecastDecoder
from recurra.errors import ConversionError
from recurra.spec.graph import Graph

__all__ = ["bridge_parts", "input_notes", "labels_of", "output_notes", "path_notes"]

_LENGTHS = "[batch]: how many steps of each row count, from its first; what is beyond is not read"
_STATE = (
    "ahead of a sequence what recurra.state says of it; then next_state of the run before. One "
    "step at a time is time = 1"
)
_BRIDGED = (
    "ahead of an output its part of the encoder's bridge, as recurra.bridge says; then next_state "
    "of the step before"
)
_MISSING = {
    "mean": "a value that is missing is 0",
    "last": "a value that is missing is the channel's last one; ahead of its first one 0",
    "linear": "a value that is missing is on the line between the channel's last and next one; "
    "before its first and after its last one that one",
    "mask": "a value that is missing is the channel's last one, ahead of its first one 0; behind "
    "the C values stand C flags, 1 where observed, and C times since the channel was last observed "
    "(or since the first step), in units of preprocessing.input.missing.unit",
    "decay": "a value that is missing is 0",
}
# What a decoder's graph reads, or an encoder's puts out.
_BETWEEN = {
    "tokens": "[batch, time]: number 1 first, then the symbol chosen at the step before; numbers "
    "as preprocessing.target gives them",
    "memory": "what the encoder puts out for the source under this name, [batch, places, size]",
    "keys": "what the encoder puts out for the source under this name, [batch, places, size]",
    "context": "what the encoder puts out for the source under this name, [batch, size]",
    "places": "[batch]: the lengths that the encoder was given",
    "bridge": "where the decoder's state begins: recurra.bridge says which numbers of the row are "
    "which state",
}


def input_notes(codec: AbstractCodec, graph: Graph) -> dict[str, str]:
    """How each input of a graph is made of raw values, by its name.

    Raises:
        ConversionError: the codec is of a kind, or feeds an input, that is not described here.
    """
    known = {**_BETWEEN, **_fed(codec)}
    notes = {}
    for name in graph.inputs:
        if name not in known:
            raise ConversionError(f"nothing says how the input {name!r} is made: report it")
        notes[name] = known[name]
    if any(signal.axes in ("steps", "pieces") for signal in graph.inputs.values()):
        notes["lengths"] = _LENGTHS
        if graph.why_not_streaming() is None and graph.state_slots():
            notes["state.*"] = _BRIDGED if isinstance(codec, PairCodec) else _STATE
    return notes


def _fed(codec: AbstractCodec) -> dict[str, str]:
    """What a codec feeds, by name."""
    source: Any = codec.input if isinstance(codec, SequenceCodec | TagCodec) else codec
    if isinstance(source, SeriesCodec):
        return _series(source)
    if isinstance(source, TokenCodec):
        return _tokens(source)
    if isinstance(source, PairCodec):
        return {
            "x": "[batch, time]: numbers of the features, then of the source's symbols, then 1; "
            "symbols are cut by preprocessing.source.unit after Unicode normalisation; the number "
            "of symbols[k] is k + 2, one that is not there is 0"
        }
    if isinstance(source, ForecastCodec):
        return {"x": _windows(source)}
    if isinstance(source, CorpusCodec):
        return {
            "x": f"[batch, time]: 1 first, then the number of the {source.symbol} before; the "
            "number of units.entries[k] is k + 2, one that is not there is 0"
        }
    if isinstance(source, FrameCodec):
        return {
            "x": "[batch, time, width]: zeros first, then the frame before: 1 at its numbers, else "
            "0"
        }
    if isinstance(codec, SequenceCodec):
        return {
            "x": f"[batch, time]: numbers of the text's symbols, cut by {source.symbol} in Unicode "
            "normal form C; the number of vocabulary[k] is k + 1, one that is not there is 0"
        }
    raise ConversionError(f"nothing says how a codec of kind {codec.kind!r} feeds: report it")


def _series(source: SeriesCodec) -> dict[str, str]:
    """Channels, and what stands in for a missing value."""
    text = (
        "[batch, time, C]: (min(max(v, low), high) - mean) / scale of each channel, in float64, "
        "channels in the order of preprocessing.input.features"
    )
    if source.missing is None:
        return {"x": f"{text}; no value may be missing"}
    notes = {"x": f"{text}; {_MISSING[source.missing.strategy]}"}
    if source.missing.strategy == "decay":
        notes["observed"] = "[batch, time, C]: 1 where there is a value, 0 where it is missing"
        notes["elapsed"] = (
            "[batch, time, 1]: time since the step before, 0 at the first, in units of "
            "preprocessing.input.missing.unit"
        )
    return notes


def _tokens(source: TokenCodec) -> dict[str, str]:
    """Numbers of tokens, of their characters, of the pairs that they make."""
    return {
        "x": "[batch, time]: the number of vocabulary[k] is k + 1, a token that is not there is 0; "
        f"tokens in Unicode normal form C{', in lower case' if source.lowercase else ''}",
        "characters": f"[batch, time, {source.longest}]: numbers of the token's characters, 0 "
        "behind them; the number of characters[k] is k + 2, one that is not there is 1; a longer "
        "token keeps its first and its last characters",
        "pairs": "[batch, time]: the number of the pair (token before, token) of x; that of "
        "pairs[k] is k + 1, one that is not there is 0; ahead of the first token stands the number "
        "len(vocabulary) + 1",
    }


def _windows(source: ForecastCodec) -> str:
    """The rows of a window, how they are scaled, and how a step is made of them."""
    normalised = {
        "none": "",
        "last": "; from the targets of a window those of its newest row are subtracted",
        "window": "; from the targets of a window their mean over its rows is subtracted, and they "
        "are divided by sqrt(variance + 1e-5)",
    }[source.normalise]
    order = (
        f"{source.segment} rows side by side are one step, oldest first"
        if source.segment > 1
        else "a row is a step"
    )
    if source.channels == "separate":
        order += "; each target is a row of the batch by itself, its own values ahead of covariates"
    lead = f", read {source.lead} rows ahead" if source.lead else ""
    return (
        f"[batch, time, {source.cut.step_width}]: the newest rows, at most {source.lookback}, "
        "(v - shift) / scale of each column by preprocessing.scaling, targets first, then past and "
        f"known covariates and the calendar ({', '.join(source.calendar) or 'none'}){lead}; a "
        f"missing value is the last one{normalised}; {order}"
    )


def output_notes(codec: AbstractCodec, decoder: AbstractDecoder, graph: Graph) -> dict[str, str]:
    """How each output of a graph becomes an answer, by its name."""
    notes = {name: _BETWEEN[name] for name in graph.outputs if name in _BETWEEN}
    if decoder.output in graph.outputs:
        notes[decoder.output] = _answer(codec, decoder)
    if isinstance(decoder, TagDecoder) and decoder.potentials in graph.outputs:
        count = len(decoder.tags)
        notes[decoder.potentials] = (
            f"the same row for every sequence: scores of each tag as the first ({count} numbers), "
            f"of each pair (from, to) row by row ({count * count}), of each tag as the last"
        )
    return notes


def _answer(codec: AbstractCodec, decoder: AbstractDecoder) -> str:
    if isinstance(decoder, ClassDecoder):
        return (
            "[batch, classes]: p = softmax(a / temperature); the class of the highest p, or the "
            "second of two where its p is above threshold; recurra.labels names them"
        )
    if isinstance(decoder, ValueDecoder):
        return "[batch, 1]: a * scale + mean of preprocessing.target, in the target's unit"
    if isinstance(decoder, TagDecoder):
        return (
            "[batch, time, tags]: scores; the tags of a sequence are the path of the highest sum "
            "of scores and, where there are any, potentials, over the paths that the scheme "
            "allows; the file ending in -tags computes it for whole sequences. In a stream the tag "
            f"of a step is that of the best path {decoder.lag} steps later"
        )
    if isinstance(decoder, NextDecoder):
        form = "softmax(a)" if decoder.form == "symbol" else "1 / (1 + exp(-a)), each by itself"
        return f"[batch, time, {decoder.size}]: what comes next; p = {form}"
    if isinstance(decoder, BeamDecoder):
        return (
            f"[batch, time, symbols]: log p = log_softmax(a); 0 and features are never chosen, 1 "
            f"ends an output; a beam of {decoder.width} was trained with, at most "
            f"{decoder.longest} symbols"
        )
    if isinstance(decoder, ForecastDecoder):
        return _forecast(codec, decoder)
    raise ConversionError(f"nothing says how a decoder of kind {decoder.kind!r} answers: report it")


def _forecast(codec: AbstractCodec, decoder: ForecastDecoder) -> str:
    made = {
        "point": "the point",
        "gaussian": "m and a: the mean m, the scale softplus(a) + 1e-4",
        "student": "m, a and c: the mean m, the scale softplus(a) + 1e-4, the degrees of freedom "
        "2 + softplus(c)",
        "quantiles": f"the quantiles at {list(decoder.levels)}, to be put in order",
    }[decoder.distribution]
    again = ""
    if isinstance(codec, ForecastCodec) and codec.recursive:
        again = f"; rows further ahead, up to {codec.horizon}, read these again as history"
    return (
        f"[batch, {decoder.ahead} rows * {decoder.outputs} targets * numbers]: for each row ahead "
        f"and target {made}; a number in a target's unit is (n * window scale + window shift) * "
        f"scale + shift, with what x was normalised and scaled by{again}"
    )


def path_notes(decoder: TagDecoder) -> tuple[dict[str, str], dict[str, str]]:
    """What the model of the best path takes, and what it gives, by name."""
    taken = {
        decoder.output: "[batch, time, tags]: the scores of whole sequences, as the network puts "
        "them out",
        "lengths": _LENGTHS,
    }
    return taken, {"tags": "[batch, time]: numbers of the tags in recurra.labels; 0 at padding"}


def bridge_parts(decoder: Graph) -> dict[str, list[int]]:
    """Which numbers of the encoder's bridge are which state of the decoder: [first, end)."""
    parts: dict[str, list[int]] = {}
    begin = 0
    for path, (size, *_) in decoder.state_slots().items():
        parts[f"state.{path}"] = [begin, begin + size]
        begin += size
    return parts


def labels_of(codec: Any) -> list[Any]:
    """The names of the classes or tags in the order of their numbers; of other tasks none."""
    target = getattr(codec, "target", None)
    return list(getattr(target, "labels", ()))
