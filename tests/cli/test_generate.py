"""`recurra generate` writes as it draws; the other commands know its bundles too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recurra import runtime
from recurra.cli import main
from recurra.decode import Sampling
from recurra.runtime.models.generate import GenerateModel

SMALL = ["--hidden", "16", "--epochs", "2", "--threads", "1", "--window", "16", "--quiet"]
TEXT = "one two three four five. " * 30


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "numbers.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture(scope="module")
def generator(text: Path) -> Path:
    out = text.parent / "model"
    assert main(["fit", str(text), "--task", "generate", *SMALL, "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    path = folder / "tunes.jsonl"
    tune = {"frames": [[1, 3], [], [2]] * 5}
    path.write_text(f"{json.dumps(tune)}\n" * 8)
    out = folder / "model"
    assert main(["fit", str(path), "--task", "generate", *SMALL, "--out", str(out)]) == 0
    return out


def loaded(bundle: Path) -> GenerateModel:
    model = runtime.load(bundle)
    assert isinstance(model, GenerateModel)
    return model


def test_a_text_is_continued(generator: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed is what the model draws; the prompt only on request."""
    (expected,) = loaded(generator).generate("one", length=20, sampling=Sampling(0.8, 5, 0.9, 3))
    flags = ["--prompt", "one", "--length", "20", "--temperature", "0.8", "--top-k", "5"]
    flags += ["--top-p", "0.9", "--seed", "3"]
    assert main(["generate", str(generator), *flags]) == 0
    assert capsys.readouterr().out == f"{expected}\n"
    assert main(["generate", str(generator), *flags, "--echo"]) == 0
    assert capsys.readouterr().out == f"one{expected}\n"


def test_a_fit_says_how_to_generate(
    text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What to run next names the command, with the bundle that is there."""
    out = tmp_path / "writer"
    flags = ["--task", "generate", *SMALL, "--epochs", "1", "--out", str(out)]
    assert main(["fit", str(text), *flags]) == 0
    assert f"recurra generate {out} --prompt TEXT" in capsys.readouterr().out


def test_json_holds_all(generator: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Several continuations, and a beam's scores."""
    assert main(["generate", str(generator), "--count", "2", "--length", "5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {"prompt": "", "continuations": loaded(generator).generate(length=5, count=2)}
    flags = ["--prompt", "one", "--length", "4", "--beam", "3", "--count", "2", "--json"]
    assert main(["generate", str(generator), *flags]) == 0
    found = json.loads(capsys.readouterr().out)
    best = loaded(generator).search("one", length=4, width=3)[:2]
    assert found["continuations"] == [text for text, _ in best]
    assert found["scores"] == [score for _, score in best]


def test_plain_lists_and_stops(generator: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Several continuations stand apart; a stop string is not shown."""
    assert main(["generate", str(generator), "--count", "2", "--length", "5"]) == 0
    one, two = loaded(generator).generate(length=5, count=2)
    assert capsys.readouterr().out == f"{one}\n\n{two}\n"
    (free,) = loaded(generator).generate(length=30)
    stop = free[10]
    assert main(["generate", str(generator), "--length", "30", "--stop", stop]) == 0
    assert capsys.readouterr().out == f"{free[: free.index(stop)]}\n"


def test_frames_come_one_a_line(music: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The prompt is JSON, and so is each line."""
    assert main(["generate", str(music), "--prompt", "[[1, 3], []]", "--length", "4"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (expected,) = loaded(music).generate(((1, 3), ()), length=4)
    assert lines == [list(frame) for frame in expected]
    assert main(["generate", str(music), "--length", "1", "--echo", "--prompt", "[[2]]"]) == 0
    assert capsys.readouterr().out.startswith("[2]\n")


def test_evaluate_predict_and_info(
    generator: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The house's other commands need no word of their own for it."""
    assert main(["evaluate", str(generator), str(text), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["task"] == "generate"
    assert figures["perplexity"] == pytest.approx(2 ** figures["bits"])
    out = tmp_path / "answers.jsonl"
    assert main(["predict", str(generator), str(text), "--out", str(out)]) == 0
    answer = json.loads(out.read_text())
    assert answer["nll"] == pytest.approx(figures["nll"])
    assert answer["steps"] == len(TEXT)
    assert main(["info", str(generator)]) == 0
    assert "generate" in capsys.readouterr().out
    assert "continuation of texts" in (generator / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--prompt", "ünknown"], "characters that training showed, got 'ü', 'k'"),
        (["--temperature", "-1"], "temperature expected"),
        (["--top-p", "0"], "top_p expected"),
        (["--length", "-1"], "length expected"),
        (["--count", "0"], "count expected"),
        (["--stop", ""], "stop expected"),
        (["--beam", "-1"], "beam"),
        (["--beam", "3", "--length-penalty", "-1"], "length_penalty"),
        (["--beam", "3", "--stop", "a"], "--stop is of draws, and --beam searches"),
        (["--beam", "3", "--top-k", "2"], "--top-k is of draws, and --beam searches"),
        (["--length-penalty", "1"], "--length-penalty is of the beam: give --beam too"),
        (["--beam", "2", "--count", "3"], "at most as many as --beam, 2, got 3"),
        (["--prompts", "a"], "did you mean --prompt?"),
    ],
)
def test_bad_requests_are_one_sentence(
    generator: Path, flags: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and what was expected."""
    assert main(["generate", str(generator), *flags]) == 2
    error = capsys.readouterr().err
    assert error.startswith("recurra: error: ")
    assert says in error
    assert error.count("\n") == 1


def test_frames_refuse_texts(music: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A prompt of letters, a number beyond the width, a beam."""
    for flags in (["--prompt", "abc"], ["--prompt", "[[99]]"], ["--beam", "3"], ["--stop", "a"]):
        assert main(["generate", str(music), *flags]) == 2
        assert "recurra: error:" in capsys.readouterr().err


def test_another_tasks_bundle_is_refused(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A classifier does not generate."""
    assert main(["generate", str(bundle)]) == 2
    assert "made for the task 'classify'" in capsys.readouterr().err
