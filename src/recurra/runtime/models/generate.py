"""Models that continue: texts symbol by symbol, frames of notes or events step by step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from recurra.codecs import Cases, CorpusCodec, FrameCodec
from recurra.decode import (
    Adapt,
    Hypothesis,
    NextDecoder,
    Sampler,
    Sampling,
    StopStrings,
    beam_search,
    generated,
)
from recurra.errors import BundleError, SettingsError, ShapeError, SpecError
from recurra.kernels.elementwise import log_softmax
from recurra.metrics.generate import bits, nll, perplexity
from recurra.runtime.model import AbstractModel, batches_of
from recurra.runtime.parts import MAIN, Parts
from recurra.runtime.session import Session
from recurra.runtime.truths import refuse_choices
from recurra.spec.batch import Batch, Encoded, EncodedCases, EncodedList
from recurra.spec.node import Signal

__all__ = ["GenerateModel", "Likelihood"]

Array = npt.NDArray[Any]
# Scores of so many steps are held at once; a text of any length is read in such chunks.
_CHUNK = 512
# A stream's answer names so many symbols: a vocabulary may hold thousands.
_NAMED = 10
# A note that is less probable than this is not worth a line.
_FAINT = 0.01


class Likelihood(NamedTuple):
    """How well one sequence was foreseen.

    Args:
        nats: Negative log-likelihood, summed over its steps.
        steps: How many.
    """

    nats: float
    steps: int

    @property
    def nll(self) -> float:
        """Nats a step."""
        return self.nats / self.steps

    @property
    def bits(self) -> float:
        """Bits a step."""
        return self.nll / math.log(2)

    @property
    def perplexity(self) -> float:
        """exp(nats a step)."""
        return perplexity(np.array([self.nats]), np.array([self.steps]))


class GenerateModel(AbstractModel):
    """A language model, or one of many-hot frames.

    The answer to a case is its `Likelihood`; `generate` continues a prompt.
    """

    tasks: ClassVar[tuple[str, ...]] = ("generate",)

    @classmethod
    def check(cls, parts: Parts) -> None:
        """Refuse parts that do not fit one another (BundleError)."""
        if set(parts.graphs) != {MAIN}:
            raise BundleError(f"expected one graph, {MAIN!r}, got {sorted(parts.graphs)}")
        graph, codec, decoder = parts.graphs[MAIN], parts.codec, parts.decoder
        if not isinstance(codec, CorpusCodec | FrameCodec):
            raise BundleError(f"a model that generates has a codec for {codec.task!r}")
        if dict(graph.inputs) != codec.signals():
            raise BundleError("the codec gives other inputs than the graph takes")
        form = "symbol" if isinstance(codec, CorpusCodec) else "frame"
        size = codec.signals()["x"].size
        if not isinstance(decoder, NextDecoder) or (decoder.form, decoder.size) != (form, size):
            raise BundleError("the decoder and the codec are of different kinds or sizes")
        signals = {name: graph.signals()[name] for name in graph.outputs}
        if signals.get(decoder.output) != Signal("steps", size):
            raise BundleError(f"the decoder does not fit the graph's output {decoder.output!r}")
        why = graph.why_not_streaming()
        if why is not None:
            raise BundleError(f"a model that generates must run one step at a time: {why}")

    @property
    def symbols(self) -> bool:
        """Whether it continues texts; else frames."""
        return isinstance(self.codec, CorpusCodec)

    def is_one(self, x: Any) -> bool:
        """Whether x is one text, or one sequence of frames, and not several."""
        if isinstance(x, str):
            return True
        if not len(x) or isinstance(x[0], str):
            return False
        return not any(isinstance(frame, str) or _holds_lists(frame) for frame in x)

    def answers(self, encoded: EncodedCases | Sequence[Encoded]) -> list[Likelihood]:
        """The likelihood of each case, the state carried from its first step to its last.

        Raises:
            ShapeError: no case at all.
        """
        cases = encoded if isinstance(encoded, EncodedCases) else EncodedList(encoded)
        if not len(cases):
            raise ShapeError("the model expected at least one case, got none")
        found: list[Any] = [None] * len(cases)
        for batch in batches_of(cases):
            sums = np.zeros(len(batch))
            for begin, nats in self._read(batch):
                sums += self._counted(batch, begin, nats).sum(axis=1)
            for k, total, steps in zip(batch.index, sums, batch.lengths, strict=True):
                found[k] = Likelihood(float(total), int(steps))
        return found

    def decode(self, outputs: Mapping[str, Array], batch: Batch) -> Sequence[Likelihood]:
        """Of each row the likelihood of the steps that count."""
        nats = self._nats(outputs, batch.steps["y"])
        counted = self._counted(batch, 0, np.ones_like(nats)).sum(axis=1)
        sums = self._counted(batch, 0, nats).sum(axis=1)
        return [Likelihood(float(n), int(c)) for n, c in zip(sums, counted, strict=True)]

    def figures(self, answers: Any, encoded: EncodedCases, cases: Cases) -> dict[str, float]:
        """Nats and bits a step over all cases, and of symbols the perplexity."""
        del encoded, cases
        nats = np.array([answer.nats for answer in answers])
        steps = np.array([answer.steps for answer in answers])
        found = {"nll": nll(nats, steps), "bits": bits(nats, steps)}
        if self.symbols:
            found["perplexity"] = perplexity(nats, steps)
        return found

    def object_of(self, answer: Any) -> dict[str, Any]:
        """A likelihood; or, in a stream, what is most probable next."""
        if isinstance(answer, Likelihood):
            found = {"nll": answer.nll, "bits": answer.bits, "steps": answer.steps}
            return found | ({"perplexity": answer.perplexity} if self.symbols else {})
        if not self.symbols:
            named = {str(k): float(p) for k, p in enumerate(answer) if p >= _FAINT}
            return {"prediction": np.flatnonzero(answer > 0.5).tolist(), "probability": named}
        order = np.argsort(-answer, kind="stable")[:_NAMED]
        names = [self.codec.name_of(int(k)) for k in order]
        chances = dict(zip(names, map(float, answer[order]), strict=True))
        return {"prediction": names[0], "probability": chances}

    def describe(self) -> dict[str, str]:
        """One line each on "task", "input" and "answer"."""
        codec = self.codec
        if isinstance(codec, FrameCodec):
            return {
                "task": "continuation of frames",
                "input": f"frames of numbers below {codec.width}",
                "answer": "the probability of each number in the next frame; nats a frame",
            }
        text = "sequences that end" if codec.ends else "running text"
        return {
            "task": "continuation of texts",
            "input": f"{text}, cut by {codec.symbol}; {codec.units.size:,} {codec.symbol}s",
            "answer": f"the probability of each next {codec.symbol}; nats a {codec.symbol}",
        }

    def session(self, *, adapt: Adapt | None = None, pending: int = 1) -> Session:
        """A stream: a symbol or a frame in, the probabilities of the next one out.

        Raises:
            SpecError: `adapt` or `pending` is given, and there are no sets or intervals.
        """
        refuse_choices(adapt, pending)
        return Session(self.network, self.codec, self.decoder, lambda a: a, self.fingerprint)

    def witness(self, x: Any, steps: int = 256) -> Any:
        """A raw case cut to about so many steps."""
        if not isinstance(x, str) or self.codec.symbol == "character":
            return x[:steps]
        return x[: 4 * steps]

    def golden(self, x: Any) -> Array:
        """Of a text the probability of each symbol that came, of frames that of every note; then
        what is expected next, and the nats a step."""
        batch = EncodedList([self.codec.encode(x)]).collate([0])
        outputs, state = self.network(batch.arrays(self.network.graph.inputs))
        nats = self._nats(outputs, batch.steps["y"])
        if self.symbols:
            chances = np.exp(-nats).ravel()
        else:
            chances = self.decoder.probabilities(outputs[self.decoder.output]).ravel()
        after = {name: array[:, -1] for name, array in batch.steps.items()}
        last, _ = self.network.step({"x": after["y"].astype(batch.steps["x"].dtype)}, state)
        return np.concatenate([chances, self.decoder.decode(last)[0], [nats.mean()]])

    def generate(
        self,
        prompt: Any = "",
        *,
        length: int,
        count: int = 1,
        sampling: Sampling | None = None,
        stop: Sequence[str] = (),
        unknown: Literal["refuse", "read"] = "refuse",
    ) -> list[Any]:
        """Continue a prompt.

        Args:
            prompt: A text, or frames; empty: the beginning of a sequence.
            length: Most symbols, or frames, of a continuation.
            count: How many continuations; each is drawn with randomness of its own.
            sampling: How to draw; None: as `Sampling()`.
            stop: Texts before which a continuation ends.
            unknown: "read": symbols of the prompt that training did not show are read as unknown.

        Returns:
            `count` texts without the prompt; or lists of frames.

        Raises:
            DataError: the prompt holds something that the model does not know.
            SettingsError: a value is out of range.
        """
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise SettingsError(f"count expected a whole number of at least 1, got {count!r}")
        parts: list[list[Any]] = [[] for _ in range(count)]
        steps = self.continued(
            prompt, length=length, count=count, sampling=sampling, stop=stop, unknown=unknown
        )
        for step in steps:
            for part, piece in zip(parts, step, strict=True):
                part.append(piece)
        if self.symbols:
            return ["".join(part) for part in parts]
        return [[frame for frame in part if frame is not None] for part in parts]

    def continued(
        self,
        prompt: Any = "",
        *,
        length: int,
        count: int = 1,
        sampling: Sampling | None = None,
        stop: Sequence[str] = (),
        unknown: Literal["refuse", "read"] = "refuse",
    ) -> Iterator[list[Any]]:
        """As `generate`, piece by piece as they are drawn: of each continuation a text (maybe
        empty), or a frame (None after its end)."""
        if isinstance(length, bool) or not isinstance(length, int) or length < 0:
            raise SettingsError(f"length expected a whole number of at least 0, got {length!r}")
        sampling = sampling or Sampling()
        if isinstance(self.codec, CorpusCodec):
            tokens = self.codec.prompt(prompt, unknown)
            return self._texts(tokens, length, sampling, [StopStrings(stop) for _ in range(count)])
        if stop:
            raise SettingsError("stop names texts: a model of frames takes none")
        sampler = Sampler(sampling, count)
        return self._frames(self.codec.prompt(prompt or ()), length, sampler, count)

    def search(
        self,
        prompt: str = "",
        *,
        length: int,
        width: int = 5,
        length_penalty: float = 0.0,
        unknown: Literal["refuse", "read"] = "refuse",
    ) -> list[tuple[str, float]]:
        """The most probable continuations by beam search, best first, with their scores.

        A model of sequences that end searches among those of at most `length` symbols, one of a
        running text among those of exactly `length`.

        Args:
            prompt: A text; empty: the beginning of a sequence.
            length: Symbols of a continuation.
            width: Hypotheses that are kept.
            length_penalty: As `decode.beam_search`.
            unknown: As in `generate`.

        Raises:
            DataError, SettingsError: as in `generate`.
            SpecError: a model of frames has no beam: its choices are too many.
        """
        codec = self.codec
        if not isinstance(codec, CorpusCodec):
            raise SpecError("beam search needs symbols to choose among: a model of frames draws")
        if isinstance(length, bool) or not isinstance(length, int) or length < 1:
            raise SettingsError(f"length expected a whole number of at least 1, got {length!r}")
        tokens = codec.prompt(prompt, unknown)
        state = self.network.initial_state(1)
        if len(tokens) > 1:
            _, state = self.network({"x": tokens[None, :-1]}, state)
        taken = 0

        def step(newest: Array, before: Any) -> tuple[Array, Any]:
            nonlocal taken
            outputs, after = self.network.step({"x": newest}, before)
            found = self._log_probabilities(outputs[self.decoder.output])
            if not codec.ends:
                # A running text has no end: it is cut where it is long enough, at no cost.
                end = np.full((len(found), 1), 0.0 if taken == length else -np.inf)
                found = np.concatenate([found, end], axis=1)
            taken += 1
            return found, after

        end = 1 if codec.ends else codec.tokens
        (found,) = beam_search(
            step,
            state,
            np.array([length]),
            start=int(tokens[-1]),
            end=end,
            width=width,
            length_penalty=length_penalty,
        )
        return [self._text_and_score(hypothesis) for hypothesis in found]

    def _text_and_score(self, hypothesis: Hypothesis) -> tuple[str, float]:
        return self.codec.text_of(hypothesis.tokens), hypothesis.score

    def _log_probabilities(self, scores: Array) -> Array:
        """[B, V], symbols that may not be generated at -inf; up to one common term a row."""
        found = log_softmax(scores)
        found[:, list(self.codec.never)] = -np.inf
        return found

    def _texts(
        self, prompt: Array, length: int, sampling: Sampling, stops: Sequence[StopStrings]
    ) -> Iterator[list[str]]:
        rows = len(stops)
        writers = [self.codec.writer() for _ in stops]
        going = [True] * rows
        stream = self.network.stream(rows, output=self.decoder.output)
        for token in prompt:
            scores = stream.feed(np.full(rows, token))

        def step(tokens: Array, state: None) -> tuple[Array, None]:
            # The stream itself is the state.
            return self._log_probabilities(stream.feed(tokens)), state

        drawn = generated(step, self._log_probabilities(scores), None, sampling)
        for tokens in islice(drawn, length):
            shown = [""] * rows
            for row in np.flatnonzero(going):
                if self.codec.ends and tokens[row] == 1:
                    going[row] = False
                    continue
                shown[row] = stops[row].feed(writers[row].feed(int(tokens[row])))
                going[row] = not stops[row].stopped
            yield shown
            if not any(going):
                break
        yield [
            stop.feed(writer.end()) + stop.end()
            for stop, writer in zip(stops, writers, strict=True)
        ]

    def _frames(
        self, prompt: Array, length: int, sampler: Sampler, rows: int
    ) -> Iterator[list[Any]]:
        stream = self.network.stream(rows, output=self.decoder.output)
        for frame in prompt:
            scores = stream.feed(np.repeat(frame[None].astype(self.dtype), rows, axis=0))
        for _ in range(length):
            sounding = sampler.frames(scores)
            yield [self.codec.frame_of(row) for row in sounding]
            scores = stream.feed(sounding.astype(self.dtype))

    def _read(self, batch: Batch) -> Iterator[tuple[int, Array]]:
        """The nats of each step [B, <= chunk], chunk by chunk, with where each begins."""
        state = None
        time = batch.steps["x"].shape[1]
        for begin in range(0, time, _CHUNK):
            part = slice(begin, begin + _CHUNK)
            x, y = batch.steps["x"][:, part], batch.steps["y"][:, part]
            lengths = np.clip(batch.lengths - begin, 0, x.shape[1])
            outputs, state = self.network({"x": x}, state, lengths=lengths)
            yield begin, self._nats(outputs, y)

    def _nats(self, outputs: Mapping[str, Array], truth: Array) -> Array:
        assert isinstance(self.decoder, NextDecoder)  # the task's
        return self.decoder.nats(outputs, truth)

    def _counted(self, batch: Batch, begin: int, values: Array) -> Array:
        """Values [B, T] with 0 where a step is padding or is only read."""
        steps = np.arange(begin, begin + values.shape[1])
        within = steps < batch.lengths[:, None]
        if "counted" in batch.steps:
            within &= batch.steps["counted"][:, begin : begin + values.shape[1]]
        return np.where(within, values, 0.0)


def _holds_lists(frame: Any) -> bool:
    return len(frame) > 0 and not isinstance(frame[0], int | np.integer)
