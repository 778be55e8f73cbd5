"""Each setting is one flag with its description; a flag outranks the file, the file the default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from recurra.cli.flags import OFTEN, SectionedCommand, choices_of, settings_flags, settings_from
from recurra.errors import SettingsError
from recurra.spec.cells import ACTIVATIONS
from recurra.spec.settings import SECTIONS, Settings, tasks_of


def parsed(*arguments: str) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    @click.command()
    @settings_flags()
    def command(**flags: Any) -> None:
        seen.update(flags)

    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return seen


@click.command(cls=SectionedCommand)
@click.argument("data")
@click.option("--out", help="Where to.")
@settings_flags()
def every(**flags: Any) -> None:
    """A command with every setting."""


def help_of(command: click.Command, *arguments: str) -> str:
    return " ".join(CliRunner().invoke(command, arguments, terminal_width=300).output.split())


def test_each_setting_is_a_flag_with_its_description() -> None:
    text = help_of(every, "--help-all")
    for section, model in SECTIONS.items():
        assert f"Settings, [{section}]:" in text
        for name, field in model.model_fields.items():
            assert f"--{name.replace('_', '-')} " in text
            assert (field.description or "?") in text
    assert text.index("--out") < text.index("Settings, [data]") < text.index("--cell")
    assert " DATA " not in text[text.index("Options:") :]
    assert "more settings" not in text


def test_the_short_help_shows_what_is_often_chosen_and_the_named_tasks_own() -> None:
    text = help_of(every, "--help")
    shown = [name for name in Settings().flat() if f"--{name.replace('_', '-')} " in text]
    # The last line speaks of a task's own help.
    assert sorted(shown) == sorted(OFTEN)
    assert f"{len(Settings().flat()) - len(OFTEN)} more settings: --help-all" in text
    for arguments in (["--task", "forecast", "--help"], ["--task=forecast", "--help"]):
        text = help_of(every, *arguments)
        assert "Settings of forecast: --horizon" in text
        assert "--class-weight" not in text
        assert "--teacher-forcing" not in text
        for name in Settings().flat():
            if "forecast" in (tasks_of(name) or ()):
                assert f"--{name.replace('_', '-')} " in text
    assert "Settings of" not in help_of(every, "--task", "nonsense", "--help")


def test_a_command_of_few_settings_shows_them_all() -> None:
    @click.command(cls=SectionedCommand)
    @settings_flags("id", "variable", "clip_ratio")
    def command(**flags: Any) -> None: ...

    text = help_of(command, "--help")
    assert all(flag in text for flag in ("--id", "--variable", "--clip-ratio"))
    assert "--help-all" not in text


def test_words_are_read_as_they_were_typed() -> None:
    """Where the system's encoding is not UTF-8, arguments come as escaped bytes."""
    raw = "类别".encode().decode("ascii", "surrogateescape")
    assert parsed("--target", raw)["target"] == "类别"
    assert parsed("--features", f"a,{raw}")["features"] == ("a", "类别")


def test_a_flag_that_is_not_given_is_none() -> None:
    assert set(parsed().values()) == {None}
    assert set(parsed()) == set(Settings().flat())


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        (["--learning-rate", "0.1"], "learning_rate", 0.1),
        (["--bidirectional"], "bidirectional", True),
        (["--no-bias"], "bias", False),
        (["--pool", "max, mean"], "pool", ("max", "mean")),
        (["--features", 'a,"b,c"'], "features", ("a", "b,c")),
        (["--labels", "y.csv"], "labels", Path("y.csv")),
        (["--id", "case"], "id", "case"),
    ],
)
def test_a_flag_gives_its_setting(arguments: list[str], name: str, value: object) -> None:
    assert parsed(*arguments)[name] == value
    assert Settings.from_flat({name: value}).flat()[name] == value


@pytest.mark.parametrize("arguments", [["--cell", "grue"], ["--hidden", "x"], ["--epochs", "1.5"]])
def test_a_value_of_the_wrong_kind_is_a_usage_error(arguments: list[str]) -> None:
    with pytest.raises(click.UsageError) as refused:
        parsed(*arguments)
    assert arguments[0] in refused.value.format_message()


def test_flag_then_file_then_default(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[model]\nhidden = 5\nlayers = 2\n")
    settings = settings_from({"hidden": 7, "cell": None}, file, say=pytest.fail)
    assert (settings.model.hidden, settings.model.layers, settings.model.cell) == (7, 2, "gru")


def test_the_file_of_the_working_folder_is_read_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    assert settings_from({}, None, say=said.append) == Settings()
    assert said == []
    Path("recurra.toml").write_text("[training]\nepochs = 3\n")
    assert settings_from({}, None, say=said.append).training.epochs == 3
    assert len(said) == 1
    assert "recurra.toml" in said[0]


def test_a_value_out_of_range_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match="hidden"):
        settings_from({"hidden": 0}, None, say=pytest.fail)


def test_the_words_of_a_choice() -> None:
    fields = SECTIONS["model"].model_fields
    assert choices_of(fields["cell"].annotation) == ("gru", "lstm", "rnn", "mingru")
    assert choices_of(fields["activation"].annotation) == ACTIVATIONS
    assert choices_of(fields["pool"].annotation) == ("last", "mean", "max")
    assert choices_of(fields["hidden"].annotation) == ()
