"""Findings in the course of a training: its loss, its learning rate, its clipping, its batches."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import fmean, median

from recurra.spec.report import Finding
from recurra.train.doctor.finding import fall_of, finding
from recurra.train.doctor.signals import Evidence

__all__ = [
    "SMALL_BATCH",
    "at_chance",
    "chance_loss",
    "clipping",
    "diverged",
    "flat_loss",
    "learning_rate_high",
    "learning_rate_low",
    "overfitting",
    "small_batch",
]

# A loss above that of the best constant answer by this share says that steps do harm: dropout and
# the noise of batches alone make a few per cent.
_ABOVE_CHANCE = 1.15
# A rise of the epoch's mean loss by this share of the first one: the mean over all cases does not
# move by so much from chance.
_JUMP = 0.25
# Weights that have gone less than this share of their own size have hardly left their beginning.
_HARDLY_MOVED = 0.02
# Steps of a twentieth of the weights' own size, in the mean over the training, and weights that
# have gone several times that size: what one step finds the next ones overwrite.
_STEP, _FAR = 0.05, 3.0
# The optimisers whose step is about the learning rate in every component, whatever the gradient.
_ADAPTIVE = ("adam", "adamw", "nadam", "radam", "rmsprop", "adagrad")
# Nearly every step: an occasional clipped step is what clipping is for.
_CLIPPED = 0.9
# Limits that are set against bursts; what is cut at one of them is a gradient that is too large.
_ORDINARY_LIMIT = 0.1
# Gradients of so many times the limit: below, clipping takes little.
_BEYOND_LIMIT = 10.0
# A loss that falls by less, over all epochs, has not moved: noise of the epochs' means is as large.
_FLAT = 0.02
# The held-out loss must rise by this share of what chance would have, above the best epoch's: less
# is the noise of a held-out part.
_RISEN = 0.1
# Batches of so many cases leave the direction of a step to chance.
SMALL_BATCH = 4
# A held-out loss that goes up and down again by a twentieth of itself, in the mean of all epochs.
_UNSTABLE = 0.05


def chance_loss(evidence: Evidence) -> float | None:
    """The loss of the best constant answer; None where it is not known."""
    signals = evidence.signals
    settings, task = signals["settings"], signals["task"]
    counts = signals.get("target", {}).get("counts")
    plain = settings.get("class_weight") == "none" and not settings.get("focal")
    if task in ("classify", "tag") and counts and plain:
        total = sum(counts)
        return math.fsum(-n / total * math.log(n / total) for n in counts if n)
    if task == "regress" and settings.get("loss") in ("auto", "mse"):
        return 1.0  # the target is standardised
    naive = signals.get("naive", {}).get("symbol", {})
    return float(naive["nll"]) if task == "generate" and naive else None


def _losses(evidence: Evidence) -> list[float]:
    return [record["loss"] for record in evidence.history]


def _rate(evidence: Evidence) -> float:
    return float(evidence.signals["settings"]["learning_rate"])


def _moved(evidence: Evidence) -> float:
    """How far the weights have gone, in units of their size; unknown: far."""
    moved = evidence.signals.get("end", {}).get("moved")
    return math.inf if moved is None else moved


def diverged(evidence: Evidence) -> Finding | None:
    """The training broke off because loss or gradient were no longer finite."""
    failure = evidence.signals.get("failure")
    if failure is None:
        return None
    settings = evidence.signals["settings"]
    rate = _rate(evidence)
    tried: dict[str, object] = {"learning_rate": rate / 10}
    if settings["clip"] == "norm" and not 0 < settings["clip_norm"] <= 1:
        tried["clip_norm"] = 1.0
    return finding(
        "diverged",
        1.0,
        f"the training broke off in epoch {failure['epoch']}: {failure['message'].split(':')[0]}",
        "a loss that is no number leaves no weights to keep",
        f"smaller steps: a learning rate of {rate / 10:g} in place of {rate:g}",
        tried,
        {"epoch": failure["epoch"], "learning_rate": rate},
    )


def learning_rate_high(evidence: Evidence) -> Finding | None:
    """The loss is above that of a constant answer, or jumps up once it has fallen."""
    losses, rate = _losses(evidence), _rate(evidence)
    if "failure" in evidence.signals or len(losses) < 3 or _moved(evidence) < _HARDLY_MOVED:
        return None
    chance = chance_loss(evidence)
    late = median(losses[len(losses) // 2 :])
    jump, at = _rise(losses)
    if evidence.signals["sequences"]["held"]:
        # The mean over a small training part moves by itself: the held-out loss must jump as well.
        jump = min(jump, _rise([record["valid_loss"] for record in evidence.history])[0])
    size = max(abs(losses[0]), losses[0] - min(losses), chance or 0.0, 1e-12)
    # Dropout alone may lift the loss of training; that of the probe has none.
    probed = evidence.signals.get("end", {}).get("loss")
    least = late if probed is None else min(late, probed)
    above = chance is not None and chance > 0 and least > _ABOVE_CHANCE * chance
    moved = _moved(evidence)
    step = moved / max(1, evidence.signals["steps"] * len(losses))
    far = _FAR < moved < math.inf and step > _STEP
    if not above and not far and jump < _JUMP * size:
        return None
    seen = (
        f"the training loss stands at {late:.3g}, where a constant answer has {chance:.3g}"
        if above
        else f"the weights have gone {moved:.3g} times their own size, {step:.0%} of it in a step"
        if far
        else f"the training loss rose by {jump:.3g} in epoch {at} (it began at {losses[0]:.3g})"
    )
    # Ten times less for what never learnt, a third for what stumbles.
    lower = rate / 10 if above or far else rate / 3
    strength = max((late / chance - 1) / 2 if above and chance else jump / size, step if far else 0)
    return finding(
        "learning_rate_high",
        strength,
        seen,
        "steps that are too long leap over what they look for",
        f"a learning rate of {lower:.2g} in place of {rate:g} (recurra find-lr shows the range)",
        {"learning_rate": float(f"{lower:.2g}")},
        {"loss": late, "chance": chance, "jump": jump, "step": step, "learning_rate": rate},
    )


def _rise(losses: list[float]) -> tuple[float, int]:
    """The highest that a loss stands above its lowest so far, and the epoch (from 1)."""
    lowest, jump, at = losses[0], 0.0, 0
    for number, loss in enumerate(losses[1:], 2):
        if loss - lowest > jump:
            jump, at = loss - lowest, number
        lowest = min(lowest, loss)
    return jump, at


def learning_rate_low(evidence: Evidence) -> Finding | None:
    """The weights have hardly moved, and the loss with them."""
    signals, losses = evidence.signals, _losses(evidence)
    moved = signals.get("end", {}).get("moved")
    if moved is None or not losses or signals.get("continued"):
        return None
    chance = chance_loss(evidence)
    far = chance is None or losses[-1] > 0.8 * chance
    if moved > _HARDLY_MOVED or not far:
        return None
    settings, rate = signals["settings"], _rate(evidence)
    steps = max(1, signals["steps"] * len(losses))
    adaptive = str(settings["optimiser"]) in _ADAPTIVE
    # So that the weights could go a third of their own size; never beyond what rarely bursts.
    better = min(rate * 0.3 / max(moved, 1e-9), 3e-3 if adaptive else 0.3)
    tried: dict[str, object] = {"learning_rate": float(f"{better:.1g}")}
    if better <= rate:
        tried = {"epochs": int(settings["epochs"]) * 10}
    return finding(
        "learning_rate_low",
        1 - moved / _HARDLY_MOVED,
        f"in {steps} steps the weights have gone {moved:.2%} of their own size, and the loss from "
        f"{losses[0]:.3g} to {losses[-1]:.3g}",
        "steps that are too short do not arrive in the time that they have",
        f"a learning rate of {better:.1g} in place of {rate:g} (recurra find-lr shows the range)"
        if "learning_rate" in tried
        else f"more steps: {tried['epochs']} epochs, or another optimiser than "
        f"{settings['optimiser']}",
        tried,
        {"moved": moved, "steps": steps, "first": losses[0], "last": losses[-1]},
    )


def clipping(evidence: Evidence) -> Finding | None:
    """Nearly every gradient is cut down to a small part of itself."""
    settings, history = evidence.signals["settings"], evidence.history
    if not history or settings["clip"] not in ("norm", "value"):
        return None
    share = fmean(record["clipped"] for record in history)
    norm = median(record["gradient_norm"] for record in history)
    how = f"clip_{settings['clip']}"
    limit = float(settings[how])
    if share < _CLIPPED or not limit or norm < _BEYOND_LIMIT * limit:
        return None
    better = float(f"{2 * norm:.1g}")
    return finding(
        "clipping",
        math.log10(norm / limit / _BEYOND_LIMIT) / 3,
        f"{share:.0%} of the steps were clipped, gradients of about {norm:.2g} to {limit:g}",
        "every step then has the same length, however sure its direction, and small gradients "
        "count as much as large ones",
        f"a limit above the ordinary gradient, {better:g} in place of {limit:g}, or --clip auto",
        {how: better},
        {"clipped": share, "gradient_norm": norm, "limit": limit},
        late=limit >= _ORDINARY_LIMIT,
    )


def at_chance(evidence: Evidence) -> bool:
    """Whether the training loss ends where a constant answer has it, or above."""
    losses, chance = _losses(evidence), chance_loss(evidence)
    if not losses or chance is None:
        return False
    return median(losses[len(losses) // 2 :]) > (1 - 2 * _FLAT) * chance


def flat_loss(evidence: Evidence) -> Finding | None:
    """The loss of the training part does not fall."""
    losses = _losses(evidence)
    if "failure" in evidence.signals or len(losses) < 3:
        return None
    fall = fall_of(losses)
    chance = chance_loss(evidence)
    near = chance is None or min(losses) > (1 - 2 * _FLAT) * chance
    if fall > _FLAT or not near or losses[0] <= 0:
        return None
    rate = _rate(evidence)
    return finding(
        "flat_loss",
        1 - fall / _FLAT,
        f"the training loss went from {losses[0]:.3g} to {min(losses):.3g} at best in "
        f"{len(losses)} epochs",
        "the network has not begun to learn, and its answers are those of no network",
        f"recurra find-lr shows at which rate the loss begins to fall (now {rate:g})",
        {"learning_rate": float(f"{rate * 3:.1g}")},
        {"first": losses[0], "best": min(losses), "epochs": len(losses)},
    )


def overfitting(evidence: Evidence) -> Finding | None:
    """The held-out loss rises while that of the training part goes on falling."""
    history, signals = evidence.history, evidence.signals
    if not signals["sequences"]["held"] or len(history) < 4:
        return None
    losses = [record["loss"] for record in history]
    watched = [record["valid_loss"] for record in history]
    best = min(range(len(watched)), key=watched.__getitem__)
    tail = median(watched[-3:])
    chance = chance_loss(evidence) or max(watched[0] - watched[best], 1e-12)
    rise = (tail - watched[best]) / chance
    fell = losses[best] - losses[-1]
    gap = tail - losses[-1]
    if best + 3 >= len(watched) or rise < _RISEN or fell <= 0 or gap < rise * chance / 2:
        return None
    settings = signals["settings"]
    dropout = float(settings["dropout"])
    tried: dict[str, object] = {}
    if dropout < 0.5:
        tried["dropout"] = round(min(0.5, dropout + 0.3), 1)
    if int(settings["hidden"]) > 16:
        tried["hidden"] = max(16, int(settings["hidden"]) // 2)
    tried = tried or {"weight_decay": max(0.1, 10 * float(settings["weight_decay"]))}
    return finding(
        "overfitting",
        rise / 2,
        f"from epoch {best + 2} on the held-out loss rises, {watched[best]:.3g} to {tail:.3g}, "
        f"while that of training falls from {losses[best]:.3g} to {losses[-1]:.3g}",
        "the network learns its cases by heart; what it learns after that epoch does not hold for "
        "others",
        "a smaller network, more dropout, more cases, or fewer epochs",
        tried,
        {
            "began": best + 2,
            "held_out": [watched[best], tail],
            "training": [losses[best], losses[-1]],
            "gap": gap,
        },
    )


def small_batch(evidence: Evidence) -> Finding | None:
    """Few cases a step, and a held-out loss that goes up and down."""
    signals, history = evidence.signals, evidence.history
    settings = signals["settings"]
    together = int(settings["batch_size"]) * int(settings["accumulate"])
    if together > SMALL_BATCH or len(history) < 6 or settings["optimiser"] == "gd":
        return None
    if signals["task"] in ("generate", "forecast") or signals["sequences"]["train"] < 32:
        return None
    watched = [record["valid_loss"] for record in history]
    # Far below what chance has, ups and downs decide nothing.
    size = max(abs(median(watched)), 0.25 * (chance_loss(evidence) or 0.0))
    steps = [b - a for a, b in pairwise(watched)]
    # Only what turns: a fall and a rise, of which the smaller counts.
    turns = [min(abs(a), abs(b)) if a * b < 0 else 0.0 for a, b in pairwise(steps)]
    moves = fmean(turns)
    unstable = moves / max(size, 1e-12)
    if unstable < _UNSTABLE:
        return None
    better = min(32, max(8, signals["sequences"]["train"] // 8))
    return finding(
        "small_batch",
        unstable - _UNSTABLE,
        f"with {together} case{'s' * (together > 1)} a step the held-out loss goes up and down by "
        f"{moves:.2g} from epoch to epoch (it is about {median(watched):.3g})",
        "the gradient of so few cases is mostly chance, and which epoch is the best too",
        f"batches of {better} in place of {settings['batch_size']}, or --accumulate",
        {"batch_size": better},
        {"cases": together, "moves": moves, "noise": signals.get("start", {}).get("noise")},
    )
