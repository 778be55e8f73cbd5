"""How a finding is made: its place in the ranking, and the flags that it names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recurra.spec.report import Finding

__all__ = ["RANKS", "fall_of", "finding", "flag"]

# The rule of the ranking: causes stand before what follows from them. First whether there is
# anything to learn at all, then what keeps the network from learning, then how it learnt, then what
# came of it. Within a rank the stronger evidence comes first (`finding`).
RANKS: Mapping[str, int] = {
    "leak": 90,
    "constant_target": 90,
    "scaling": 85,
    "diverged": 80,
    "nothing_to_learn": 75,
    "clipping": 70,
    "dead_units": 70,
    "saturation": 70,
    "learning_rate_low": 65,
    "small_batch": 65,
    "learning_rate_high": 60,
    "window": 60,
    "reach": 55,
    "overfitting": 50,
    "imbalance": 45,
    "flat_forecast": 40,
    "flat_loss": 35,
    "loses_to_baseline": 30,
}


def finding(
    name: str,
    strength: float,
    seen: str,
    why: str,
    advice: str,
    settings: Mapping[str, object],
    evidence: Mapping[str, Any],
) -> Finding:
    """A finding with its severity: the rank of its kind and, below the next, its strength.

        severity = rank + 4.99 * strength,   strength in [0, 1]

    Args:
        name: One of `RANKS`.
        strength: How far the evidence is beyond what raises the finding.
        seen: What was measured.
        why: Why it matters.
        advice: What to try.
        settings: Leaf name -> value to try.
        evidence: The figures.
    """
    share = min(1.0, max(0.0, strength))
    return Finding(
        name=name,
        seen=seen,
        why=why,
        advice=advice,
        settings=dict(settings),
        evidence=dict(evidence),
        severity=round(RANKS[name] + 4.99 * share, 2),
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
            said.append(f"--{dashed} {','.join(map(str, value))}")
        else:
            said.append(
                f"--{dashed} {value:g}" if isinstance(value, float) else f"--{dashed} {value}"
            )
    return " ".join(said)


def fall_of(losses: list[float]) -> float:
    """The share of the first loss by which the least lies below it."""
    first = losses[0]
    return (first - min(losses)) / abs(first) if first else 0.0
