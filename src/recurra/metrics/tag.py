"""Accuracy of tags, and precision, recall and F1 of the spans that they spell, as conlleval's.

A span counts as found only where its type, its first and its last step are all right. Tags of any
scheme are judged by their spans (`spec/schemes.py`), so BIO, BIOES and BMES give the same figures;
for BIO and IOB1 they are those of conlleval. Source: Tjong Kim Sang & Buchholz 2000.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from recurra.errors import ShapeError
from recurra.metrics.classify import ClassFigures
from recurra.spec.counted import counted
from recurra.spec.schemes import spans_of

__all__ = ["span_figures", "span_table", "step_accuracy", "step_table", "tag_figures"]

Tags = Sequence[Sequence[str]]


def step_accuracy(called: Tags, truth: Tags) -> float:
    """Share of all steps whose tag is right."""
    hits = [c == t for c, t in _steps(called, truth)]
    return sum(hits) / len(hits)


def step_table(called: Tags, truth: Tags) -> dict[str, ClassFigures]:
    """Precision, recall, F1 and counts of every tag that occurs, by steps; names rising."""
    pairs = list(_steps(called, truth))
    return _table(
        Counter(t for _, t in pairs),
        Counter(c for c, _ in pairs),
        Counter(t for c, t in pairs if c == t),
    )


def span_table(called: Tags, truth: Tags) -> dict[str, ClassFigures]:
    """Precision, recall, F1 and counts of every type of span that occurs; types rising."""
    there: Counter[str] = Counter()
    found: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for answer, wanted in _cases(called, truth):
        ours, theirs = set(spans_of(answer)), set(spans_of(wanted))
        there.update(span.type for span in theirs)
        found.update(span.type for span in ours)
        right.update(span.type for span in ours & theirs)
    return _table(there, found, right)


def span_figures(called: Tags, truth: Tags) -> ClassFigures:
    """Precision, recall, F1 and counts over the spans of all types."""
    rows = span_table(called, truth).values()
    there, found = sum(row.support for row in rows), sum(row.called for row in rows)
    right = sum(round(row.recall * row.support) for row in rows)
    return _row(there, found, right)


def tag_figures(called: Tags, truth: Tags, *, spans: bool) -> dict[str, float]:
    """The figures under the names of `spec.report.METRICS`.

    Args:
        called: The tags that were given, a list a case.
        truth: The tags that are right, of the same lengths.
        spans: Whether tags spell spans; if not, each tag is a class of its own.

    Returns:
        accuracy, and entity_f1, entity_precision and entity_recall, or macro_f1 over the tags.

    Raises:
        ShapeError: another number of cases or steps, or no step at all.
    """
    figures = {"accuracy": step_accuracy(called, truth)}
    if not spans:
        rows = step_table(called, truth).values()
        return figures | {"macro_f1": sum(row.f1 for row in rows) / len(rows)}
    whole = span_figures(called, truth)
    return figures | {
        "entity_f1": whole.f1,
        "entity_precision": whole.precision,
        "entity_recall": whole.recall,
    }


def _table(
    there: Counter[str], found: Counter[str], right: Counter[str]
) -> dict[str, ClassFigures]:
    names = sorted(there.keys() | found.keys())
    return {name: _row(there[name], found[name], right[name]) for name in names}


def _row(there: int, found: int, right: int) -> ClassFigures:
    return ClassFigures(
        precision=right / found if found else 0.0,
        recall=right / there if there else 0.0,
        f1=2 * right / (there + found) if there + found else 0.0,
        support=there,
        called=found,
    )


def _cases(called: Tags, truth: Tags) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    if len(called) != len(truth):
        raise ShapeError(
            f"expected tags of {counted(len(truth), 'case')}, got those of {len(called)}"
        )
    for k, (answer, wanted) in enumerate(zip(called, truth, strict=True)):
        if len(answer) != len(wanted):
            raise ShapeError(f"case {k}: expected {counted(len(wanted), 'tag')}, got {len(answer)}")
        yield answer, wanted


def _steps(called: Tags, truth: Tags) -> Iterator[tuple[str, str]]:
    none = True
    for answer, wanted in _cases(called, truth):
        for pair in zip(answer, wanted, strict=True):
            none = False
            yield pair
    if none:
        raise ShapeError("expected at least one step to judge, got none")
