"""Whatever a person does wrong ends in one sentence on standard error and exit code 2."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from recurra.cli import app, main
from recurra.errors import DataError


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fot"], "unknown command 'fot'; did you mean 'fit'?"),
        (
            ["fit", "--lerning-rate", "1"],
            "unknown flag --lerning-rate; did you mean --learning-rate?",
        ),
        (["fit", "x.csv", "--cell", "grue"], "'grue' is not one of 'gru', 'lstm', 'rnn'"),
        (["fit"], "Missing argument 'DATA'"),
    ],
)
def test_wrong_usage(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("recurra: error: ")
    assert sentence in err
    assert err.count("\n") == 1


def replace_info(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    @click.command()
    def command() -> None:
        raise error

    monkeypatch.setattr("recurra.cli.info.command", command)


def test_an_error_of_ours_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replace_info(monkeypatch, DataError("expected this,\n  got that", path="a.csv", line=3))
    assert main(["info"]) == 2
    assert capsys.readouterr().err == "recurra: error: a.csv, line 3: expected this, got that\n"


def test_any_other_error_is_a_defect_and_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_info(monkeypatch, ZeroDivisionError("a defect"))
    with pytest.raises(ZeroDivisionError):
        main(["info"])


def test_interruption_has_its_own_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replace_info(monkeypatch, KeyboardInterrupt())
    assert main(["info"]) == app.INTERRUPTED
    assert "Traceback" not in capsys.readouterr().err


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for name in app.COMMANDS:
        assert f"\n  {name} " in text


def test_a_reader_that_goes_away_leaves_no_noise() -> None:
    run = "import sys; from recurra.cli import main; sys.exit(main(['--help']))"
    process = subprocess.Popen(
        [sys.executable, "-c", run], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(30) in (0, app.BROKEN_PIPE)


def test_help_loads_nothing_heavy() -> None:
    run = (
        "import sys; from recurra.cli import main; main(['--help']);"
        "heavy = {'torch', 'polars', 'numpy', 'sklearn', 'pydantic', 'rich'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
