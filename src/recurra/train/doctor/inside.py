"""Findings inside the network: gates that stand still, units that do, a past that is not felt."""

from __future__ import annotations

from typing import Any

from recurra.spec.report import Finding
from recurra.train.doctor.finding import finding
from recurra.train.doctor.outcome import loses_to_baseline, nothing_to_learn
from recurra.train.doctor.signals import Evidence, Probe

__all__ = ["dead_units", "poor", "reach", "saturation"]

# No initialisation of use puts half of a gate's values at its end before anything is learnt.
_AT_START = 0.5
# A trained gate may well be shut for most of the time; nearly all of it is a switch without a hand.
_AT_END = 0.9
# Units whose output does not move carry nothing.
_DEAD = 0.5
# Outputs of a bounded activation at its end, of all units and steps: no gradient passes there.
_PINNED = 0.5
# A single input that explains a tenth of the answer, and three times what those within reach do.
_TELLS, _FURTHER = 0.1, 3.0


def _gates(probe: Probe) -> list[tuple[float, str, str, str]]:
    """(share at either end, layer, gate, where it mostly is), the largest first."""
    return sorted(
        (
            (gate["shut"] + gate["open"], layer, name, _side(gate["shut"], gate["open"]))
            for layer, units in probe.get("layers", {}).items()
            for name, gate in units["gates"].items()
        ),
        reverse=True,
    )


def _side(shut: float, opened: float) -> str:
    """Where a gate mostly is, of a gate that is often at one of its ends."""
    if max(shut, opened) < 2 * min(shut, opened):
        return "either shut or open"
    return "shut" if shut > opened else "open"


def _prepared(evidence: Evidence) -> bool:
    """Whether gates that begin almost shut are meant to be: a memory for the steps there are."""
    settings = evidence.signals["settings"]
    fits = settings["chrono_length"] <= 4 * evidence.signals["length"]
    return bool(settings["bias_init"] == "chrono" and fits)


def saturation(evidence: Evidence) -> Finding | None:
    """A gate stands at its end, or bounded outputs do, at the start or for good."""
    signals = evidence.signals
    for when, least in (("start", _AT_START), ("end", _AT_END)):
        probe: Any = signals.get(when)
        if not probe:
            continue
        gates = [] if _prepared(evidence) else _gates(probe)
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
                late=when == "end",
            )
    return None


def _gate(evidence: Evidence, when: str, share: float, layer: str, gate: str, end: str) -> Finding:
    return finding(
        "saturation",
        share,
        f"the {gate} gate of {layer} is {end} in {share:.0%} of all units and steps at the {when} "
        "of the training",
        "a gate at its end is a switch without a hand: no gradient passes it to learn otherwise",
        *_begun_better(evidence, when),
        {"when": when, "share": share, "layer": layer, "gate": gate, "where": end},
        late=when == "end",
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
    for when in ("start", "end"):
        probe: Any = signals.get(when)
        layers = probe["layers"].items() if probe else ()
        share, layer = max(((units["dead"], name) for name, units in layers), default=(0.0, ""))
        if share >= _DEAD:
            break
    else:
        return None
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
        late=when == "end",
    )


def poor(evidence: Evidence) -> bool:
    """Whether the answers are no better than those of what needs no network."""
    return bool(loses_to_baseline(evidence) or nothing_to_learn(evidence))


def reach(evidence: Evidence) -> Finding | None:
    """What tells the answer lies further back than the loss is felt, and the network lacks it.

    The way of the gradient is measured; where the inputs say something of the truth is too. Slow
    inputs repeat what they said: their own memory is added to the reach.
    """
    signals = evidence.signals
    felt = signals.get("best", {}).get("reach") or {}
    relevance = (signals.get("target") or {}).get("relevance") or []
    if not felt or not relevance or not poor(evidence):
        return None
    memory = (signals.get("inputs") or {}).get("memory") or 0
    steps = felt["steps"] + memory
    near = max((share for distance, share in relevance if distance <= steps), default=0.0)
    far, where = max(((s, d) for d, s in relevance if d > steps), default=(0.0, 0))
    if far < _TELLS or far < _FURTHER * near:
        return None
    settings = signals["settings"]
    tried: dict[str, object] = {"pool": ("last", "mean", "max")}
    if settings["cell"] == "rnn":
        tried["cell"] = "gru"
    elif settings["bias_init"] != "chrono":
        tried |= {"bias_init": "chrono", "chrono_length": max(3, int(signals["length"]))}
    return finding(
        "reach",
        far,
        f"the loss is felt {felt['steps']} steps back, and the answer stands {where} steps back "
        f"(one input there explains {far:.0%} of it, none within reach more than {near:.0%})",
        "no gradient comes where the answer stands, so it is not found",
        "read all outputs, not the last alone, and begin with a memory of that length",
        tried,
        {"reach": felt["steps"], "length": felt["length"], "where": int(where), "explains": far},
    )
