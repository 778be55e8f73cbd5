"""Findings inside the network: gates that stand still, units that do, a past that is not felt."""

from __future__ import annotations

from typing import Any

from recurra.spec.report import Finding
from recurra.train.doctor.finding import finding
from recurra.train.doctor.signals import Evidence, Probe

__all__ = ["dead_units", "saturation"]

# No initialisation of use puts half of a gate's values at its end before anything is learnt.
_AT_START = 0.5
# A trained gate may well be shut for most of the time; nearly all of it is a switch without a hand.
_AT_END = 0.9
# Units whose output does not move carry nothing.
_DEAD = 0.5
# Outputs of a bounded activation at its end, of all units and steps: no gradient passes there.
_PINNED = 0.5


def _gates(probe: Probe) -> list[tuple[float, str, str, str]]:
    """(share at an end, layer, gate, "shut" or "open"), the largest first."""
    return sorted(
        (
            (gate[end], layer, name, end)
            for layer, units in probe.get("layers", {}).items()
            for name, gate in units["gates"].items()
            for end in ("shut", "open")
        ),
        reverse=True,
    )


def saturation(evidence: Evidence) -> Finding | None:
    """A gate stands at its end, or bounded outputs do, at the start or for good."""
    signals = evidence.signals
    for when, least in (("start", _AT_START), ("end", _AT_END)):
        probe: Any = signals.get(when)
        if not probe:
            continue
        gates = _gates(probe)
        if gates and gates[0][0] >= least:
            return _gate(evidence, when, *gates[0])
        pinned = max(
            ((units["pinned"], name) for name, units in probe["layers"].items()), default=(0.0, "")
        )
        if pinned[0] >= (_PINNED if when == "start" else _AT_END):
            return finding(
                "saturation",
                pinned[0],
                f"{pinned[0]:.0%} of the outputs of {pinned[1]} stand at the end of their "
                f"activation at the {when} of the training",
                "no gradient passes a unit at its end, so its weights cannot learn",
                *_begun_better(evidence, when),
                {"when": when, "share": pinned[0], "layer": pinned[1]},
            )
    return None


def _gate(evidence: Evidence, when: str, share: float, layer: str, gate: str, end: str) -> Finding:
    mean = "never takes anything in" if end == "shut" else "never holds anything back"
    return finding(
        "saturation",
        share,
        f"the {gate} gate of {layer} is {end} in {share:.0%} of all units and steps at the {when} "
        "of the training",
        f"a gate at its end {mean}, and no gradient passes it to learn otherwise",
        *_begun_better(evidence, when),
        {"when": when, "share": share, "layer": layer, "gate": gate, "end": end},
    )


def _begun_better(evidence: Evidence, when: str) -> tuple[str, dict[str, object]]:
    """What to try, by what may have led there."""
    settings, length = evidence.signals["settings"], evidence.signals["length"]
    if settings["bias_init"] == "chrono" and settings["chrono_length"] > 4 * length:
        better = max(3, int(length))
        return (
            f"gates that remember for the {better} steps there are, not for "
            f"{settings['chrono_length']}",
            {"chrono_length": better},
        )
    if when == "start":
        if evidence.signals.get("continued"):
            return (
                "the bundle that training went on from has such weights: train anew, without "
                "--continue",
                {"input_init": "glorot_uniform", "recurrent_init": "orthogonal"},
            )
        return (
            "weights that begin smaller, and inputs of about unit size",
            {"input_init": "glorot_uniform", "recurrent_init": "orthogonal", "bias_init": "zeros"},
        )
    rate = float(settings["learning_rate"])
    return (
        f"smaller steps, {rate / 3:.1g} in place of {rate:g}, and a pull towards small weights",
        {"learning_rate": float(f"{rate / 3:.1g}"), "l2_recurrent": 1e-4},
    )


def dead_units(evidence: Evidence) -> Finding | None:
    """Half of a layer's units or more do not move, whatever they read."""
    signals = evidence.signals
    found: list[tuple[float, str, str]] = []
    for when in ("end", "start"):
        probe: Any = signals.get(when)
        if probe:
            found += [(units["dead"], name, when) for name, units in probe["layers"].items()]
    found = [entry for entry in found if entry[0] >= _DEAD]
    if not found:
        return None
    share, layer, when = max(found)
    settings = signals["settings"]
    rate = float(settings["learning_rate"])
    tried: dict[str, object] = {"learning_rate": float(f"{rate / 3:.1g}")}
    advice = f"smaller steps, {rate / 3:.1g} in place of {rate:g}"
    if settings["activation"] == "relu" or settings["dense_activation"] == "relu":
        kind = "activation" if settings["activation"] == "relu" else "dense_activation"
        tried[kind] = "tanh"
        advice += f", or {kind} tanh, which has no side without a slope"
    if settings["bias_init"] == "chrono" and settings["chrono_length"] > 4 * signals["length"]:
        tried = {"chrono_length": max(3, int(signals["length"]))}
        advice = f"gates that remember for the {tried['chrono_length']} steps there are"
    elif when == "start" and signals.get("continued"):
        tried = {"input_init": "glorot_uniform", "recurrent_init": "orthogonal"}
        advice = "the bundle has such weights: train anew, without --continue"
    return finding(
        "dead_units",
        share,
        f"{share:.0%} of the units of {layer} do not move at the {when} of the training, whatever "
        "they read",
        "such a unit says nothing and, its slope being zero, learns nothing",
        advice,
        tried,
        {"share": share, "layer": layer, "when": when},
    )
