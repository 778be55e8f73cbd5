"""Whatever a person does wrong ends in one sentence on standard error and exit code 2."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

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


def test_what_the_system_refuses_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replace_info(monkeypatch, PermissionError(13, "Permission denied", "a/b.csv"))
    assert main(["info"]) == 2
    err = capsys.readouterr().err
    assert err == (
        "recurra: error: a/b.csv: Permission denied: check the place and its permissions\n"
    )


def test_no_command_shows_the_help_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "\n  fit " in capsys.readouterr().err


RUN = "import sys; from recurra.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.mark.skipif(sys.platform == "win32", reason="closes descriptors as shells of Unix do")
@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-"])
def test_a_closed_stream_is_the_null_device(closed: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" --version {closed}', sys.executable, RUN],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_output_that_is_full_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", RUN, "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("recurra: error: cannot write the output: ")
    assert done.stderr.count("\n") == 1


def test_what_the_terminal_cannot_show_is_escaped() -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN, "fit", "ü.csv", "--cell", "猫"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert r"\u732b" in done.stderr


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


def test_a_package_that_is_not_installed_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The extra brings it; a module of nobody's is a defect."""

    def lacking(name: str) -> None:
        def run(arguments: list[str]) -> int:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        monkeypatch.setattr(app, "_run", run)

    lacking("onnxruntime.capi")
    assert main([]) == 2
    assert capsys.readouterr().err == (
        "recurra: error: this needs onnxruntime, which is not installed: "
        'pip install "recurra[onnx]"\n'
    )
    lacking("recurra.nothing")
    with pytest.raises(ModuleNotFoundError):
        main([])
    root = Path(__file__).resolve().parents[2]
    known = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    for package, extra in app.EXTRAS.items():
        brings = " ".join(known["optional-dependencies"][extra])
        assert {"sklearn": "scikit-learn"}.get(package, package) in brings


def test_of_several_processes_one_tells(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first to fail says which one it is; whatever befalls the others is silent."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(app, "first_to_tell", lambda: True)
    assert main(["compare", "x.csv"]) == 2
    assert capsys.readouterr().err == (
        "recurra: error: rank 1 of 2: only recurra fit trains in several processes together, got 2 "
        "processes of recurra compare: start it once, without the launcher\n"
    )

    def broken(arguments: list[str]) -> int:
        raise RuntimeError("another process has gone")

    monkeypatch.setattr(app, "_run", broken)
    with pytest.raises(RuntimeError, match="another process has gone"):
        main(["fit"])
    monkeypatch.setattr(app, "first_to_tell", lambda: False)
    assert main(["fit"]) == 2
    assert capsys.readouterr().err == ""
