"""Models that turn one sequence of symbols into another: encoder, attention, decoder and beam."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from recurra.codecs import Cases
from recurra.codecs.pairs import EncodedPairs, PairCodec
from recurra.codecs.pairs_alphabet import BOUNDARY
from recurra.decode import BeamDecoder
from recurra.errors import BundleError, ShapeError, SpecError
from recurra.kernels.elementwise import log_softmax
from recurra.metrics import transduce as measures
from recurra.runtime.model import AbstractModel, Probe
from recurra.runtime.models.described import known
from recurra.runtime.network import Network
from recurra.runtime.parts import Parts
from recurra.spec.attention import LENGTHS
from recurra.spec.batch import Encoded, EncodedCases
from recurra.spec.bridge import bridge_size, bridged
from recurra.spec.counted import counted
from recurra.spec.node import Signal

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Alignment", "Output", "TransduceModel"]

Array = npt.NDArray[Any]
ENCODER = "encoder"
DECODER = "decoder"
# Sources that are searched at once: bounds the room of their memories, changes no bit.
_AT_ONCE = 64
# What the decoder may read of what the encoder puts out.
_READ = ("memory", "keys", "context")


class Output(NamedTuple):
    """One output of a search.

    Args:
        text: Its symbols, joined.
        log_probability: Of the symbols and the end behind them, in nats.
        score: By which outputs are ranked.
        tokens: Numbers of its symbols.
    """

    text: str
    log_probability: float
    score: float
    tokens: tuple[int, ...]


class Alignment(NamedTuple):
    """Where the decoder looked.

    Args:
        source: What each step of the source shows a person; nothing for its end.
        output: What each step of the output shows; nothing for its end.
        weights: [U, S], each row summing to 1.
    """

    source: list[str]
    output: list[str]
    weights: Array


class _Memory:
    """What an encoder has put out for some sources, as the decoder reads it row by row."""

    def __init__(self, networks: Mapping[str, Any], x: Array, lengths: Array) -> None:
        self.decoder = networks[DECODER]
        known, _ = networks[ENCODER]({"x": x}, lengths=lengths)
        self.known = {name: known[name] for name in _READ if name in self.decoder.graph.inputs}
        if "places" in self.decoder.graph.inputs:
            self.known["places"] = lengths
        begin = self.decoder.initial_state(len(x))
        self.state = bridged(known["bridge"], begin, np.ascontiguousarray)
        self._rows: Array = np.zeros(0, np.int64)
        self._gathered: dict[str, Array] = {}

    def of(self, rows: Array) -> dict[str, Array]:
        """The memories of these sources; a beam asks for the same ones again and again."""
        if not np.array_equal(rows, self._rows) or not self._gathered:
            self._rows = rows
            self._gathered = {name: array[rows] for name, array in self.known.items()}
        return self._gathered


class TransduceModel(AbstractModel):
    """Transduction. An answer is a tuple of `Output`, the best first.

    One case is a text, with its features behind a tab where the model knows any; many are a list of
    texts, or `Cases`. `predict` gives the best text alone.
    """

    tasks: ClassVar[tuple[str, ...]] = ("transduce",)
    codec: PairCodec
    decoder: BeamDecoder

    @classmethod
    def check(cls, parts: Parts) -> None:
        """Refuse parts that do not fit one another (BundleError)."""
        if set(parts.graphs) != {ENCODER, DECODER}:
            raise BundleError(f"expected an encoder and a decoder, got {sorted(parts.graphs)}")
        encoder, decoder = parts.graphs[ENCODER], parts.graphs[DECODER]
        codec, search = parts.codec, parts.decoder
        if not isinstance(codec, PairCodec) or not isinstance(search, BeamDecoder):
            raise BundleError("a model that transduces has a codec for pairs and a beam")
        if dict(encoder.inputs) != codec.signals():
            raise BundleError("the codec gives other inputs than the encoder takes")
        known, wanted = encoder.signals(), dict(decoder.inputs)
        if wanted.pop("tokens", None) != Signal("steps", codec.target_size, "token"):
            raise BundleError("the decoder reads other symbols than the codec's")
        if wanted.pop("places", LENGTHS) != LENGTHS or not wanted.keys() <= set(_READ):
            raise BundleError(f"the decoder reads {sorted(wanted)}, which no encoder gives")
        for name, signal in wanted.items():
            given = known.get(name, LENGTHS)
            if name not in encoder.outputs or given.size != signal.size:
                raise BundleError(f"the decoder reads {name!r} as {signal}, the encoder has none")
            if given.axes != ("row" if signal.axes == "row" else "steps"):
                raise BundleError(f"the decoder reads {name!r} as {signal}, got {given}")
        bridge = Signal("row", bridge_size(decoder))
        if "bridge" not in encoder.outputs or known["bridge"] != bridge:
            raise BundleError("the encoder's bridge does not fit the decoder's state")
        head = Signal("steps", codec.target_size)
        if search.output not in decoder.outputs or decoder.signals()[search.output] != head:
            raise BundleError(f"the decoder's output {search.output!r} scores no symbols")
        if decoder.why_not_streaming() is not None:
            raise BundleError("the decoder cannot run one symbol at a time")

    def why_not_streaming(self) -> str | None:
        """It never streams."""
        return "an output begins when its source has ended, and a stream has no end"

    def encoded(self, cases: Cases) -> EncodedCases:
        """Pairs, each side with its lengths."""
        return EncodedPairs(self.codec.encode_cases(cases))

    def predict(self, x: Any) -> Any:
        """The best output of each case as a text; for one case its own."""
        answers = self(x)
        if isinstance(x, str):
            return answers[0].text
        return [answer[0].text for answer in answers]

    def answers(self, encoded: EncodedCases | Sequence[Encoded]) -> list[tuple[Output, ...]]:
        """Up to `decoder.width` outputs of each case, best first.

        Raises:
            ShapeError: no case at all.
        """
        cases = encoded if isinstance(encoded, EncodedCases) else EncodedPairs(encoded)
        if not len(cases):
            raise ShapeError("the model expected at least one case, got none")
        found: list[tuple[Output, ...]] = [()] * len(cases)
        # Sources of like length side by side need the least padding.
        order = np.argsort(cases.lengths, kind="stable")
        for begin in range(0, len(order), _AT_ONCE):
            index = order[begin : begin + _AT_ONCE]
            batch = cases.collate(index)
            for k, outputs in zip(
                index, self._search(batch.steps["x"], batch.lengths), strict=True
            ):
                found[int(k)] = outputs
        return found

    def _search(self, x: Array, lengths: Array) -> list[tuple[Output, ...]]:
        memory = _Memory(self.networks, x, lengths)
        rows = np.arange(len(x))

        def step(tokens: Array, state: Any) -> tuple[Array, Any]:
            inputs = {"tokens": tokens, **memory.of(state["rows"][0])}
            slots = {name: slot for name, slot in state.items() if name != "rows"}
            outputs, after = memory.decoder.step(inputs, slots)
            found = log_softmax(outputs[self.decoder.output])
            found[:, self.codec.forbidden] = -np.inf
            return found, {**after, "rows": state["rows"]}

        longest = np.full(len(x), self.decoder.longest)
        # Which source a hypothesis is of goes along with its state.
        state = {**memory.state, "rows": (rows,)}
        hypotheses = self.decoder.search(step, state, longest, boundary=BOUNDARY)
        return [
            tuple(
                Output(
                    self.codec.target.decode(best.tokens),
                    best.log_probability,
                    best.score,
                    best.tokens,
                )
                for best in found
            )
            for found in hypotheses
        ]

    def log_probability(self, x: str, y: str) -> float:
        """log p(y | x) in nats, the end of y included.

        Raises:
            DataError: x cannot be encoded.
        """
        tokens = self.codec.encode_target(y)
        inputs, state = self._forced(x, tokens)
        outputs, _ = self.networks[DECODER](inputs, state)
        found = log_softmax(outputs[self.decoder.output][0])
        return float(found[np.arange(len(tokens) + 1), [*tokens, BOUNDARY]].sum())

    def alignment(self, x: str, y: str | None = None) -> Alignment:
        """Which places of the source the decoder reads for each symbol of an output.

        Args:
            x: A source.
            y: The output; None: the best one.

        Raises:
            SpecError: the model has no attention.
            DataError: x cannot be encoded.
        """
        graph = self.parts.graphs[DECODER]
        if not any(step.name == "attention" for step in graph.steps):
            raise SpecError("this model has no attention: it was trained with attention='none'")
        tokens = np.array(self(x)[0].tokens, np.int64) if y is None else self.codec.encode_target(y)
        inputs, state = self._forced(x, tokens)
        decoder = Network(replace(graph, outputs=("attention",)), self.parts.weights_of(DECODER))
        outputs, _ = decoder(inputs, state)
        names = [*self.codec.target.names(tokens.tolist()), ""]
        return Alignment(self.codec.source_names(x), names, outputs["attention"][0])

    def _forced(self, x: str, tokens: Array) -> tuple[dict[str, Array], Any]:
        """What the decoder is given for one source and an output's tokens [U], and its state."""
        source = self.codec.encode(x).steps["x"][None]
        memory = _Memory(self.networks, source, np.array([source.shape[1]]))
        before = np.array([[BOUNDARY, *tokens]], np.int64)
        return {"tokens": before, **memory.known}, memory.state

    def figures(self, answers: Any, encoded: EncodedCases, cases: Cases) -> dict[str, float]:
        """Error rates of the best outputs; chrF and BLEU where sacrebleu is installed."""
        del encoded
        outputs = [answer[0].text for answer in answers]
        truth = [self.codec.comparable(str(y)) for y in cases.target_values()]
        return measures.text_figures(outputs, truth, self.codec.target.cut)

    def object_of(self, answer: Any) -> dict[str, Any]:
        """The best output, its log-probability, and all hypotheses with their scores."""
        best = answer[0]
        return {
            "prediction": best.text,
            "log_probability": best.log_probability,
            "hypotheses": [
                {"text": o.text, "log_probability": o.log_probability, "score": o.score}
                for o in answer
            ],
        }

    def table_of(self, ids: Sequence[str], answers: Any) -> pl.DataFrame:
        """A row a case: id, prediction and its log-probability."""
        import polars as pl

        return pl.DataFrame(
            {
                "id": list(ids),
                "prediction": [answer[0].text for answer in answers],
                "log_probability": [answer[0].log_probability for answer in answers],
            }
        )

    def describe(self) -> dict[str, str]:
        """One line each on "task", "input" and "answer"."""
        source, target, marks = self.codec.source, self.codec.target, self.codec.marks
        marked = "" if marks is None else f", ahead of them {counted(len(marks), 'feature')}"
        return {
            "task": "one sequence of symbols becomes another",
            "input": f"texts, cut by {source.unit} in {source.normalisation}; "
            f"{known(source.size)}{marked}",
            "answer": f"texts of {counted(target.size, 'symbol')}, cut by {target.unit}; a beam of "
            f"{self.decoder.width}, at most {counted(self.decoder.longest, 'symbol')}",
        }

    def witness(self, x: Any, steps: int = 256) -> Any:
        """A source cut to about so many symbols, its features whole."""
        source, tab, features = str(x).partition("\t")
        cut = source[: 8 * steps]
        return f"{cut if cut.strip() else source}{tab}{features}"

    def numbers(self, answer: Any) -> Array:
        """The best output: the mean probability of its symbols (geometric), and their numbers."""
        best = answer[0]
        mean = math.exp(best.log_probability / (len(best.tokens) + 1))
        return np.array([mean, *best.tokens], np.float64)

    def probes(self, x: Any) -> list[Probe]:
        """The source for the encoder; its memory and the best output for the decoder."""
        inputs, _ = self._forced(x, np.array(self(x)[0].tokens, np.int64))
        return [
            Probe(ENCODER, {"x": self.codec.encode(x).steps["x"][None]}),
            Probe(DECODER, inputs),
        ]
