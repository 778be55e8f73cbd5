"""How good outputs are as texts: whole outputs, their symbols, and the measures of translation.

    word_error_rate = share of the outputs that differ from their target anywhere
    accuracy = 1 - word_error_rate
    symbol_error_rate = sum of edit distances / sum of target lengths, in symbols

In grapheme-to-phoneme conversion and inflection a case is a word; hence the first name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

from recurra.errors import DependencyError, ShapeError

__all__ = [
    "accuracy",
    "bleu",
    "chrf",
    "edit_distance",
    "has_sacrebleu",
    "symbol_error_rate",
    "text_figures",
    "word_error_rate",
]


def text_figures(
    outputs: Sequence[str], targets: Sequence[str], cut: Callable[[str], Sequence[str]]
) -> dict[str, float]:
    """Error rates and accuracy of outputs; chrF and BLEU where sacrebleu is installed.

    Args:
        outputs: One text for each case.
        targets: The text that it should be.
        cut: Gives the symbols of a text.
    """
    figures = {
        "word_error_rate": word_error_rate(outputs, targets),
        "symbol_error_rate": symbol_error_rate(
            [cut(text) for text in outputs], [cut(text) for text in targets]
        ),
        "accuracy": accuracy(outputs, targets),
    }
    if has_sacrebleu():
        figures |= {"chrf": chrf(outputs, targets), "bleu": bleu(outputs, targets)}
    return figures


def word_error_rate(outputs: Sequence[str], targets: Sequence[str]) -> float:
    """Share of the outputs that are not their target."""
    _check(outputs, targets)
    return sum(o != t for o, t in zip(outputs, targets, strict=True)) / len(targets)


def accuracy(outputs: Sequence[str], targets: Sequence[str]) -> float:
    """Share of the outputs that are their target."""
    return 1.0 - word_error_rate(outputs, targets)


def symbol_error_rate(outputs: Sequence[Sequence[str]], targets: Sequence[Sequence[str]]) -> float:
    """Edits that make the outputs their targets, for each symbol of the targets; may exceed 1.

    Args:
        outputs: Symbols of each output.
        targets: Symbols of each target, at least one in all.
    """
    _check(outputs, targets)
    edits = sum(edit_distance(o, t) for o, t in zip(outputs, targets, strict=True))
    return edits / sum(map(len, targets))


def edit_distance(output: Sequence[str], target: Sequence[str]) -> int:
    """Fewest insertions, deletions and substitutions between two sequences (Levenshtein 1966)."""
    row = list(range(len(target) + 1))
    for i, symbol in enumerate(output, start=1):
        before, row[0] = row[0], i
        for j, wanted in enumerate(target, start=1):
            here = min(row[j] + 1, row[j - 1] + 1, before + (symbol != wanted))
            before, row[j] = row[j], here
    return row[-1]


def has_sacrebleu() -> bool:
    """Whether `chrf` and `bleu` can be had."""
    return find_spec("sacrebleu") is not None


def chrf(outputs: Sequence[str], targets: Sequence[str]) -> float:
    """Corpus chrF, 0 to 100, by sacrebleu's defaults (Popović 2015).

    Raises:
        DependencyError: sacrebleu is not installed.
    """
    _check(outputs, targets)
    score: float = _sacrebleu().corpus_chrf(list(outputs), [list(targets)]).score
    return score


def bleu(outputs: Sequence[str], targets: Sequence[str]) -> float:
    """Corpus BLEU, 0 to 100, by sacrebleu's defaults (Papineni et al. 2002; Post 2018).

    Raises:
        DependencyError: sacrebleu is not installed.
    """
    _check(outputs, targets)
    score: float = _sacrebleu().corpus_bleu(list(outputs), [list(targets)]).score
    return score


def _sacrebleu() -> Any:
    if not has_sacrebleu():
        raise DependencyError(
            'chrF and BLEU are sacrebleu\'s, which is not installed: pip install "recurra[text]"'
        )
    import sacrebleu

    return sacrebleu


def _check(outputs: Sequence[Any], targets: Sequence[Any]) -> None:
    if not targets or len(outputs) != len(targets):
        raise ShapeError(
            f"expected an output for each of at least one target, got {len(outputs)} and "
            f"{len(targets)}"
        )
