"""The transducer: one sequence of symbols becomes another."""

from __future__ import annotations

from typing import Any, ClassVar

from recurra.codecs import Cases
from recurra.codecs.pairs_read import pair_cases
from recurra.errors import DependencyError
from recurra.estimators.estimator import AbstractSequenceEstimator, is_table
from recurra.runtime.models.transduce import Alignment, Output, TransduceModel
from recurra.train.fonts import families_for

__all__ = ["SequenceTransducer"]


class SequenceTransducer(AbstractSequenceEstimator):
    """An encoder and a decoder, both recurrent, that turn a text into another one.

    Here X is a list of texts, or of (text, features) with features as a text or a list of texts; or
    a table with the columns `source`, `target` and maybe `features`. y is a list of texts.

    After `fit` (or `load`): `model_` the runtime's model, which searches outputs without torch;
    `parameters_` how many numbers were learnt; after `fit` also `history_` (one record an epoch),
    `n_iter_` (epochs), `best_metric_` (word error rate of greedy outputs) and `fit_seconds_`.
    """

    _task: ClassVar[str] = "transduce"

    model_: TransduceModel

    def predict(self, X: Any) -> list[str]:
        """The best output for each source."""
        return [outputs[0].text for outputs in self._answers(X)]

    def n_best(self, X: Any) -> list[tuple[Output, ...]]:
        """Up to `beam` outputs for each source, best first, with their scores."""
        answers: list[tuple[Output, ...]] = self._answers(X)
        return answers

    def evaluate(self, X: Any, y: Any = None) -> dict[str, float]:
        """The figures of `recurra evaluate`: error rates, accuracy, and with sacrebleu chrF, BLEU.

        Args:
            X: As in `fit`.
            y: The true outputs; None for a table, which holds its own.
        """
        model = self._transducing()
        cases = self._cases(X, y, need_target=True)
        encoded = model.encoded(cases)
        return model.figures(model.answers(encoded), encoded, cases)

    def score(self, X: Any, y: Any = None) -> float:
        """Share of the sources whose best output is the true one; arguments as `evaluate`'s."""
        return self.evaluate(X, y)["accuracy"]

    def attention_of(self, x: Any, y: str | None = None) -> Alignment:
        """Where the decoder looks in one source while it writes an output.

        Args:
            x: One source, as in `fit`.
            y: The output; None: the best one.

        Raises:
            SpecError: the model has no attention.
        """
        (source,) = pair_cases([x]).inputs
        return self._transducing().alignment(source, y)

    def plot_attention(self, x: Any, y: str | None = None, axes: Any = None) -> Any:
        """Draw `attention_of`: a row a symbol of the output, a column a symbol of the source.

        Args:
            x: One source, as in `fit`.
            y: The output; None: the best one.
            axes: Matplotlib's axes; None: new ones.

        Returns:
            The axes.

        Raises:
            DependencyError: matplotlib is not installed.
            SpecError: the model has no attention.
        """
        found = self.attention_of(x, y)
        if axes is None:
            try:
                from matplotlib.figure import Figure
            except ImportError:
                raise DependencyError(
                    'drawing needs matplotlib: pip install "recurra[demo]"'
                ) from None
            axes = Figure(layout="tight").subplots()
        axes.imshow(found.weights, cmap="Greys", vmin=0, vmax=1, aspect="auto")
        # The end of a text shows nothing by itself.
        source = [name or "end" for name in found.source]
        output = [name or "end" for name in found.output]
        families = families_for([*source, *output])
        axes.set_xticks(range(len(source)), source, fontfamily=families)
        axes.set_yticks(range(len(output)), output, fontfamily=families)
        axes.set_xlabel("source")
        axes.set_ylabel("output")
        return axes

    def _transducing(self) -> TransduceModel:
        model = self._fitted()
        assert isinstance(model, TransduceModel)  # the task's
        return model

    def _cases(self, X: Any, y: Any, *, need_target: bool) -> Cases:
        if is_table(X) or (need_target and y is None):
            return super()._cases(X, y, need_target=need_target)
        return pair_cases(X, y)
