"""How a finding is made: its place in the ranking, and the flags that it names."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from recurra.spec.report import Finding

__all__ = ["LATE", "RANKS", "fall_of", "finding", "flag"]

# The rule of the ranking: causes stand before what follows from them. First what is learnt from,
# then what keeps the network from learning at all, then how it learnt, then what came of it. A
# network that could not learn, or that gave in to a frequent class, has not shown that there is
# nothing to learn; gates that end up shut
# and gradients that are cut at an ordinary limit follow from something else (`LATE`). Within a rank
# the stronger evidence comes first.
RANKS: Mapping[str, int] = MappingProxyType(
    {
        "leak": 90,
        "constant_target": 90,
        "scaling": 86,
        "diverged": 84,
        "dead_units": 80,
        "saturation": 80,
        "clipping": 76,
        "learning_rate_low": 72,
        "small_batch": 70,
        "learning_rate_high": 66,
        "held_down": 64,
        "window": 62,
        "reach": 60,
        "imbalance": 58,
        "nothing_to_learn": 56,
        "overfitting": 48,
        "flat_forecast": 40,
        "flat_loss": 36,
        "loses_to_baseline": 32,
    }
)
LATE = 52


def finding(
    name: str,
    strength: float,
    seen: str,
    why: str,
    advice: str,
    settings: Mapping[str, object],
    evidence: Mapping[str, Any],
    *,
    late: bool = False,
) -> Finding:
    """A finding with its severity: the rank of its kind and, below the next, its strength.

        severity = rank + 1.9 * strength,   strength in [0, 1]

    Args:
        name: One of `RANKS`.
        strength: How far the evidence is beyond what raises the finding.
        seen: What was measured.
        why: Why it matters.
        advice: What to try.
        settings: Leaf name -> value to try.
        evidence: The figures.
        late: It rather follows from something else: its rank is `LATE`.
    """
    share = min(1.0, max(0.0, strength))
    return Finding(
        name=name,
        seen=seen,
        why=why,
        advice=advice,
        settings=dict(settings),
        evidence=dict(evidence),
        severity=round((LATE if late else RANKS[name]) + 1.9 * share, 2),
    )


def flag(settings: Mapping[str, object]) -> str:
    """Settings as they are given to `recurra fit`."""
    said = []
    for name, value in settings.items():
        dashed = name.replace("_", "-")
        if value is True:
            said.append(f"--{dashed}")
        elif value is False:
            said.append(f"--no-{dashed}")
        elif isinstance(value, list | tuple):
            said.append(f"--{dashed} {shlex.quote(','.join(map(str, value)))}")
        else:
            said.append(
                f"--{dashed} {value:g}" if isinstance(value, float) else f"--{dashed} {value}"
            )
    return " ".join(said)


def fall_of(losses: list[float]) -> float:
    """The share of the first loss by which the least lies below it."""
    first = losses[0]
    return (first - min(losses)) / abs(first) if first else 0.0
