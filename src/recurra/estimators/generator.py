"""The generator: learns texts or frames step by step, tells how likely others are, continues."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

from recurra.codecs import Cases, corpus_cases, read_corpus
from recurra.decode import Sampling
from recurra.errors import DataError
from recurra.estimators.estimator import AbstractSequenceEstimator, is_table
from recurra.runtime.models.generate import GenerateModel, Likelihood

__all__ = ["Score", "SequenceGenerator"]


class Score(float):
    """The mean log-likelihood a step, in nats: higher is better, as scikit-learn wants it.

    Args:
        nats: Negative log-likelihood of all steps together.
        steps: How many.
    """

    nats: float
    steps: int

    def __new__(cls, nats: float, steps: int) -> Score:
        """A float is made here, before it could be initialised."""
        score = super().__new__(cls, -nats / steps)
        score.nats, score.steps = nats, steps
        return score

    def __reduce__(self) -> tuple[type[Score], tuple[float, int]]:
        return Score, (self.nats, self.steps)

    @property
    def nll(self) -> float:
        """Nats a symbol; of frames a frame."""
        return -float(self)

    @property
    def bits(self) -> float:
        """Bits a symbol, or a frame."""
        return self.nll / math.log(2)

    @property
    def perplexity(self) -> float:
        """exp(nats a symbol)."""
        return Likelihood(self.nats, self.steps).perplexity


class SequenceGenerator(AbstractSequenceEstimator):
    """A recurrent network that predicts each step of a sequence from those before it.

    Here X is one running text, a list of texts (sequences that end), a table with a column of
    texts, or a list of sequences of frames: at each step the whole numbers of what sounds or
    happens. It is learnt by truncated back-propagation, `batch_size` streams side by side, `window`
    steps at a time, the state carried on.

    After `fit` (or `load`): `model_` the runtime's model, which generates without torch;
    `parameters_` how many numbers were learnt; after `fit` also `history_` (one record an epoch),
    `n_iter_` (epochs), `best_metric_` (nats a step) and `fit_seconds_`.
    """

    _task: ClassVar[str] = "generate"

    def predict(self, X: Any) -> list[Likelihood]:
        """The likelihood of each sequence: nats, bits and perplexity."""
        model = self._generator()
        return model.answers(model.encoded(self._cases(X, None, need_target=False)))

    def score(self, X: Any, y: Any = None) -> Score:
        """How well sequences are foreseen: a float (mean log-likelihood) with `nll`, `bits`,
        `perplexity`.

        Args:
            X: As in `fit`.
            y: None: a sequence is its own truth.
        """
        if y is not None:
            raise DataError("a sequence is its own truth: leave y out")
        found = self.predict(X)
        return Score(math.fsum(one.nats for one in found), sum(one.steps for one in found))

    def generate(
        self,
        prompt: Any = "",
        length: int = 200,
        *,
        count: int | None = None,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
        stop: Sequence[str] = (),
        beam: int = 0,
        length_penalty: float = 0.0,
        unknown: Literal["refuse", "read"] = "refuse",
    ) -> Any:
        """Continue a prompt.

        Args:
            prompt: A text, or frames; empty: the beginning of a sequence.
            length: Most symbols, or frames, of the continuation.
            count: Give a list of so many; None: one alone.
            temperature: Below 1 bolder, above 1 more varied; 0: always the most probable.
            top_k: Draw among the k most probable only; 0: all.
            top_p: Draw among the fewest most probable that hold so much probability; 1: all.
            seed: The same seed gives the same continuation.
            stop: Texts before which it ends.
            beam: Search the most probable whole instead, with so many hypotheses; 0: draw.
            length_penalty: Of the beam: 0 sums, 1 is the mean a symbol.
            unknown: "read": symbols of the prompt that training did not show are read as unknown.

        Returns:
            The continuation without the prompt: a text, or a list of frames; with `count` a list.

        Raises:
            NotFittedError: nothing was learnt yet.
            DataError: the prompt holds something that the model does not know.
            SettingsError: a value is out of range.
        """
        model = self._generator()
        if beam:
            found = model.search(
                prompt, length=length, width=beam, length_penalty=length_penalty, unknown=unknown
            )
            texts = [text for text, _ in found]
            return texts[0] if count is None else texts[:count]
        drawn = model.generate(
            prompt,
            length=length,
            count=count or 1,
            sampling=Sampling(temperature, top_k, top_p, seed),
            stop=stop,
            unknown=unknown,
        )
        return drawn[0] if count is None else drawn

    def iterate(
        self,
        prompt: Any = "",
        length: int = 200,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
        stop: Sequence[str] = (),
        unknown: Literal["refuse", "read"] = "refuse",
    ) -> Iterator[Any]:
        """As `generate`, piece by piece while it is drawn: texts, or frames."""
        sampling = Sampling(temperature, top_k, top_p, seed)
        steps = self._generator().continued(
            prompt, length=length, sampling=sampling, stop=stop, unknown=unknown
        )
        return (step[0] for step in steps)

    def _generator(self) -> GenerateModel:
        model = self._fitted()
        assert isinstance(model, GenerateModel)  # the task's
        return model

    def _cases(self, X: Any, y: Any, *, need_target: bool) -> Cases:
        del need_target  # a sequence is its own target
        if y is not None:
            raise DataError("a sequence is its own truth: leave y out")
        return read_corpus(X, self._settings().data) if is_table(X) else corpus_cases(X)
