"""Findings in what came of a training: whom it loses to, which classes it forgets, how it moves."""

from __future__ import annotations

import math

from recurra.spec.report import Finding
from recurra.spec.settings import TrainingSettings
from recurra.train.doctor.course import at_chance, flat_loss
from recurra.train.doctor.finding import finding
from recurra.train.doctor.signals import Evidence

__all__ = ["flat_forecast", "held_down", "imbalance", "loses_to_baseline", "nothing_to_learn"]

# Standard errors by which shares of cases must differ to be believed.
_ERRORS = 2.0
# Held-out cases below which no share says anything.
_FEW = 16
# A class is forgotten where so few of its cases are found.
_RECALL = 0.1
# Frequent classes of at least so many times the cases: below, forgetting has other reasons.
_TIMES = 3.0
# A rival's error must be lower by this share: less depends on the cut.
_LOWER_ERROR = 0.1
# A number explains nothing below this share of the variance.
_EXPLAINED = 0.05
# Forecasts that move by less than this share of what the truth does are a line.
_MOVES = 0.15
# Nats by which a text must be foreseen better than by counting its symbols.
_NATS = 0.02
# A penalty that begins at ten times the loss is what is learnt.
_OUTWEIGHS = 10.0
# Of four outputs of five nothing comes through; the literature stops at a half to two thirds.
_DROPPED = 0.8
# A thirtieth of every weight lost in each step leaves it half in twenty steps.
_DECAYED = 0.03
# Rows shorter than a tenth cannot move a unit whose inputs are of unit size.
_SHORT = 0.1
# Noise that blurs inputs and leaves them to be read.
_NOISE = 0.1
# Scaled inputs have a deviation of 1: below noise of twice that they leave a fifth of the variance.
_NOISY = 2.0


def _beyond(own: float, theirs: float) -> float:
    """Errors more than a rival's, over what chance explains: above 1 they are believed.

        (own - theirs) / (2 * sqrt(own + theirs))

    As if no case were wrong in both, which asks for more than needed (McNemar 1947).
    """
    return (own - theirs) / max(_ERRORS * math.sqrt(own + theirs), 1e-12)


def nothing_to_learn(evidence: Evidence) -> Finding | None:
    """Neither the network nor a linear model does better on held-out cases than no model."""
    signals = evidence.signals
    figures, naive = signals.get("figures"), signals.get("naive", {})
    held = signals["sequences"]["held"]
    if not figures or held < _FEW:
        return None
    task = signals["task"]
    if task == "classify" and {"majority", "linear"} <= set(naive):
        counts = signals["answers"].get("true") or []
        classes = sum(1 for n in counts if n)
        answers = signals["answers"]
        recalls = [r / n for r, n in zip(answers["right"], counts, strict=True) if n]
        # Balanced, so that a class that fills nine tenths hides nothing.
        own, chance = sum(recalls) / len(recalls), 1 / max(1, classes)
        error = math.sqrt(sum(chance * (1 - chance) / n for n in counts if n)) / max(1, classes)
        best = max(own, naive["linear"]["balanced"])
        if classes < 2 or best > chance + _ERRORS * error:
            return None
        seen = (
            f"on {held} held-out cases the network finds {own:.0%} of a class in the mean, a "
            f"linear model {naive['linear']['balanced']:.0%}, and chance {chance:.0%}"
        )
        figures_seen = {"network": own, "linear": naive["linear"]["balanced"], "chance": chance}
    elif task == "regress" and {"mean", "linear"} <= set(naive):
        spread = naive["mean"]["mse"]
        shares = {
            "network": 1 - figures["mse"] / spread,
            "linear": 1 - naive["linear"]["mse"] / spread,
        }
        if max(shares.values()) > max(_EXPLAINED, 2 * _ERRORS / held):
            return None
        seen = (
            f"on {held} held-out cases the network explains {max(0.0, shares['network']):.0%} of "
            f"the target's variance, a linear model {max(0.0, shares['linear']):.0%}"
        )
        figures_seen = shares
    elif task == "generate" and "pair" in naive:
        single, pair = naive["symbol"]["nll"], naive["pair"]["nll"]
        if min(figures["nll"], pair) < single - _NATS:
            return None
        seen = (
            f"the network needs {figures['nll']:.3f} nats a symbol, counting symbols needs "
            f"{single:.3f}, counting pairs {pair:.3f}"
        )
        figures_seen = {"network": figures["nll"], "symbols": single, "pairs": pair}
    else:
        return None
    losses = [record["loss"] for record in evidence.history]
    heart = ""
    if losses and losses[0] > 0 and losses[-1] < 0.7 * losses[0]:
        heart = "; what it learnt of the training part it learnt by heart"
    return finding(
        "nothing_to_learn",
        1.0,
        seen + heart,
        "targets that do not belong to their sequences, shuffled or joined by a wrong key, look "
        "just so; nothing about the network can mend it",
        "look at some sequences with their targets; train on a target that surely hangs on them",
        {},
        figures_seen,
    )


def imbalance(evidence: Evidence) -> Finding | None:
    """Rare classes that the answers hardly ever name."""
    signals = evidence.signals
    answers = signals.get("answers") or {}
    true, called, right = (answers.get(name) or [] for name in ("true", "called", "right"))
    total = sum(true)
    # The part that was learnt from knows best how rare a class is.
    counts = signals.get("target", {}).get("counts") or true
    if len(true) < 2 or total < _FEW or len(counts) < len(true):
        return None
    most = max(counts)
    forgotten = [
        k
        for k, n in enumerate(true)
        # Of three cases all may be hard; of more some must be found.
        if n >= 4 and right[k] <= _RECALL * n and most >= _TIMES * counts[k]
    ]
    if not forgotten:
        return None
    share = sum(true[k] for k in forgotten) / total
    labels = signals.get("target", {}).get("labels") or []
    rare = max(forgotten, key=lambda k: true[k])
    name = labels[rare] if rare < len(labels) else f"class {rare}"
    settings = signals["settings"]
    tried: dict[str, object] = {"class_weight": "balanced", "watch": "macro_f1"}
    advice = "weigh every class alike and watch the macro F1"
    if signals["task"] == "tag":
        tried = {"crf": False, "class_weight": "balanced"}
        advice = "weigh every tag alike (without the CRF, which learns whole paths)"
    elif settings["class_weight"] == "balanced":
        tried = {"focal": 2.0}
        advice = "count cases that are right already less"
    return finding(
        "imbalance",
        share * 2,
        f"{name!r} is true of {true[rare]} held-out cases and found in {right[rare]}; "
        f"{max(called) / total:.0%} of all answers are one class, which {max(true) / total:.0%} "
        "really are",
        "answering the frequent class costs little on average, so the network gives in to it; "
        "accuracy does not show it",
        advice,
        tried,
        {"class": name, "true": true, "called": called, "right": right, "training": counts},
    )


def loses_to_baseline(evidence: Evidence) -> Finding | None:
    """Something that needs no network does better on the held-out part."""
    signals = evidence.signals
    figures, naive = signals.get("figures"), signals.get("naive") or {}
    held, task = signals["sequences"]["held"], signals["task"]
    if not figures or held < _FEW:
        return None
    rivals: list[tuple[float, str, float, float]] = []
    for name, theirs in naive.items():
        for metric, value in theirs.items():
            if metric not in figures or value is None:
                continue
            own = figures[metric]
            if metric == "accuracy":
                cases = sum((signals.get("answers") or {}).get("true") or [held])
                beyond = _beyond(cases * (1 - own), cases * (1 - value))
            elif metric == "nll":
                beyond = (own - value) / _NATS
            elif metric == "mase" and "mae" in theirs:
                continue
            else:
                # The standard error of a mean of n squares is sqrt(2 / n) of it; of two models on
                # the same cases half of the variance is shared.
                chance = _ERRORS / math.sqrt(held) if task == "regress" else 0.0
                beyond = (own / max(value, 1e-30) - 1) / max(_LOWER_ERROR, chance)
            if beyond > 1:
                rivals.append((beyond, f"{name} ({metric})", own, value))
    error = figures.get("symbol_error_rate")
    if task == "transduce" and error is not None and error >= 1:
        rivals.append((2.0, "an empty answer (symbol error rate)", error, 1.0))
    if not rivals:
        return None
    beyond, name, own, value = max(rivals)
    return finding(
        "loses_to_baseline",
        (beyond - 1) / 4,
        f"the network has {own:.4g} on the held-out part, {name.replace('_', ' ')} {value:.4g}",
        "what needs no network is better, quicker and easier to explain",
        "more epochs, a larger network or another rate; recurra compare says if any cell beats it",
        {
            "epochs": 2 * int(signals["settings"]["epochs"]),
            "hidden": 2 * int(signals["settings"]["hidden"]),
        },
        {"network": own, "baseline": value, "name": name},
    )


def flat_forecast(evidence: Evidence) -> Finding | None:
    """Forecasts that hardly move, or all say the same, although the truth can be foreseen."""
    signals = evidence.signals
    answers, naive = signals.get("answers") or {}, signals.get("naive") or {}
    pairs = [(answers.get(n), answers.get(f"true_{n}")) for n in ("moves", "differs")]
    shares = [own / true for own, true in pairs if own is not None and true]
    if signals["task"] != "forecast" or not shares or "last_value" not in naive:
        return None
    share = min(shares)
    still = naive["last_value"]["mae"]
    rivals = {n: f["mae"] for n, f in naive.items() if n != "last_value"}
    name = min(rivals, key=rivals.__getitem__)
    # Of what nobody foresees the best forecast is a line.
    if share > _MOVES or rivals[name] > (1 - _LOWER_ERROR) * still:
        return None
    how = "from row to row" if share == shares[0] else "from window to window"
    settings = signals["settings"]
    tried: dict[str, object] = {"point_loss": "mse", "epochs": 2 * int(settings["epochs"])}
    return finding(
        "flat_forecast",
        1 - share / _MOVES,
        f"{how} the forecasts move by {share:.0%} of what the truth moves, while "
        f"{name.replace('_', ' ')} foresees it ({rivals[name]:.4g} against {still:.4g} of a line)",
        "a line is what a network says that has not learnt to look back",
        "longer training, less that holds the network down; see also the other findings",
        tried,
        {"share": share, "rival": name, "rival_mae": rivals[name], "line_mae": still},
    )


def held_down(evidence: Evidence) -> Finding | None:
    """A penalty, decay, dropout or noise that outweighs the loss, and nothing that comes of it."""
    signals = evidence.signals
    settings, start = signals["settings"], signals.get("start") or {}
    losses = [record["loss"] for record in evidence.history]
    rules = (loses_to_baseline, flat_loss, flat_forecast)
    if not losses or not (at_chance(evidence) or any(rule(evidence) for rule in rules)):
        return None
    size, loss = float(start.get("weight_norm") or 0.0), max(abs(losses[0]), 1e-12)
    plain = TrainingSettings()
    tried: dict[str, object] = {}
    heaviest = 0.0
    for name in ("l1_kernel", "l2_kernel", "l1_recurrent", "l2_recurrent"):
        # All weights stand for those of one kind: the order of the penalty is what counts.
        weight = float(settings[name]) * (size * size if name.startswith("l2") else size)
        if weight > _OUTWEIGHS * loss:
            tried[name] = float(f"{settings[name] * 0.01 * loss / weight:.1g}")
            heaviest = max(heaviest, weight / loss)
    if float(settings["dropout"]) >= _DROPPED:
        tried["dropout"] = 0.3
    if float(settings["weight_decay"]) * float(settings["learning_rate"]) >= _DECAYED:
        tried["weight_decay"] = plain.weight_decay
    if settings["constraint"] == "max_norm" and float(settings["max_norm"]) < _SHORT:
        tried["max_norm"] = plain.max_norm
    noise = float(settings["input_noise"])
    if noise >= _NOISY:
        tried["input_noise"] = _NOISE
    if not tried:
        return None
    named = ", ".join(f"{name} {settings[name]:g}" for name in tried)
    shrunk = (signals.get("end") or {}).get("weight_norm")
    told = f"; the weights went from a norm of {size:.3g} to {shrunk:.3g}" if shrunk else ""
    return finding(
        "held_down",
        len(tried) / 4,
        f"{named} {'drowns what is read' if list(tried) == ['input_noise'] else 'outweighs a loss'}"
        f", and the loss began at {losses[0]:.3g}{told}",
        "what keeps weights small, outputs silent or inputs hidden is all that the network learns",
        "what ordinary trainings have of it, or nothing",
        tried,
        {"settings": {name: settings[name] for name in tried}, "penalty_over_loss": heaviest},
    )
