"""Small seeded data for trainings of a second: series, texts, tags, pairs and forecasts.

Every function takes a generator and gives what `read_cases` would: none reads a file of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.codecs import Cases, cases_from_arrays
from recurra.codecs.read import read_cases
from recurra.spec.settings import Settings

__all__ = [
    "chaos",
    "early",
    "levels",
    "load",
    "noise",
    "pairs",
    "prose",
    "read",
    "slopes",
    "sums",
    "switching",
    "tagged",
    "texts",
    "waves",
    "write",
]

Array = npt.NDArray[Any]
Random = np.random.Generator


def waves(
    random: Random,
    count: int = 160,
    classes: int = 2,
    steps: int = 30,
    hum: float = 0.5,
    shares: tuple[float, ...] | None = None,
) -> Cases:
    """Classes are frequencies; phase, height and length vary, noise lies over it."""
    y = random.choice(classes, count, p=shares)
    y[:classes] = np.arange(classes)
    x = []
    for k in y:
        length = int(random.integers(steps * 2 // 3, steps + 1))
        clock = np.arange(length)[:, None]
        phase, height = random.uniform(0, 2 * np.pi), random.uniform(0.7, 1.3)
        angle = (0.25 + 0.3 * k) * clock + phase
        wave = np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
        x.append(height * wave + random.normal(0, hum, (length, 2)))
    return cases_from_arrays(x, [f"c{k}" for k in y])


def levels(
    random: Random,
    count: int = 160,
    apart: float = 0.35,
    steps: int = 24,
    shares: tuple[float, ...] = (0.5, 0.5),
    channels: int = 3,
) -> Cases:
    """Classes differ in the mean of one channel; `apart` in standard deviations of a step."""
    y = random.choice(len(shares), count, p=shares)
    y[: len(shares)] = np.arange(len(shares))
    x = [random.normal(size=(steps, channels)) for _ in y]
    for series, k in zip(x, y, strict=True):
        series[:, 0] += apart * k
    return cases_from_arrays(x, [f"c{k}" for k in y])


def slopes(random: Random, count: int = 160, steps: int = 25) -> Cases:
    """Three classes: rising, falling, neither; in units of hundreds."""
    y = random.integers(0, 3, count)
    x = []
    for k in y:
        clock = np.linspace(-1, 1, steps)
        line = (k - 1) * clock + np.cumsum(random.normal(0, 0.12, steps)) + random.normal(0, 0.3)
        x.append((400 + 120 * line)[:, None])
    return cases_from_arrays(x, [("falls", "stays", "rises")[k] for k in y])


def early(random: Random, count: int = 200, steps: int = 120, told: int = 4) -> Cases:
    """The first few steps tell the class; all that follows is noise."""
    y = random.integers(0, 2, count)
    x = [random.normal(size=(steps, 2)) for _ in y]
    for series, k in zip(x, y, strict=True):
        series[:told, 0] += 4.0 * k - 2.0
    return cases_from_arrays(x, [f"c{k}" for k in y])


def sums(random: Random, count: int = 200, steps: int = 20, hum: float = 0.3) -> Cases:
    """A number: one channel's mean, another's last value, their product; with noise."""
    x = [random.normal(size=(steps, 3)) for _ in range(count)]
    for series in x:
        series[:, 0] += random.normal()
    y = np.array([2 * s[:, 0].mean() + 0.5 * s[-1, 1] + 0.3 * s[:, 0].mean() * s[-1, 1] for s in x])
    y = 50 + 10 * (y + random.normal(0, hum * y.std(), count))
    return cases_from_arrays(x, y)


def noise(random: Random, count: int = 160, steps: int = 20) -> list[Array]:
    """Series without anything."""
    return [random.normal(size=(steps, 2)) for _ in range(count)]


_GOOD = ("fine", "lovely", "great", "bright", "warm")
_BAD = ("poor", "dull", "cold", "sad", "broken")
_PLAIN = ("the", "film", "was", "a", "and", "it", "with", "story", "some", "very", "more", "of")


def texts(random: Random, count: int = 240) -> Cases:
    """Sentences; a few words of one kind tell the class, now and then a wrong one."""
    lines, y = [], random.integers(0, 2, count)
    for k in y:
        words = list(random.choice(_PLAIN, int(random.integers(6, 12))))
        for _ in range(3):
            kind = (_BAD, _GOOD)[int(k) if random.random() < 0.85 else 1 - int(k)]
            words.insert(int(random.integers(0, len(words))), str(random.choice(kind)))
        lines.append(" ".join(words))
    return cases_from_arrays(lines, [("bad", "good")[k] for k in y])


def tagged(random: Random, folder: Path, count: int = 160) -> Path:
    """Words with plain tags: most follow from the word, some from the word before."""
    lines = []
    for _ in range(count):
        before = ""
        for _ in range(int(random.integers(4, 10))):
            word = str(random.choice(["the", "dog", "runs", "walk", "big", "house", "to", "now"]))
            tag = {"the": "D", "dog": "N", "runs": "V", "big": "A", "house": "N", "to": "P"}.get(
                word, "R"
            )
            if word == "walk":
                tag = "N" if before in ("the", "big") else "V"
            lines.append(f"{word} {tag}")
            before = word
        lines.append("")
    path = folder / "words.conll"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def prose(random: Random, folder: Path, size: int = 9000) -> Path:
    """A text of made-up words in sentences, so that letters hang on those before them."""
    syllables = [a + b for a in "bdklmnrst" for b in "aeiou"]
    vocabulary = ["".join(random.choice(syllables, int(random.integers(1, 4)))) for _ in range(60)]
    text = ""
    while len(text) < size:
        words = random.choice(vocabulary, int(random.integers(3, 8)))
        text += " ".join(words).capitalize() + ".\n"
    path = folder / "prose.txt"
    path.write_text(text, "utf-8")
    return path


def pairs(random: Random, folder: Path, count: int = 220) -> Path:
    """Words and what becomes of them: letters are exchanged, some depend on the next one."""
    lines = []
    for _ in range(count):
        word = "".join(random.choice(list("abcde"), int(random.integers(2, 6))))
        turned = word.replace("ab", "z").translate(str.maketrans("abcde", "vwxyu"))
        lines.append(f"{word}\t{turned}")
    path = folder / "pairs.tsv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def load(
    random: Random,
    folder: Path,
    rows: int = 700,
    season: int = 24,
    hum: float = 0.25,
    columns: dict[str, Array] | None = None,
    size: float = 1.0,
) -> Path:
    """A load by the hour: a day's shape, a slow line, noise that lasts a little."""
    clock = np.arange(rows)
    day = np.sin(2 * np.pi * clock / season) + 0.4 * np.sin(4 * np.pi * clock / season + 1)
    lasting = np.zeros(rows)
    for t in range(1, rows):
        lasting[t] = 0.7 * lasting[t - 1] + random.normal(0, hum)
    y = size * (20 + 4 * day + 0.002 * clock + lasting)
    table = {"load": y, **(columns or {})}
    return write(folder, table)


def chaos(random: Random, folder: Path, rows: int = 900) -> Path:
    """A curved map of each row to the next, x -> 3.7 x (1 - x), with a little noise."""
    y = np.full(rows, random.uniform(0.2, 0.8))
    for t in range(1, rows):
        y[t] = np.clip(3.7 * y[t - 1] * (1 - y[t - 1]) + random.normal(0, 0.01), 0.01, 0.99)
    return write(folder, {"load": y})


def switching(random: Random, folder: Path, rows: int = 900) -> Path:
    """Two regimes that switch where a bound is crossed: up slowly, then down fast."""
    y, up = np.zeros(rows), True
    for t in range(1, rows):
        y[t] = y[t - 1] + (0.5 if up else -1.5) + random.normal(0, 0.05)
        up = y[t] < 5 if up else y[t] < 0
    return write(folder, {"load": 10 + y})


def write(folder: Path, table: dict[str, Array]) -> Path:
    """A table with a row an hour."""
    rows = len(next(iter(table.values())))
    times = np.datetime64("2024-01-01T00") + np.arange(rows)
    lines = [",".join(["time", *table])]
    for k in range(rows):
        values = (f"{column[k]:.6g}" for column in table.values())
        lines.append(",".join([str(times[k]), *values]))
    path = folder / "load.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def read(path: Path, settings: dict[str, Any]) -> Cases:
    """The file as `recurra fit` reads it with these settings."""
    return read_cases(path, Settings.from_flat(settings).data, need_target=True)
