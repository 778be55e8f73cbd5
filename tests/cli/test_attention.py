"""Law: the weights that are shown are the model's own, one row for each symbol of the output."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from recurra import runtime
from recurra.cli import main
from recurra.runtime.models.transduce import TransduceModel

SMALL = ["--hidden", "8", "--epochs", "2", "--threads", "1", "--quiet", "--task", "transduce"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attention")
    pairs = [f"{word}\t{word.upper()}" for word in ("ab", "b<", "ba", "aab")] * 8
    (folder / "words.tsv").write_text("\n".join(pairs) + "\n")
    for name, form in (("looking", "dot"), ("blind", "none")):
        arguments = ["fit", str(folder / "words.tsv"), "--out", str(folder / name), *SMALL]
        assert main([*arguments, "--attention", form]) == 0
    return folder


def test_the_weights_are_told_and_drawn(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = runtime.load(folder / "looking")
    assert isinstance(model, TransduceModel)
    expected = model.alignment("b<a", "B<A")
    out = folder / "looked.svg"
    arguments = ["attention", str(folder / "looking"), "b<a", "--target", "B<A"]
    assert main([*arguments, "--out", str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["source"] == expected.source
    assert said["output"] == ["B", "<", "A", ""]
    np.testing.assert_array_equal(said["weights"], expected.weights)
    picture = ElementTree.fromstring(out.read_text("utf-8"))
    texts = [node.text for node in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == [name or "end" for name in (*expected.source, *expected.output)]
    drawn = [
        float(node.attrib["fill-opacity"])
        for node in picture.iter("{http://www.w3.org/2000/svg}rect")
        if "fill-opacity" in node.attrib
    ]
    np.testing.assert_allclose(drawn, expected.weights.ravel(), atol=1e-3)
    assert main([*arguments, "--out", str(out), "--force"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    best = expected.source[int(expected.weights[0].argmax())] or "end"
    assert lines[0] == f"B  <-  {best}  {expected.weights[0].max():.2f}"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (["--out", "a.png"], "the picture is an .svg"),
        (["--out", "{folder}/words.svg"], "exists"),
        ([], "has no attention"),
    ],
)
def test_what_cannot_be_shown_says_why(
    more: list[str], reason: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "words.svg").write_text("mine")
    filled = [word.format(folder=folder) for word in more]
    assert main(["attention", str(folder / "blind"), "ab", *filled]) == 2
    assert reason in capsys.readouterr().err
    assert (folder / "words.svg").read_text() == "mine"


def test_other_bundles_look_at_nothing(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attention", str(bundle), "ab"]) == 2
    assert "looks at no source" in capsys.readouterr().err
