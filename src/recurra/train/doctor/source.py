"""Findings in what is learnt from: targets that leak or stand still, scales, short windows."""

from __future__ import annotations

import math
from collections.abc import Mapping

from recurra.spec.report import Finding
from recurra.train.doctor.finding import finding
from recurra.train.doctor.signals import Evidence

__all__ = ["constant_target", "leak", "scaling", "window"]

# A single figure of a single column that explains so much of the truth is the truth: between two
# classes it stands for means more than 28 deviations apart.
_LEAKS = 0.995
# Held-out sequences that were learnt from: a few may be the same by chance.
_DUPLICATES = 0.2
# One value in so many of the cases leaves nothing to tell apart.
_CONSTANT = 0.95
# Of classes so many cases of the others can be learnt from, unless they are one in a hundred.
_ENOUGH, _HARDLY_ANY = 20, 0.99
# Most rows of a series stand still.
_MOVING = 0.05
# Inputs ten times too large or too small saturate a network or do not reach it; standardised ones
# have 1, and what a window's last value leaves of them a few tenths.
_TOO_LARGE, _TOO_SMALL = 10.0, 0.02
# Ordinary values within a twentieth of a standard deviation: a few huge ones make the scale.
_SQUEEZED = 0.05
# A period that explains a quarter of the variance (0.5 squared) is worth seeing.
_SIMILAR = 0.5


def leak(evidence: Evidence) -> Finding | None:
    """A column tells the truth by itself, or held-out sequences were learnt from."""
    target = evidence.signals.get("target") or {}
    seen = target.get("leak") or {}
    explained = seen.get("explained") or 0.0
    if evidence.signals["task"] == "forecast":
        own = seen.get("own") or 0.0
        # A slow series is known from itself: the column must leave a tenth of that doubt.
        if explained >= _LEAKS and 1 - explained < 0.1 * (1 - own):
            names = evidence.signals["settings"].get("features") or ()
            column = (
                names[seen["column"]]
                if seen["column"] < len(names)
                else f"covariate {seen['column'] + 1}"
            )
            return _leak(
                f"{column} at a row is the target {seen['ahead']} rows later: it explains "
                f"{explained:.1%} of it, the target itself {own:.1%}",
                column,
                [name for name in names if name != column] if column in names else [],
                seen,
            )
    elif explained >= _LEAKS:
        return _leak(
            f"the {seen['figure']} of {seen['column']} alone explains {explained:.1%} of the "
            "target",
            str(seen["column"]),
            list(seen.get("others") or ()),
            seen,
        )
    share = target.get("duplicates") or 0.0
    if share >= _DUPLICATES:
        return finding(
            "leak",
            share,
            f"{share:.0%} of the held-out sequences stand in the training part too",
            "the figures are those of sequences that were learnt by heart, not of new ones",
            "remove the copies, or give held-out sequences of their own with --valid",
            {},
            {"duplicates": share},
        )
    return None


def _leak(seen: str, column: str, others: list[str], evidence: Mapping[str, object]) -> Finding:
    return finding(
        "leak",
        1.0,
        seen,
        "such a column is made from the answer, or known only once it is: the figures will not "
        "hold where the model is used",
        f"leave {column} out: name the other columns as features"
        if others
        else f"leave {column} out of the table",
        {"features": others} if others else {},
        {name: value for name, value in evidence.items() if name != "others"},
    )


def constant_target(evidence: Evidence) -> Finding | None:
    """Nearly all cases have one answer."""
    signals = evidence.signals
    target = signals.get("target") or {}
    share, what, limit = 0.0, "", _CONSTANT
    counts = target.get("counts")
    if counts:
        share = max(counts) / max(1, sum(counts))
        if sum(counts) - max(counts) >= _ENOUGH:
            limit = _HARDLY_ANY
        labels = target.get("labels") or []
        most = counts.index(max(counts))
        what = repr(labels[most]) if most < len(labels) else "one class"
        if target.get("held_classes") == 1 and signals["sequences"]["held"] > 4:
            return finding(
                "constant_target",
                0.5,
                "all held-out sequences are of one class",
                "no figure on them can tell a good network from a constant answer",
                "hold out others: another --seed, a larger share, or a file with --valid",
                {"valid_fraction": 0.3},
                {"held_classes": 1},
            )
    elif target.get("common") is not None:
        share = target["common"]
        what = f"{target['value']:g}" if "value" in target else "one symbol"
    elif signals["task"] == "forecast" and target.get("moving") is not None:
        share = 1 - target["moving"]
        what = "the value of the row before"
    if share < limit:
        return None
    return finding(
        "constant_target",
        (share - _CONSTANT) / (1 - _CONSTANT),
        f"the target is {what} in {share:.1%} of the cases",
        "a constant answer is nearly always right, and there is almost nothing to learn from",
        "another target, or more cases of the others",
        # What weighs classes alike needs some of each; numbers have no such setting.
        {"class_weight": "balanced", "watch": "macro_f1"}
        if signals["task"] == "classify" and sum(1 for n in counts or () if n) > 1
        else {},
        {"share": share},
    )


def scaling(evidence: Evidence) -> Finding | None:
    """Inputs far from unit size, or squeezed by a few huge values; a target that is."""
    signals = evidence.signals
    settings, inputs = signals["settings"], signals.get("inputs") or {}
    if inputs and None not in (*inputs["deviations"], inputs["typical"]):
        least, most = inputs["deviations"]
        if most > _TOO_LARGE or (most < _TOO_SMALL and least < _TOO_SMALL):
            tried: dict[str, object] = {}
            advice = "sequences in the unit of those that the bundle was trained on"
            if signals["task"] == "forecast":
                tried = {"scaling": "standard"}
                advice = f"scaling standard in place of {settings['scaling']}"
            return finding(
                "scaling",
                abs(math.log10(most)) / 3,
                f"the network reads values with a standard deviation of {least:.3g} to {most:.3g} "
                f"(largest {inputs['largest']:.3g})",
                "weights begin for inputs of about unit size: others saturate the gates or do not "
                "move them",
                advice,
                tried,
                inputs,
            )
        if inputs["typical"] < _SQUEEZED:
            return finding(
                "scaling",
                1 - inputs["typical"] / _SQUEEZED,
                f"ordinary values of {inputs['column']} lie within {inputs['typical']:.2g} "
                "standard deviations: a few huge ones make its scale",
                "what tells ordinary sequences apart is then too small to be seen",
                "cut the outermost values, or take the logarithm of that column",
                {"winsorise": 0.01} if signals["task"] != "forecast" else {"scaling": "robust"},
                inputs,
            )
    typical = (signals.get("target") or {}).get("typical")
    if typical is not None and typical < _SQUEEZED and signals["task"] == "regress":
        return finding(
            "scaling",
            1 - typical / _SQUEEZED,
            f"ordinary targets lie within {typical:.2g} standard deviations: a few huge ones make "
            "their scale",
            "the squared error of the few outweighs all others",
            "the logarithm of the target, or a loss that counts large errors less",
            {"loss": "huber"},
            {"typical": typical},
        )
    return None


def window(evidence: Evidence) -> Finding | None:
    """What is read of the past is shorter than what it repeats."""
    signals = evidence.signals
    target, settings = signals.get("target") or {}, signals["settings"]
    lag, similar = target.get("lag"), target.get("similarity")
    if signals["task"] != "forecast" or lag is None or similar is None:
        return None
    rows = target.get("lookback")
    if rows is None or rows >= lag or similar < _SIMILAR:
        return None
    better = 2 * lag
    return finding(
        "window",
        similar,
        f"a forecast reads {rows} rows, and the series repeat themselves after {lag} "
        f"(autocorrelation {similar:.2f})",
        "what stood there a period ago, the best hint there is, lies outside of what is read",
        f"a look-back of {better} rows in place of {rows}",
        {"lookback": better} | ({"season": lag} if settings.get("season") is None else {}),
        {"lookback": rows, "lag": lag, "similarity": similar},
    )
