"""What a network that answers step by step, or with a sequence, must beat: counts of what was seen.

    tag         majority: the most frequent tag; tag_of_token: the most frequent tag of each token
    generate    symbols: how often each symbol comes; pairs: how often after the one before it
                frames: how often each number sounds; pairs: how often after it did, or did not
    transduce   copy: the source; frequent: the most frequent target

Counts of single symbols have half a one added; a share after another symbol is

    p(b | a) = (n(a, b) + k p(b)) / (n(a) + k)

with that k of a few which does best on the watched part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from recurra.codecs import Cases
from recurra.metrics import generate, tag, transduce
from recurra.train.compare_material import Material

__all__ = ["Answered", "generate_baselines", "tag_baselines", "transduce_baselines"]

Array = npt.NDArray[Any]
_STRENGTHS = (0.5, 2.0, 8.0, 32.0)
# Where nothing is watched.
_STRENGTH = 2.0


class Answered(NamedTuple):
    """What one baseline reaches.

    Args:
        name: Short.
        about: What it does.
        figures: As a network's.
        wrong: Of each case whether the whole answer is wrong, [N] bool; None: cases have no score.
    """

    name: str
    about: str
    figures: Mapping[str, float]
    wrong: Array | None = None


def tag_baselines(material: Material) -> list[Answered]:
    """The most frequent tag, and of tokens that of each; one never seen has the first."""
    codec: Any = material.codec
    train, test = codec.texts_of(material.train), codec.texts_of(material.test)
    (most, _), *_ = Counter(name for tags in train for name in tags).most_common(1)

    def told(name: str, about: str, called: list[list[str]]) -> Answered:
        return Answered(name, about, tag.tag_figures(called, test, spans=codec.scheme != "none"))

    found = [told("majority", "the most frequent tag", [[most] * len(tags) for tags in test])]
    if material.train.kind != "series":
        lower = material.settings.data.lowercase
        counts: dict[str, Counter[str]] = {}
        for case, tags in zip(material.train.inputs, train, strict=True):
            for token, name in zip(_tokens(case, lower), tags, strict=True):
                counts.setdefault(token, Counter())[name] += 1
        best = {token: count.most_common(1)[0][0] for token, count in counts.items()}
        called = [[best.get(t, most) for t in _tokens(x, lower)] for x in material.test.inputs]
        found.append(told("tag_of_token", "the most frequent tag of each token", called))
    return found


def generate_baselines(material: Material) -> list[Answered]:
    """Counts of symbols, or of the numbers of frames, and counts of pairs of them."""
    parts = {"train": material.train, "test": material.test}
    if material.valid is not None:
        parts["watched"] = material.valid
    steps = {name: _steps(material, part) for name, part in parts.items()}
    symbols = steps["train"][1].ndim == 1
    counted = _symbol_nats if symbols else _frame_nats
    found = []
    singles, about = ("symbols" if symbols else "frames"), "shares of what comes next"
    for name, k, told in (
        (singles, None, about),
        ("pairs", _strength(counted, steps), f"{about}, after what came before"),
    ):
        nats = counted(steps["train"], steps["test"], k)
        each, one = np.array([float(nats.sum())]), np.array([len(nats)])
        figures = {"nll": generate.nll(each, one), "bits": generate.bits(each, one)}
        if symbols:
            figures["perplexity"] = generate.perplexity(each, one)
        found.append(Answered(name, told, figures))
    return found


def transduce_baselines(material: Material) -> list[Answered]:
    """The source as it is, and the most frequent target."""
    codec: Any = material.codec
    truth = [codec.comparable(str(y)) for y in material.test.target_values()]
    targets = Counter(codec.comparable(str(y)) for y in material.train.target_values())
    found = []
    for name, about, outputs in (
        ("copy", "the source as it is", [codec.comparable(str(x)) for x in material.test.inputs]),
        ("frequent", "the most frequent target", [targets.most_common(1)[0][0]] * len(truth)),
    ):
        figures = transduce.text_figures(outputs, truth, codec.target.cut)
        wrong = np.array([o != t for o, t in zip(outputs, truth, strict=True)])
        found.append(Answered(name, about, figures, wrong))
    return found


def _tokens(case: Any, lower: bool) -> list[str]:
    return [str(token).lower() if lower else str(token) for token in case]


def _steps(material: Material, cases: Cases) -> tuple[Array, Array]:
    """What is read and what comes next, at all steps of all cases: [n] of symbols, [n, W]."""
    codec: Any = material.codec
    encoded = codec.encode_cases(cases)
    x, y = (np.concatenate([case.steps[name] for case in encoded]) for name in "xy")
    return x, y


def _strength(counted: Any, steps: Mapping[str, tuple[Array, Array]]) -> float:
    if "watched" not in steps:
        return _STRENGTH

    def nats(k: float) -> float:
        return float(counted(steps["train"], steps["watched"], k).sum())

    return min(_STRENGTHS, key=nats)


def _symbol_nats(
    train: Sequence[Array], test: Sequence[Array], strength: float | None
) -> npt.NDArray[np.float64]:
    """Nats of each symbol of `test`, [n]; strength None: whatever came before it."""
    (x, y), (z, w) = ([np.asarray(part, np.int64) for part in parts] for parts in (train, test))
    size = int(max(part.max() for part in (x, y, z, w))) + 1
    single = np.bincount(y, minlength=size) + 0.5
    single = single / single.sum()
    if strength is None:
        return np.asarray(-np.log(single[w]), np.float64)
    # Of a large vocabulary most pairs never come: those that do are kept in order.
    keys, counts = np.unique(x * size + y, return_counts=True)
    asked = z * size + w
    place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    together = np.where(keys[place] == asked, counts[place], 0)
    alone = np.bincount(x, minlength=size)[z]
    share = (together + strength * single[w]) / (alone + strength)
    return np.asarray(-np.log(share), np.float64)


def _frame_nats(
    train: Sequence[Array], test: Sequence[Array], strength: float | None
) -> npt.NDArray[np.float64]:
    """Nats of each frame of `test`, [n], its numbers apart; strength None: as `_symbol_nats`."""
    (x, y), (z, w) = ([np.asarray(part, np.float64) for part in parts] for parts in (train, test))
    single = (y.sum(axis=0) + 0.5) / (len(y) + 1)
    share = np.broadcast_to(single, w.shape)
    if strength is not None:
        on, off = (
            ((was * y).sum(axis=0) + strength * single) / (was.sum(axis=0) + strength)
            for was in (x, 1 - x)
        )
        share = np.where(z > 0, on, off)
    nats: npt.NDArray[np.float64] = -np.log(np.where(w > 0, share, 1 - share)).sum(axis=1)
    return nats
