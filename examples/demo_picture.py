"""Draws what the demonstration's stream shows: class probabilities that grow frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt  # after the choice of a backend that needs no screen
import numpy as np
import numpy.typing as npt
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator

from recurra.train.fonts import families_for

INK, PALE, FIRST, SECOND = "#1f2933", "#b8c0c8", "#0b6e99", "#d9730d"


def draw(
    utterance: npt.NDArray[Any],
    probabilities: npt.NDArray[Any],
    labels: Sequence[str],
    truth: str,
    path: Path,
) -> None:
    """One picture: the sound above, the probability of each speaker below, on one time axis.

    Args:
        utterance: [T, C].
        probabilities: [T, classes], after each frame.
        labels: Names of the classes.
        truth: The one that is right.
        path: A .png file.
    """
    with mpl.rc_context({"font.family": families_for(labels)}):
        _draw(utterance, probabilities, labels, truth, path)


def _draw(
    utterance: npt.NDArray[Any],
    probabilities: npt.NDArray[Any],
    labels: Sequence[str],
    truth: str,
    path: Path,
) -> None:
    frames = np.arange(1, len(utterance) + 1)
    plt.rcParams.update({"font.size": 10, "text.color": INK, "axes.labelcolor": INK})
    figure, (sound, belief) = plt.subplots(
        2, 1, figsize=(8, 4.6), sharex=True, height_ratios=(1, 2.4), layout="constrained"
    )
    scaled = (utterance - utterance.mean(0)) / utterance.std(0).clip(1e-9)
    sound.imshow(
        scaled.T,
        aspect="auto",
        cmap=LinearSegmentedColormap.from_list("sound", ["#f3f6f8", "#566b7d"]),
        extent=(0.5, len(utterance) + 0.5, 0, utterance.shape[1]),
        interpolation="nearest",
    )
    sound.set_title(
        f"A Japanese vowel, spoken by speaker {truth}: {utterance.shape[1]} numbers a frame go in",
        loc="left",
        fontsize=10.5,
    )
    sound.set_yticks([])
    rivals = [k for k in np.argsort(-probabilities.max(0)) if labels[k] != truth]
    for k, label in enumerate(labels):
        right, rival = label == truth, k == rivals[0]
        colour = FIRST if right else SECOND if rival else PALE
        belief.plot(
            frames,
            probabilities[:, k],
            color=colour,
            linewidth=2.6 if right else 1.8 if rival else 1.1,
            marker="o" if right or rival else None,
            markersize=3.6,
            zorder=3 if right else 2,
        )
        if right or rival:
            at = int(np.argmax(probabilities[:, k]))
            belief.annotate(
                f"speaker {label}",
                (frames[at], probabilities[at, k]),
                textcoords="offset points",
                xytext=(0, -20) if right else (6, 6),
                ha="right" if right else "left",
                color=colour,
                fontweight="bold",
            )
    belief.set_title(
        "One probability a speaker comes out after every frame", loc="left", fontsize=10.5
    )
    belief.set(xlabel="frame", xlim=(0.5, len(frames) + 0.5), ylim=(-0.02, 1.04))
    belief.set_yticks([0, 0.5, 1], ["0", "½", "1"])
    belief.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in (sound, belief):
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(length=0, colors=INK)
    sound.spines["bottom"].set_visible(False)
    belief.grid(axis="y", color="#e4e7eb", linewidth=0.8)
    figure.savefig(path, dpi=150)
    plt.close(figure)
