"""Each line gets its answer before the next is read; a line that is refused changes nothing."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recurra import errors, runtime
from recurra.cli import main
from recurra.cli.stream import answer_stream, observation_of


def streamed(bundle: Path, *lines: str) -> tuple[int, list[dict[str, Any]]]:
    answers = io.StringIO()
    raw = io.BytesIO("".join(f"{line}\n" for line in lines).encode())
    code = answer_stream(runtime.load(bundle), raw, answers)
    return code, [json.loads(line) for line in answers.getvalue().splitlines()]


FRAMES = ["[0.1, 0.2]", '{"left": 0.3, "right": 0.4}', '{"x": [0.5, 0.6], "time": 3}']


def test_every_form_of_an_observation(bundle: Path) -> None:
    code, answers = streamed(bundle, *FRAMES)
    session = runtime.load(bundle).session()
    assert code == 0
    for x, answer in zip([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], answers, strict=True):
        expected = session.feed(x)
        assert answer["probability"] == {"high": expected[0], "low": expected[1]}
        assert answer["prediction"] == ("high", "low")[int(expected.argmax())]


@pytest.fixture(scope="module")
def filling(
    table: Path, roles: list[str], small: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A bundle of a GRU-D."""
    out = tmp_path_factory.mktemp("filling") / "waves"
    arguments = [*roles, *small, "--missing", "decay", "--quiet", "--out", str(out)]
    assert main(["fit", str(table), *arguments]) == 0
    return out


def test_what_was_not_observed_is_null_or_left_out(filling: Path) -> None:
    forms = ("[0.3, null]", '{"left": 0.3}', '{"left": 0.3, "right": null}', "[0.3, NaN]")
    lines = [f'{{"x": {form}, "time": 1}}' for form in forms]
    answers = [streamed(filling, line, '{"x": {}, "time": 9}') for line in lines]
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == 0
    code, refused = streamed(filling, "[0.3, null]", '{"lift": 0.3}')
    assert code == 2
    assert "expected the time of the observation" in refused[0]["error"]
    assert "has the unknown 'lift'" in refused[1]["error"]


@pytest.mark.parametrize(
    "bad",
    [
        "[NaN, 1]",
        "[Infinity, 1]",
        "[1e999, 1]",
        f"[{'9' * 400}, 1]",
        "[1]",
        "[1, 2, 3]",
        '["a", "b"]',
        "{}",
        '{"left": 1}',
        '{"left": 1, "right": 2, "more": 3}',
        '{"x": [1, 2], "times": 3}',
        '{"x": [1, 2], "restart": 1}',
        '{"x": [1, 2], "time": "noon"}',
        f'{{"x": [1, 2], "time": {"9" * 400}}}',
        '{"x": [1, 2], "time": -1, "restart": false}',
        '{"x": [1, null], "restart": true}',
        "nonsense",
        '"text"',
        "7",
        "null",
        "[" * 100_000,
    ],
)
def test_a_bad_line_is_answered_and_changes_nothing(bundle: Path, bad: str) -> None:
    first = '{"x": [0.1, 0.2], "time": 2}'
    _, good = streamed(bundle, first, FRAMES[1])
    code, answers = streamed(bundle, first, bad, FRAMES[1])
    assert code == 2
    assert list(answers[1]) == ["error"]
    assert "\n" not in answers[1]["error"]
    assert [answers[0], answers[2]] == good


def test_restart_begins_a_new_sequence(bundle: Path) -> None:
    _, answers = streamed(bundle, FRAMES[0], FRAMES[1], '{"x": [0.1, 0.2], "restart": true}')
    assert answers[2] == answers[0]
    assert answers[1] != answers[0]


def test_blank_lines_are_passed_over(bundle: Path) -> None:
    assert streamed(bundle, "", FRAMES[0], "  ") == streamed(bundle, FRAMES[0])


def test_bytes_that_are_not_text_are_refused() -> None:
    with pytest.raises(errors.ObservationError, match=r"in UTF-8, .* got \\xff\\xfe\x00\[1\]: "):
        observation_of(b"\xff\xfe\x00[1]\n")
    with pytest.raises(errors.ObservationError, match="a text in double quotes, got Bo slept: "):
        observation_of(b"Bo slept\n")
    with pytest.raises(errors.ObservationError, match="in UTF-8"):
        observation_of("[1]".encode("utf-16"))


def test_a_feature_may_be_called_x() -> None:
    assert observation_of(b'{"x": 1.5, "time": 2}') == ({"x": 1.5, "time": 2}, None, False)


def test_answers_come_before_the_next_line_is_sent(bundle: Path) -> None:
    arguments = ["predict", str(bundle), "--stream"]
    run = f"import sys; from recurra.cli import main; sys.exit(main({arguments!r}))"
    process = subprocess.Popen(
        [sys.executable, "-c", run], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for frame in FRAMES:
        process.stdin.write(frame + "\n")
        process.stdin.flush()
        assert "prediction" in json.loads(process.stdout.readline())
    process.stdin.close()
    assert process.stdout.read() == ""
    process.stdout.close()
    assert process.wait(30) == 0


def test_a_model_that_reads_both_ways_says_why_not(
    table: Path,
    tmp_path: Path,
    roles: list[str],
    small: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = str(tmp_path / "both")
    assert main(["fit", str(table), *roles, *small, "--bidirectional", "--out", out]) == 0
    assert main(["predict", out, "--stream"]) == 2
    assert "backward direction" in capsys.readouterr().err


@pytest.fixture(scope="module")
def with_sets(
    table: Path, roles: list[str], small: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A bundle with sets of classes."""
    out = tmp_path_factory.mktemp("sets") / "waves"
    arguments = [*roles, *small, "--coverage", "0.5", "--quiet", "--out", str(out)]
    assert main(["fit", str(table), *arguments]) == 0
    return out


def test_truths_that_come_later_are_measured(with_sets: Path, bundle: Path) -> None:
    lines = ['{"observe": "high"}', "[0.1, 0.2]", '{"observe": "high"}', '{"observe": "low"}']
    lines += ["[0.3, 0.4]", "[0.5, 0.6]", '{"observe": "low", "step": 1}', '{"observe": "?"}']
    answers = io.StringIO()
    raw = io.BytesIO("\n".join(lines).encode())
    code = answer_stream(runtime.load(with_sets), raw, answers, adapt="tracking", pending=2)
    said = [json.loads(line) for line in answers.getvalue().splitlines()]
    assert code == 2
    held = int("high" in said[1]["set"])
    assert said[2] == {"truths": 1, "held": held, "coverage": float(held)}
    held += "low" in said[4]["set"]
    assert said[6] == {"truths": 2, "held": held, "coverage": held / 2}
    assert ["error" in answer for answer in said] == [True, False, False, True, *[False] * 3, True]
    assert "each answer has one truth" in said[3]["error"]
    _, refused = streamed(bundle, "[0.1, 0.2]", '{"observe": "high"}', '{"observe": "a", "x": 3}')
    assert "trained with coverage" in refused[1]["error"]
    assert "expected observe and step, got 'x'" in refused[2]["error"]
    assert main(["predict", str(bundle), "--stream", "--adapt", "none"]) == 2
    assert main(["predict", str(bundle), "f.csv", "--out", "o.csv", "--pending", "2"]) == 2


def test_a_time_among_the_features_is_shown_where_it_belongs(bundle: Path) -> None:
    code, answers = streamed(bundle, '{"left": 1, "right": 2, "time": 5}', '{"x": {"time": 5}}')
    assert code == 2
    told = "expected time beside x and not in it: "
    assert answers[0]["error"] == told + '{"x": {"left": 1, "right": 2}, "time": 5}'
    assert answers[1]["error"] == told + '{"x": {}, "time": 5}'
    code, _ = streamed(bundle, answers[0]["error"].removeprefix(told))
    assert code == 0
