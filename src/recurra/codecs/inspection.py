"""What a source of sequences holds: shown before training, and written into `recurra.toml`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.codecs.cases import Cases, label_text
from recurra.codecs.codec import task_of
from recurra.codecs.read import read_cases

if TYPE_CHECKING:
    from recurra.spec.settings import DataSettings

__all__ = ["Inspection", "inspect", "inspect_cases"]

# Fewer cases than this leave a validation part that says little.
_FEW_CASES = 20
# Above this share of one class accuracy alone misleads.
_IMBALANCE = 0.8


@dataclass(frozen=True)
class Inspection:
    """A source in figures.

    Args:
        source: File or argument.
        kind: "series" or "text".
        task: What its targets ask for; None without targets.
        roles: Column and role ("id", "time", "target", "text", "feature", "ignored"), in the
            order of the roles; features only, where the source has no columns.
        cases: N.
        lengths: Shortest, median and longest case, in steps (characters of a text).
        classes: Label and number of cases, the most frequent first; None unless "classify".
        span: Least and greatest target; None unless "regress".
        warnings: What to look at before training, one sentence each.
    """

    source: str
    kind: str
    task: str | None
    roles: tuple[tuple[str, str], ...]
    cases: int
    lengths: tuple[int, float, int]
    classes: tuple[tuple[str, int], ...] | None
    span: tuple[float, float] | None
    warnings: tuple[str, ...]

    def role_of(self, role: str) -> str | None:
        """The first column of a role, or None."""
        return next((name for name, found in self.roles if found == role), None)

    @property
    def features(self) -> tuple[str, ...]:
        """The feature columns in order."""
        return tuple(name for name, role in self.roles if role == "feature")


def inspect(source: str | Path | Any, settings: DataSettings) -> Inspection:
    """Read a source as `read_cases` does and say what it holds; targets may be absent.

    Raises:
        DataError: as `read_cases`.
    """
    return inspect_cases(read_cases(source, settings, need_target=False), settings)


def inspect_cases(cases: Cases, settings: DataSettings) -> Inspection:
    """The figures of cases that have been read."""
    task = None if cases.targets is None else task_of(cases, settings)
    lengths = cases.lengths
    values = [] if task is None else cases.target_values()
    classes = None
    if task == "classify":
        classes = tuple(Counter(label_text(value) for value in values).most_common())
    span = None
    if task == "regress":
        numbers = [float(value) for value in values]
        span = (min(numbers), max(numbers))
    return Inspection(
        source=cases.source,
        kind=cases.kind,
        task=task,
        roles=_roles(cases),
        cases=len(cases),
        lengths=(int(lengths.min()), float(np.median(lengths)), int(lengths.max())),
        classes=classes,
        span=span,
        warnings=tuple(_warnings(cases, classes, span)),
    )


def _roles(cases: Cases) -> tuple[tuple[str, str], ...]:
    features = tuple((name, "feature") for name in cases.features)
    columns = cases.columns
    if columns is None:
        return features
    named = [(getattr(columns, role), role) for role in ("id", "time", "target", "text")]
    roles = tuple((name, role) for name, role in named if name is not None)
    return (*roles, *features, *((name, "ignored") for name in columns.ignored))


def _warnings(
    cases: Cases,
    classes: tuple[tuple[str, int], ...] | None,
    span: tuple[float, float] | None,
) -> list[str]:
    found = []
    if cases.columns and cases.columns.ignored:
        names = ", ".join(cases.columns.ignored[:8])
        found.append(f"not read, because not numeric or without a role: {names}")
    if cases.kind == "series":
        lowest = np.min([x.min(axis=0) for x in cases.inputs], axis=0)
        highest = np.max([x.max(axis=0) for x in cases.inputs], axis=0)
        for k in np.flatnonzero(lowest == highest):
            found.append(
                f"column {cases.features[k]!r} is constant ({lowest[k]:g}): training refuses it; "
                "leave it out of features"
            )
    if len(cases) < _FEW_CASES:
        found.append(f"only {len(cases)} cases: the held-out part will say little")
    if classes is not None:
        found += _class_warnings(classes, len(cases))
    if span is not None and span[0] == span[1]:
        found.append(f"the target is {span[0]:g} in every case: training refuses it")
    if cases.targets is None:
        found.append("no targets: training needs a target column or a labels file")
    return found


def _class_warnings(classes: tuple[tuple[str, int], ...], count: int) -> list[str]:
    label, most = classes[0]
    if len(classes) == 1:
        return [f"one class only ({label!r}): training refuses it"]
    if len(classes) > count / 2:
        return [
            f"{len(classes)} different labels in {count} cases: is the target a number "
            "(task=regress), or the wrong column?"
        ]
    if most > _IMBALANCE * count:
        return [
            f"{most} of {count} cases are {label!r}: look at macro F1, and try "
            "class_weight=balanced"
        ]
    return []
