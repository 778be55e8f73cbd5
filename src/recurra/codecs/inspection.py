"""What a source of sequences holds: shown before training, and written into `recurra.toml`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.codecs.cases import Cases, label_text
from recurra.codecs.codec import task_of
from recurra.codecs.forecast_table import SeriesCases
from recurra.codecs.read import read_cases
from recurra.spec.counted import counted

if TYPE_CHECKING:
    from recurra.spec.settings import DataSettings

__all__ = ["Inspection", "inspect", "inspect_cases", "missing_report"]

# Fewer cases than this leave a validation part that says little.
_FEW_CASES = 20
# Above this share of one class accuracy alone misleads.
_IMBALANCE = 0.8
# A sentence stays readable with so many features.
_MOST_NAMED = 12


@dataclass(frozen=True)
class Inspection:
    """A source in figures.

    Args:
        source: File or argument.
        kind: "series" or "text".
        task: What its targets ask for; None without targets.
        roles: Column and role ("id", "time", "target", "text", "variable", "value", "feature",
            "ignored"), in the order of the roles; features only, where the source has no columns.
        cases: N.
        lengths: Shortest, median and longest case, in steps (characters of a text).
        classes: Label and number of cases, the most frequent first; None unless "classify".
        span: Least and greatest target; None unless "regress".
        missing: Feature and share of its values that are missing, the largest first; only those
            that lack any.
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
    missing: tuple[tuple[str, float], ...]
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
        missing=tuple(sorted(cases.missing.items(), key=lambda entry: -entry[1])),
        warnings=tuple(_warnings(cases, classes, span, settings)),
    )


def _roles(cases: Cases) -> tuple[tuple[str, str], ...]:
    features = tuple((name, "feature") for name in cases.features)
    columns = cases.columns
    if columns is None:
        return features
    known = ("id", "time", "target", "text", "variable", "value")
    named = [(getattr(columns, role), role) for role in known]
    roles = tuple((name, role) for name, role in named if name is not None)
    return (*roles, *features, *((name, "ignored") for name in columns.ignored))


def _warnings(
    cases: Cases,
    classes: tuple[tuple[str, int], ...] | None,
    span: tuple[float, float] | None,
    settings: DataSettings,
) -> list[str]:
    found = list(cases.notes)
    if cases.columns and cases.columns.ignored:
        names = ", ".join(cases.columns.ignored[:8])
        found.append(f"not read, because not numeric or without a role: {names}")
    if isinstance(cases, SeriesCases):
        missing = missing_report(cases, settings.missing)
        return found if missing is None else [*found, missing]
    if cases.kind == "series":
        missing = missing_report(cases, settings.missing)
        found += [] if missing is None else [missing]
        # fmin and fmax leave NaN out.
        lowest = np.fmin.reduce([np.fmin.reduce(x, axis=0) for x in cases.inputs], axis=0)
        highest = np.fmax.reduce([np.fmax.reduce(x, axis=0) for x in cases.inputs], axis=0)
        flagged = settings.missing in ("mask", "decay")
        for k in np.flatnonzero(lowest == highest):
            if flagged and cases.features[k] in cases.missing:
                continue
            found.append(
                f"column {cases.features[k]!r} is constant ({lowest[k]:g}): training refuses it; "
                "leave it out of features"
            )
        found += [
            f"column {cases.features[k]!r} has no value at all: training refuses it; leave it out "
            "of features"
            for k in np.flatnonzero(np.isnan(lowest))
        ]
    # A sequence that is to be continued is its own target, and of a single one the end is held out.
    continued = settings.task == "generate"
    if len(cases) < _FEW_CASES and not (continued and len(cases) == 1):
        found.append(f"only {counted(len(cases), 'case')}: the held-out part will say little")
    if classes is not None:
        found += _class_warnings(classes, len(cases))
    if span is not None and span[0] == span[1]:
        found.append(f"the target is {span[0]:g} in every case: training refuses it")
    if cases.targets is None and not continued:
        found.append("no targets: training needs a target column or a labels file")
    return found


def missing_report(cases: Cases, strategy: str) -> str | None:
    """How much of each feature is missing, and what stands in for it; None: nothing is missing.

    Args:
        cases: Of any kind.
        strategy: The setting `missing`.
    """
    shares = sorted(cases.missing.items(), key=lambda entry: -entry[1])
    if not shares:
        return None
    shown = ", ".join(f"{name} {_share(share)}" for name, share in shares[:_MOST_NAMED])
    rest = len(shares) - _MOST_NAMED
    more = f" and {counted(rest, 'more feature')}" if rest > 0 else ""
    if isinstance(cases, SeriesCases):
        return (
            f"missing values: {shown}{more}; the last value is carried forward, and nothing is "
            "learnt from what is missing"
        )
    stand_in = (
        "missing='auto' carries the last value forward; mean, linear, mask and decay are the others"
        if strategy == "auto"
        else f"missing={strategy!r} stands in for them"
    )
    return f"missing values: {shown}{more}; {stand_in}"


def _share(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "<0.1%"


def _class_warnings(classes: tuple[tuple[str, int], ...], count: int) -> list[str]:
    label, most = classes[0]
    if len(classes) == 1:
        return [f"one class only ({label!r}): training refuses it"]
    if len(classes) > count / 2:
        return [
            f"{len(classes)} different labels in {counted(count, 'case')}: is the target a number "
            "(task=regress), or the wrong column?"
        ]
    if most > _IMBALANCE * count:
        return [
            f"{most} of {count} cases are {label!r}: look at macro F1, and try "
            "class_weight=balanced"
        ]
    return []
