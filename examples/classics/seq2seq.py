"""3. Sequence to sequence: embedding, GRU encoder, GRU decoder with teacher forcing, softmax.

The task is real and small: Roman numerals into decimal ones, MCMLXXXVII -> 1987, learnt on most of
the numbers below 2000 and tried on the rest.

What printed programs get wrong: the decoder is given the very symbol that it is to predict (its
input is the target moved one step to the right, behind a start symbol); at inference it is still
given the true symbols (it must be fed its own); padding counts in loss and accuracy; and the
encoder's state is read behind the padding, where a mask holds it at the last symbol.

    KERAS_BACKEND=torch python examples/classics/seq2seq.py
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from recurra import SequenceTransducer
from recurra.keras import GRU

Tokens = npt.NDArray[np.int64]
SOURCE = "_IVXLCDM"
TARGET = "_<>0123456789"  # padding, start, end
LONGEST = 5


def roman(number: int) -> str:
    """The number as Romans wrote it."""
    written = ""
    for value, sign in zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"),
        strict=True,
    ):
        written += sign * (number // value)
        number %= value
    return written


def padded(texts: list[str], signs: str, length: int) -> Tokens:
    """Places of each text's symbols in `signs`, zeros behind it."""
    rows = np.zeros((len(texts), length), np.int64)
    for row, text in zip(rows, texts, strict=True):
        row[: len(text)] = [signs.index(sign) for sign in text]
    return rows


class Translator:
    """Encoder and decoder in Keras, which share the state that goes from one to the other."""

    def __init__(self, units: int, size: int) -> None:
        source, before = keras.Input((None,), dtype="int64"), keras.Input((None,), dtype="int64")
        read = keras.layers.Embedding(len(SOURCE), size, mask_zero=True)(source)
        state = GRU(units, name="encoder")(read)
        self.embed = keras.layers.Embedding(len(TARGET), size)
        self.decoder = GRU(units, return_sequences=True, return_state=True, name="decoder")
        self.head = keras.layers.Dense(len(TARGET), activation="softmax")
        steps, _ = self.decoder(self.embed(before), initial_state=state)
        self.encoder = keras.Model(source, state)
        self.model = keras.Model([source, before], self.head(steps))
        self.model.compile(
            keras.optimizers.Adam(2e-3),
            "sparse_categorical_crossentropy",
            weighted_metrics=["accuracy"],
        )

    def fit(self, sources: list[str], targets: list[str], epochs: int) -> list[float]:
        """Teacher forcing: the target moved one step, the true symbol of the step before."""
        x = padded(sources, SOURCE, max(map(len, sources)))
        y = padded([f"{text}>" for text in targets], TARGET, LONGEST)
        before = padded([f"<{text}" for text in targets], TARGET, LONGEST)
        history = self.model.fit(
            [x, before],
            y,
            sample_weight=(y > 0).astype("f4"),
            epochs=epochs,
            batch_size=64,
            verbose=0,
        )
        return [float(value) for value in history.history["accuracy"]]

    def decode(self, sources: list[str]) -> list[str]:
        """Greedy: each step is given the decoder's own symbol of the step before."""
        state: Any = self.encoder(padded(sources, SOURCE, max(map(len, sources))))
        symbol = np.full((len(sources), 1), TARGET.index("<"))
        written = [""] * len(sources)
        for _ in range(LONGEST):
            steps, state = self.decoder(self.embed(symbol), initial_state=state)
            symbol = keras.ops.convert_to_numpy(self.head(steps)).argmax(-1)
            written = [text + TARGET[k] for text, k in zip(written, symbol[:, 0], strict=True)]
        return [text.split(">")[0] for text in written]


def main(units: int = 512, epochs: int = 20, numbers: int = 2000) -> dict[str, float]:
    """Learn with both; the share of unseen numbers that come out right to the last digit."""
    keras.utils.set_random_seed(0)
    order = np.random.default_rng(0).permutation(np.arange(1, numbers))
    pairs = [(roman(number), str(number)) for number in order]
    seen, unseen = pairs[: -numbers // 10], pairs[-numbers // 10 :]

    translator = Translator(units, size=32)
    known, answers = [pair[0] for pair in seen], [pair[1] for pair in seen]
    accuracy = translator.fit(known, answers, epochs)
    sources, targets = [pair[0] for pair in unseen], [pair[1] for pair in unseen]
    decoded = translator.decode(sources)

    def right(written: list[str], wanted: list[str]) -> float:
        return float(np.mean([a == b for a, b in zip(written, wanted, strict=True)]))

    own = SequenceTransducer(hidden=min(units, 128), epochs=epochs, learning_rate=0.002, seed=0)
    own.fit(known, answers)
    figures = {
        "keras: accuracy of a symbol, first epoch": accuracy[0],
        "keras: accuracy of a symbol, last epoch": accuracy[-1],
        "keras: numbers learnt from right": right(translator.decode(known), answers),
        "keras: unseen numbers right": right(decoded, targets),
        "recurra: numbers learnt from right": own.score(known, answers),
        "recurra: unseen numbers right": own.score(sources, targets),
    }
    for figure, value in figures.items():
        print(f"{figure}: {value:.3f}")
    for source, written in list(zip(sources, decoded, strict=True))[:5]:
        print(f"{source} -> {written}")
    return figures


if __name__ == "__main__":
    main()
