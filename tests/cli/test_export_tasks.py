"""A bundle of every task, exported, answers in ONNX Runtime alone as the bundle answers.

Inputs are made and outputs decoded by what the file's metadata says, without recurra's codecs and
decoders: so the metadata is enough, and true.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from recurra import runtime
from recurra.cli import main
from recurra.codecs import Timed
from recurra.convert import onnx_writer

Array = np.ndarray[Any, Any]
SMALL = ["--epochs", "1", "--threads", "1", "--hidden", "6", "--quiet"]


class Exported:
    """An ONNX file, what its metadata says, and a run of it from the state that it begins with."""

    def __init__(self, path: Path) -> None:
        self.said = {p.key: p.value for p in onnx.load(str(path)).metadata_props}
        self.session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def tree(self, key: str) -> Any:
        return json.loads(self.said[f"recurra.{key}"])

    def start(self, batch: int) -> dict[str, Array]:
        found = {}
        for one in self.session.get_inputs():
            if one.name.startswith("state."):
                begin = self.tree("state")
                kind = np.float64 if one.type == "tensor(double)" else np.float32
                row = begin[one.name]
                shape = (batch, *one.shape[1:])
                found[one.name] = (
                    np.zeros(shape, kind)
                    if row == "zeros"
                    else np.broadcast_to(np.array(row, kind), shape).copy()
                )
        return found

    def __call__(self, **inputs: Any) -> dict[str, Array]:
        names = [one.name for one in self.session.get_outputs()]
        return dict(zip(names, self.session.run(names, inputs), strict=True))

    def whole(self, **inputs: Any) -> dict[str, Array]:
        """One case, its steps all at once."""
        rows = {name: np.asarray(array)[None] for name, array in inputs.items()}
        begin = self.start(1)
        return self(**rows, **begin, lengths=np.array([len(next(iter(inputs.values())))]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tasks")


def made(folder: Path, name: str, text: str, suffix: str, *flags: str) -> tuple[Any, Path]:
    """A bundle that was learnt from a file of this text, and where its export lies."""
    path = folder / f"{name}{suffix}"
    path.write_text(text)
    out, place = folder / name, folder / f"{name}.onnx"
    assert main(["fit", str(path), *flags, *SMALL, "--out", str(out)]) == 0
    assert main(["export", str(out), "--out", str(place)]) == 0
    return runtime.load(out), place


def holes() -> str:
    random = np.random.default_rng(0)
    lines = ["case,second,left,right,pitch"]
    for case in range(12):
        for step in range(7):
            left = f"{random.normal():.3f}" if random.random() > 0.3 or step == 0 else ""
            lines.append(f"c{case},{step * step},{left},{random.normal():.3f},p{case % 2}")
    return "\n".join(lines) + "\n"


ROLES = ("--id", "case", "--time", "second", "--target", "pitch")
X = np.array([[1.0, 2.0], [np.nan, 0.5], [np.nan, np.nan], [0.3, -1.0]])
TIMES = np.array([0.0, 1.0, 4.0, 9.0])


def scaled(codec: Any) -> Array:
    return (X - np.array(codec["mean"])) / np.array(codec["scale"])


def probabilities(found: Array, decoder: Any) -> Array:
    powers = np.exp(found.astype(np.float64) / decoder["temperature"])
    return powers / powers.sum(-1, keepdims=True)


def carried(values: Array) -> Array:
    last, rows = np.zeros(values.shape[1]), []
    for row in values:
        last = np.where(np.isnan(row), last, row)
        rows.append(last)
    return np.array(rows)


def decayed(codec: Any) -> dict[str, Array]:
    values = scaled(codec)
    passed = np.diff(TIMES, prepend=0.0)[:, None] / codec["missing"]["unit"]
    return {
        "x": np.nan_to_num(values),
        "observed": (~np.isnan(values)).astype(float),
        "elapsed": passed,
    }


def flagged(codec: Any) -> dict[str, Array]:
    values = scaled(codec)
    seen, since = np.zeros(2), []
    for time, row in zip(TIMES, values, strict=True):
        since.append(time - seen)
        seen = np.where(np.isnan(row), seen, time)
    times = np.array(since) / codec["missing"]["unit"]
    return {"x": np.concatenate([carried(values), ~np.isnan(values), times], axis=1)}


SERIES: dict[str, tuple[Callable[[Any], dict[str, Array]], tuple[str, ...]]] = {
    "decay": (decayed, ()),
    "mask": (flagged, ("--bidirectional", "--pool", "last,mean,max", "--dense-after", "5")),
    "last": (
        lambda codec: {"x": carried(scaled(codec))},
        ("--convolution", "4", "--zoneout", "0.1", "--dense-before", "4"),
    ),
}


@pytest.mark.parametrize("missing", SERIES)
def test_series_with_holes(missing: str, folder: Path) -> None:
    """Scaled, filled and timed as the metadata says; classes by the softmax that it names."""
    fill, flags = SERIES[missing]
    model, place = made(folder, missing, holes(), ".csv", *ROLES, "--missing", missing, *flags)
    file = Exported(place)
    fed = fill(file.tree("preprocessing")["input"])
    assert set(fed) <= set(file.tree("inputs"))
    outputs = file.whole(**{name: array.astype(np.float32) for name, array in fed.items()})
    decoder = file.tree("postprocessing")
    found = probabilities(outputs[decoder["output"]][0], decoder)
    np.testing.assert_allclose(found, model(Timed(X, TIMES)), atol=1e-6)
    assert file.tree("labels") == ["p0", "p1"]


def test_numbers(folder: Path) -> None:
    """A value comes back in the target's unit."""
    random = np.random.default_rng(1)
    cases = [random.normal(size=(5, 2)).round(2) for _ in range(12)]
    text = "".join(json.dumps({"x": x.tolist(), "y": 9 + float(x.mean())}) + "\n" for x in cases)
    model, place = made(folder, "numbers", text, ".jsonl")
    file = Exported(place)
    codec = file.tree("preprocessing")
    x = (cases[0] - np.array(codec["input"]["mean"])) / np.array(codec["input"]["scale"])
    found = file.whole(x=x.astype(np.float32))[file.tree("postprocessing")["output"]][0, 0]
    value = found * codec["target"]["scale"] + codec["target"]["mean"]
    np.testing.assert_allclose(value, model(cases[0]), atol=1e-5)


PEOPLE = "Anna B-PER\nLee I-PER\nmet O\n\nBo B-PER\nslept O\n\n" * 8


@pytest.mark.parametrize("crf", ["--crf", "--no-crf"])
def test_tags(crf: str, folder: Path) -> None:
    """Words, characters and pairs in; the network's scores and the best path in the second file."""
    name = f"tags{crf.strip('-')}"
    flags = [crf, "--embedding", "4", "--character-hidden", "3", "--pair-embedding", "2"]
    model, place = made(folder, name, PEOPLE, ".bio", *flags)
    file = Exported(place)
    codec = file.tree("preprocessing")["input"]
    words = ("Anna", "Lee", "met", "Zoë", "slept")
    number = {word: k + 1 for k, word in enumerate(codec["vocabulary"])}
    letter = {c: k + 2 for k, c in enumerate(codec["characters"])}
    pair = {tuple(p): k + 1 for k, p in enumerate(codec["pairs"])}
    x = [number.get(word, 0) for word in words]
    before = [len(number) + 1, *x[:-1]]
    spelt = [[letter.get(c, 1) for c in word] for word in words]
    outputs = file.whole(
        x=np.array(x),
        characters=np.array([row + [0] * (codec["longest"] - len(row)) for row in spelt]),
        pairs=np.array([pair.get(both, 0) for both in zip(before, x, strict=True)]),
    )
    second = Exported(place.with_name(f"{name}-tags.onnx"))
    scores = outputs[file.tree("postprocessing")["output"]]
    found = second(**{file.tree("postprocessing")["output"]: scores}, lengths=np.array([5]))
    np.testing.assert_array_equal(found["tags"][0], model(words))
    assert second.tree("labels") == list(model.labels)
    assert set(second.tree("inputs")) == {file.tree("postprocessing")["output"], "lengths"}
    assert set(second.tree("outputs")) == {"tags"}


def pairs() -> str:
    random = np.random.default_rng(2)
    stems = ["".join(random.choice([*"abc"], 3)) for _ in range(16)]
    return "".join(f"{s}\tnum={n}\t{s}{'s' * (n == 'P')}\n" for s in stems for n in "SP")


@pytest.mark.parametrize("attention", ["additive", "multiplicative", "dot", "none"])
def test_pairs(attention: str, folder: Path) -> None:
    """The encoder once, then the decoder step by step from the state that the bridge gives."""
    name = f"pairs_{attention}"
    cell = "lstm" if attention == "dot" else "gru"
    flags = ["--task", "transduce", "--attention", attention, "--beam", "1", "--embedding", "4"]
    model, place = made(folder, name, pairs(), ".tsv", *flags, "--bidirectional", "--cell", cell)
    encoder = Exported(place.with_name(f"{name}-encoder.onnx"))
    decoder = Exported(place.with_name(f"{name}-decoder.onnx"))
    codec, search = encoder.tree("preprocessing"), encoder.tree("postprocessing")
    symbols = {symbol: k + 2 for k, symbol in enumerate(codec["source"]["symbols"])}
    features = {f: k + 2 + len(symbols) for k, f in enumerate(codec["marks"])}
    x = np.array([features["num=P"], *(symbols[c] for c in "abc"), 1])
    known = encoder.whole(x=x)
    parts = decoder.tree("bridge")
    assert "encoder's bridge" in decoder.tree("inputs")["state.*"]
    state = {slot: known["bridge"][:, a:b] for slot, (a, b) in parts.items()}
    wanted = {one.name for one in decoder.session.get_inputs()}
    reads = {n: known[n] for n in ("memory", "keys", "context") if n in wanted}
    if "places" in wanted:
        reads["places"] = np.array([len(x)])
    token, tokens, total = 1, [], 0.0
    while len(tokens) <= search["longest"]:
        fed = {"tokens": np.array([[token]]), "lengths": np.array([1]), **reads, **state}
        found = decoder(**fed)
        state = {n.removeprefix("next_"): a for n, a in found.items() if n.startswith("next_")}
        scores = found[search["output"]][0, 0].astype(np.float64)
        shares = scores - np.log(np.exp(scores - scores.max()).sum()) - scores.max()
        shares[0] = -np.inf
        token = 1 if len(tokens) == search["longest"] else int(shares.argmax())
        total += shares[token]
        if token == 1:
            break
        tokens.append(token)
    (best,) = model("abc\tnum=P")
    assert tuple(tokens) == best.tokens
    np.testing.assert_allclose(total, best.log_probability, rtol=1e-5)


def test_of_several_files_none_is_written_where_one_disagrees(
    folder: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attention that reads one place too many: the encoder, which is right, is not written."""
    flags = ["--task", "transduce", "--attention", "dot", "--embedding", "4"]
    made(folder, "wrong", pairs(), ".tsv", *flags)
    true = onnx_writer.Writer.sequences

    def wrong(writer: Any, timed: str, lengths: str) -> Any:
        more = lengths if lengths == "lengths" else writer.add("Add", [lengths, writer.constant(1)])
        return true(writer, timed, more)

    monkeypatch.setattr(onnx_writer.Writer, "sequences", wrong)
    out = tmp_path / "m.onnx"
    assert main(["export", str(folder / "wrong"), "--out", str(out)]) == 2
    assert "the export is refused: head" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    (tmp_path / "m-decoder.onnx").write_text("mine")
    assert main(["export", str(folder / "wrong"), "--out", str(out)]) == 2
    assert "m-decoder.onnx exists" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["m-decoder.onnx"]


def load() -> str:
    times = np.datetime64("2024-01-01T00") + np.arange(80)
    rows = [f"{t},{5 + np.sin(k / 3):.3f},{k}" for k, t in enumerate(times)]
    return "\n".join(["time,load,other", *rows]) + "\n"


FORECAST = ["--task", "forecast", "--target", "load", "--horizon", "4", "--lookback", "12"]


@pytest.mark.parametrize("segment", ["1", "4"])
def test_forecasts(segment: str, folder: Path, capsys: Any) -> None:
    """Rows scaled, normalised by their window, laid side by side; points in the target's unit."""
    flags = ["--known", "other", "--segment", segment, "--normalise", "window"]
    model, place = made(folder, f"load_{segment}", load(), ".csv", *FORECAST, *flags)
    assert "left out: baseline, which answers do not need" in capsys.readouterr().out
    file = Exported(place)
    scaling = file.tree("preprocessing")["scaling"]
    shift, scale = (np.array(scaling[key][-1]) for key in ("shift", "scale"))
    # The future of what is known stands behind the history, four rows that the target lacks.
    history = np.stack([5 + np.sin(np.arange(24) / 3), np.arange(24.0)], axis=1)
    history[20:, 0] = np.nan
    rows = (history - shift) / scale
    target = rows[8:20, 0]
    mean, spread = target.mean(), np.sqrt(target.var() + 1e-5)
    assert "read 4 rows ahead" in file.tree("inputs")["x"]
    assert "variance + 1e-5" in file.tree("inputs")["x"]
    read = np.stack([(target - mean) / spread, rows[12:24, 1]], axis=1)
    steps = read.reshape(12 // int(segment), int(segment), 2)
    # The target's own values ahead of the covariate's.
    steps = steps.transpose(0, 2, 1).reshape(len(steps), -1).astype(np.float32)
    found = file.whole(x=steps)[file.tree("postprocessing")["output"]][0]
    points = (found * spread + mean) * scale[0] + shift[0]
    np.testing.assert_allclose(points, model(history).points[:, 0], rtol=1e-4)


def test_texts_that_go_on(folder: Path) -> None:
    """The probability of a text, symbol by symbol, with the state handed on."""
    model, place = made(
        folder, "text", "one two three four five. " * 20, ".txt", "--task", "generate"
    )
    file = Exported(place)
    entries = file.tree("preprocessing")["units"]["entries"]
    number = {entry: k + 2 for k, entry in enumerate(entries)}
    tokens = [number[c] for c in "two three"]
    state, nats = file.start(1), 0.0
    for before, token in zip([1, *tokens], tokens, strict=False):
        found = file(x=np.array([[before]]), lengths=np.array([1]), **state)
        state = {n.removeprefix("next_"): a for n, a in found.items() if n.startswith("next_")}
        scores = found[file.tree("postprocessing")["output"]][0, 0].astype(np.float64)
        nats += float(np.log(np.exp(scores).sum()) - scores[token])
    np.testing.assert_allclose(nats, model("two three").nats, rtol=1e-5)


def test_frames_that_go_on(folder: Path) -> None:
    """The probability of each note of each frame."""
    tune = json.dumps({"frames": [[1, 3], [], [2]] * 4})
    model, place = made(folder, "music", f"{tune}\n" * 6, ".jsonl", "--task", "generate")
    file = Exported(place)
    frames = np.zeros((3, file.tree("preprocessing")["width"]), np.float32)
    frames[0, [1, 3]] = frames[2, 2] = 1
    before = np.concatenate([np.zeros_like(frames[:1]), frames[:-1]])
    scores = file.whole(x=before)[file.tree("postprocessing")["output"]][0].astype(np.float64)
    shares = 1 / (1 + np.exp(-scores))
    nats = -np.log(np.where(frames > 0, shares, 1 - shares)).sum()
    np.testing.assert_allclose(nats, model([[1, 3], [], [2]]).nats, rtol=1e-5)
