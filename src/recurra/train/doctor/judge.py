"""All findings of a training, ranked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from recurra.spec.report import Finding
from recurra.train.doctor import course, inside, outcome, source
from recurra.train.doctor.finding import flag
from recurra.train.doctor.signals import Evidence, finite

__all__ = ["MOST", "RULES", "findings", "short"]

# A person reads five; what comes after follows from them.
MOST = 5

RULES: Mapping[str, Callable[[Evidence], Finding | None]] = MappingProxyType(
    {
        "leak": source.leak,
        "constant_target": source.constant_target,
        "scaling": source.scaling,
        "diverged": course.diverged,
        "nothing_to_learn": outcome.nothing_to_learn,
        "clipping": course.clipping,
        "dead_units": inside.dead_units,
        "saturation": inside.saturation,
        "learning_rate_low": course.learning_rate_low,
        "small_batch": course.small_batch,
        "learning_rate_high": course.learning_rate_high,
        "held_down": outcome.held_down,
        "window": source.window,
        "reach": inside.reach,
        "overfitting": course.overfitting,
        "imbalance": outcome.imbalance,
        "flat_forecast": outcome.flat_forecast,
        "flat_loss": course.flat_loss,
        "loses_to_baseline": outcome.loses_to_baseline,
    }
)


def findings(evidence: Evidence) -> list[Finding]:
    """At most five, the worst first; a rule that cannot judge a task says nothing."""
    # What is judged is what a file would hold: the same training is judged alike ever after.
    evidence = Evidence(finite(evidence.signals), evidence.history)
    found = [finding for rule in RULES.values() if (finding := rule(evidence)) is not None]
    return sorted(found, key=lambda finding: -finding["severity"])[:MOST]


def short(found: Sequence[Finding]) -> list[str]:
    """What `fit` prints of them: a line each, or one that says that there is nothing."""
    if not found:
        return ["doctor: nothing found that looks wrong"]
    lines = [f"doctor: {len(found)} thing{'s' * (len(found) > 1)} to look at, the worst first"]
    for number, finding in enumerate(found, 1):
        given = flag(finding["settings"])
        lines.append(f"  {number}. {finding['seen']}")
        lines.append(f"     try {given}" if given else f"     try: {finding['advice']}")
    return lines
