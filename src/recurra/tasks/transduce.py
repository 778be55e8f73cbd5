"""Transduction: a sequence of symbols becomes another one, by an encoder and a decoder.

Two graphs, which share the embedding where the symbols are shared:

    encoder: x -> [embedding] -> [dropout] -> encoder -> memory, keys; its pool -> bridge, context
    decoder: tokens -> [embedding] -> [dropout] -> decoder -> attention over the memory
             -> tanh(W [context; state]) -> [dropout] -> head

The bridge is where the decoder's state begins: tanh of a linear map of the pooled memory. Without
attention the decoder reads one fixed vector, the context, at every step.

Source: Cho et al. 2014, arXiv:1406.1078; Bahdanau et al. 2014, arXiv:1409.0473; Luong et al. 2015,
arXiv:1508.04025, whose placement of the attention, after the recurrent layers, is taken here for
every score: so the decoder's layers run over a whole teacher-forced sequence at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from recurra.codecs import AbstractCodec, Cases
from recurra.codecs.pairs import EncodedPairs, PairCodec
from recurra.codecs.pairs_alphabet import BOUNDARY
from recurra.decode import AbstractDecoder, BeamDecoder
from recurra.errors import SpecError
from recurra.spec.attention import LENGTHS, Attention, Mixture, Spread
from recurra.spec.batch import Batch, EncodedCases
from recurra.spec.bridge import bridge_size, bridged
from recurra.spec.concat import Concat
from recurra.spec.dense import Dense
from recurra.spec.graph import Graph, Step
from recurra.spec.node import AbstractNode, Signal
from recurra.spec.nodes import Dropout, Embedding, Linear, Pool
from recurra.spec.settings import ModelSettings, Settings, TrainingSettings
from recurra.tasks.abstract import AbstractTask, Learned, in_full, tensors_of
from recurra.tasks.encoder import ahead_nodes, dense_steps, encoder_node

__all__ = ["Transduce"]


@dataclass(frozen=True)
class Transduce(AbstractTask):
    """One sequence of symbols for each sequence of symbols.

        sum = sum_bu (1 - s) * -log p(y_bu) + s * mean_v -log p(v),  weight = symbols and ends

    Args:
        beam: Width of the beam.
        length_penalty: By which it ranks.
        longest: Most symbols of an output; None: twice the longest target of training.
        smoothing: s, the label smoothing.
        forcing: Share of the decoder's inputs that are the true symbols in this epoch.
    """

    beam: int = 5
    length_penalty: float = 0.0
    longest: int | None = None
    smoothing: float = 0.0
    forcing: float = 1.0

    name: ClassVar[str] = "transduce"
    metric: ClassVar[tuple[str, Literal["max", "min"]]] = ("word_error_rate", "min")

    @classmethod
    def of(cls, settings: Settings) -> Transduce:
        """With the settings' beam and smoothing."""
        model = settings.model
        return cls(
            model.beam,
            model.length_penalty,
            model.longest_output,
            settings.training.label_smoothing,
        )

    def quick(self) -> Transduce:
        """With greedy search: what an epoch is measured by."""
        return replace(self, beam=1, length_penalty=0.0)

    def at_epoch(self, epoch: int, settings: TrainingSettings) -> Transduce:
        """With the share of true symbols that the schedule gives this epoch, counted from 1."""
        return replace(self, forcing=forced_share(epoch, settings))

    def codec(self, train: Cases, settings: Settings) -> AbstractCodec:
        """Alphabets of both sides."""
        return PairCodec.fit(train, settings.data)

    def encoded(
        self, codec: AbstractCodec, cases: Cases, settings: Settings, *, training: bool
    ) -> EncodedCases:
        """Pairs, each side with its lengths."""
        del settings, training
        return EncodedPairs(codec.encode_cases(cases))

    def decoder(self, codec: Any) -> AbstractDecoder:
        """A beam over the symbols."""
        longest = self.longest or 2 * codec.longest
        return BeamDecoder(
            width=self.beam, length_penalty=float(self.length_penalty), longest=longest
        )

    def like(self, decoder: Any) -> Transduce:
        """With the beam of a trained model."""
        return replace(
            self,
            beam=decoder.width,
            length_penalty=decoder.length_penalty,
            longest=decoder.longest,
        )

    def graphs(self, settings: ModelSettings, codec: Any) -> dict[str, Graph]:
        """{"encoder": ..., "decoder": ...}."""
        assert isinstance(codec, PairCodec)
        memory = _memory_size(settings)
        decoder = _decoder(settings, codec, memory)
        return {"encoder": _encoder(settings, codec, bridge_size(decoder)), "decoder": decoder}

    def learn(
        self, network: Any, batch: Batch, carry: Any, device: torch.device, dtype: torch.dtype
    ) -> Learned:
        """Encode, and score each target symbol from those before it."""
        del carry
        encoder, decoder = network["encoder"], network["decoder"]
        inputs = tensors_of(batch, encoder.graph.inputs, device, dtype)
        places = torch.from_numpy(batch.lengths).to(device)
        known, _ = encoder(inputs, lengths=places)
        state = bridged(known["bridge"], decoder.initial_state(len(batch)), Tensor.contiguous)
        if "y" not in batch.rows:
            raise SpecError("the loss needs each case's target: encode cases with their targets")
        y = torch.from_numpy(batch.rows["y"]).to(device)
        lengths = torch.from_numpy(batch.rows["y_length"]).to(device) + 1
        edge = torch.full_like(y[:, :1], BOUNDARY)
        tokens, wanted = torch.cat((edge, y), 1), torch.cat((y, edge), 1)
        wanted[torch.arange(len(y), device=device), lengths - 1] = BOUNDARY
        reads = {name: known[source] for name, source in _read(decoder.graph).items()}
        if "places" in decoder.graph.inputs:
            reads["places"] = places
        if network.training and self.forcing < 1:
            with torch.no_grad():
                found, _ = decoder({"tokens": tokens, **reads}, state, lengths=lengths)
            tokens = _mixed(tokens, found["head"], self.forcing)
        outputs, _ = decoder({"tokens": tokens, **reads}, state, lengths=lengths)
        with torch.autocast(device.type, enabled=False):
            total, weight = self._loss(in_full(outputs)["head"], wanted, lengths)
        return Learned(total, weight)

    def _loss(self, scores: Tensor, wanted: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        counts = torch.arange(wanted.shape[1], device=wanted.device) < lengths[:, None]
        total = functional.cross_entropy(
            scores[counts], wanted[counts], reduction="sum", label_smoothing=self.smoothing
        )
        return total, counts.sum().to(scores.dtype)


def forced_share(epoch: int, settings: TrainingSettings) -> float:
    """Share of true symbols among the decoder's inputs in an epoch, counted from 1.

        p = (epoch - 1) / (epochs - 1), from 0 to 1
        constant: f;  linear: 1 - (1 - f) * p;  sigmoid: 1 - (1 - f) / (1 + exp(6 - 12 p))

    Source: Bengio et al. 2015, arXiv:1506.03099, section 2.4.
    """
    passed = (epoch - 1) / max(1, settings.epochs - 1)
    reached = {
        "constant": 1.0,
        "linear": passed,
        "sigmoid": 1 / (1 + math.exp(6 - 12 * passed)),
    }[settings.forcing_schedule]
    return 1 - (1 - settings.teacher_forcing) * reached


def _mixed(tokens: Tensor, scores: Tensor, share: float) -> Tensor:
    """Each input is the true symbol with probability `share`, else the guess of the step before.

    The guesses of one teacher-forced pass are taken, for all steps at once (Mihaylova & Martins
    2019, arXiv:1906.07651).
    """
    guesses = torch.cat((tokens[:, :1], scores[:, :-1].argmax(2)), 1)
    true = torch.rand(tokens.shape, device=tokens.device) < share
    return torch.where(true, tokens, guesses)


def _memory_size(settings: ModelSettings) -> int:
    return settings.hidden * (2 if settings.bidirectional else 1)


def _read(decoder: Graph) -> dict[str, str]:
    """What the decoder reads of what the encoder puts out, by the decoder's names."""
    names = ("memory", "keys", "context")
    return {name: name for name in names if name in decoder.inputs}


class _Line:
    """Steps one after the other, each reading what it names or else the one before."""

    def __init__(self, name: str) -> None:
        self.steps: list[Step] = []
        self.last = name

    def add(self, step: str, node: AbstractNode, *inputs: str) -> str:
        self.steps.append(Step(step, node, inputs or (self.last,)))
        self.last = step
        return step

    def dropped(self, step: str, rate: float, variational: bool = False) -> str:
        return self.add(step, Dropout(rate=rate, variational=variational)) if rate else self.last


def _embedded(line: _Line, side: str, tokens: int, settings: ModelSettings, shared: bool) -> None:
    # A step of one name in both graphs is one layer with one weight.
    name = "embedding" if shared else f"{side}_embedding"
    line.add(name, Embedding(tokens=tokens, size=settings.embedding))
    line.dropped(f"{side}_dropout", settings.dropout, settings.variational)


def _encoder(settings: ModelSettings, codec: PairCodec, state: int) -> Graph:
    signal = codec.signals()["x"]
    line = _Line("x")
    _embedded(line, "source", signal.size, settings, codec.shared)
    size = settings.embedding
    for name, node in ahead_nodes(settings, size):
        line.add(name, node)
        size = node.output((Signal("steps", size),)).size
    line.add("encoder", encoder_node(settings, size))
    size = _memory_size(settings)
    # A dropout of rate 0 is still the step by which the decoder's graph knows the memory.
    memory = line.add("memory", Dropout(rate=settings.dropout, variational=settings.variational))
    pool = line.add("pool", Pool(size=size, modes=settings.pool), memory)
    width = size * len(settings.pool)
    line.add("bridge", Dense(input_size=width, output_size=state), pool)
    outputs = [memory, "bridge"]
    if settings.attention in ("additive", "dot"):
        keys = Linear(input_size=size, output_size=settings.hidden, bias=False)
        outputs.append(line.add("keys", keys, memory))
    elif settings.attention == "none":
        context = Dense(input_size=width, output_size=settings.hidden)
        outputs.append(line.add("context", context, pool))
    return Graph({"x": signal}, tuple(line.steps), tuple(outputs))


def _decoder(settings: ModelSettings, codec: PairCodec, memory: int) -> Graph:
    hidden, score = settings.hidden, settings.attention
    inputs = {"tokens": Signal("steps", codec.target_size, "token")}
    line = _Line("tokens")
    _embedded(line, "target", codec.target_size, settings, codec.shared)
    size = settings.embedding
    if score == "none":
        inputs["context"] = Signal("row", hidden)
        read = line.last
        line.add("spread", Spread(size=hidden), read, "context")
        line.add("fed", Concat(left=size, right=hidden), read, "spread")
        size += hidden
    # The bridge gives its state, so there is no other one to learn.
    alone = settings.model_copy(update={"bidirectional": False, "learn_initial_state": False})
    cells = encoder_node(alone, size)
    state = line.add("decoder", cells)
    if score == "none":
        reading, width = "spread", hidden
    else:
        keys, key_size = ("memory", memory) if score == "multiplicative" else ("keys", hidden)
        inputs |= {"memory": Signal("memory", memory), keys: Signal("memory", key_size)}
        inputs["places"] = LENGTHS
        attention = Attention(query_size=hidden, key_size=key_size, score=score)
        line.add("attention", attention, state, keys, "places")
        reading = line.add("reading", Mixture(size=memory), "attention", "memory", "places")
        width = memory
    line.add("read", Concat(left=width, right=hidden), reading, state)
    line.add("vector", Dense(input_size=width + hidden, output_size=hidden))
    line.dropped("head_dropout", settings.dropout)
    for step in dense_steps(settings, line.last, hidden):
        line.add(step.name, step.node)
    width = (hidden, *settings.dense_after)[-1]
    line.add("head", Linear(input_size=width, output_size=codec.target_size))
    return Graph(inputs, tuple(line.steps), ("head",))
