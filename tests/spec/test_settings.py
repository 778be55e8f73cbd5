"""Settings have one name each, are checked where they come in, and say the nearest name."""

from pathlib import Path
from typing import Any, get_args

import pytest

from recurra.errors import SettingsError
from recurra.spec.cells import ACTIVATIONS, CELLS, RESETS
from recurra.spec.settings import SECTIONS, DataSettings, Settings, section_of


def test_leaf_names_are_unique_over_all_sections() -> None:
    names = [name for model in SECTIONS.values() for name in model.model_fields]
    assert len(names) == len(set(names))
    assert set(Settings().flat()) == set(names)
    assert not set(names) & set(SECTIONS)


def test_every_setting_has_its_help_and_a_default() -> None:
    for model in SECTIONS.values():
        for name, field in model.model_fields.items():
            assert field.description, name
            assert not field.is_required(), name


def test_flat_and_back_is_the_same() -> None:
    chosen = Settings.from_flat({"cell": "lstm", "hidden": 3, "features": ["a"], "seed": 5})
    assert Settings.from_flat(chosen.flat()) == chosen
    assert Settings.from_tree(chosen.model_dump()) == chosen
    assert Settings.from_flat({}, chosen) == chosen
    assert Settings.from_flat({"hidden": 4}, chosen).model.cell == "lstm"
    assert chosen.data.features == ("a",)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().model.hidden = 3


def test_the_words_are_those_of_the_cells() -> None:
    for activation in ACTIVATIONS:
        assert Settings.from_flat({"activation": activation}).model.activation == activation
    for cell in CELLS:
        assert Settings.from_flat({"cell": cell}).model.cell == cell
    assert get_args(SECTIONS["model"].model_fields["cell"].annotation) == tuple(CELLS)
    for reset in RESETS:
        assert Settings.from_flat({"reset": reset}).model.reset == reset


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"hiden": 3}, "unknown setting 'hiden'; did you mean 'hidden'"),
        ({"learning-rate": 3}, "did you mean 'learning_rate'"),
        ({"hidden": 0}, "hidden: Input should be greater than or equal to 1, got 0"),
        ({"hidden": "many"}, "hidden: .* got 'many'"),
        ({"hidden": None}, "hidden: .* got None"),
        ({"cell": "gruu"}, "cell: Input should be 'gru', 'lstm', 'rnn' or 'mingru', got 'gruu'"),
        ({"dropout": 1.0}, "dropout: .* less than 1"),
        ({"dropout": float("nan")}, "dropout: "),
        ({"learning_rate": 0}, "learning_rate: .* greater than 0"),
        ({"seed": 2**32}, "seed: "),
        ({"pool": []}, "pool: "),
        ({"pool": ["last", "first"]}, r"pool\.1: .* got 'first'"),
    ],
)
def test_wrong_values_are_named(values: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Settings.from_flat(values)


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ([], "settings are a table of sections, got list"),
        ({"modell": {}}, "unknown section 'modell'; did you mean 'model'"),
        ({"hidden": 3}, r"setting 'hidden' belongs in \[model\]"),
        ({"model": {"pool": "last"}}, r"pool: expected a list such as .* got 'last'"),
        ({"data": {"labels": 3}}, "labels: expected the path of a file as text, got 3"),
        ({"model": 3}, r"\[model\] must be a table, got 3"),
        ({"model": {"seed": 1}}, r"setting 'seed' belongs in \[training\]"),
        ({"model": {"hiden": 1}}, "did you mean 'hidden'"),
    ],
)
def test_wrong_trees_are_named(tree: Any, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Settings.from_tree(tree)


def test_a_toml_file_is_read_or_named(tmp_path: Path) -> None:
    path = tmp_path / "recurra.toml"
    path.write_text('[model]\ncell = "rnn"\n[data]\nlabels = "labels.csv"\n')
    read = Settings.from_toml(path)
    assert read.model.cell == "rnn"
    assert read.data.labels == Path("labels.csv")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert Settings.from_toml(path) == read
    for content, words in (
        (b"[model", "Expected"),
        (b"\xff", "save the file as UTF-8"),
        (b"[model]\nhiden = 3", "did you mean 'hidden'"),
        (b"[model]\nhidden = 0", "greater than or equal to 1"),
    ):
        path.write_bytes(content)
        with pytest.raises(SettingsError, match=words) as caught:
            Settings.from_toml(path)
        assert str(path) in str(caught.value)
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        Settings.from_toml(tmp_path / "missing.toml")


def test_the_section_of_a_name() -> None:
    assert section_of("hidden") == "model"
    with pytest.raises(SettingsError, match="did you mean 'epochs'"):
        section_of("epoch")


def test_wrong_values_are_refused_by_a_section_too() -> None:
    with pytest.raises(ValueError, match="min_count"):
        DataSettings(min_count=0)


@pytest.mark.parametrize("name", ["batch_size", "learning_rate", "coverage", "segment"])
@pytest.mark.parametrize("value", [True, False])
def test_yes_and_no_are_no_numbers(name: str, value: bool) -> None:
    with pytest.raises(SettingsError, match=f"{name}: expected a number, got {value}"):
        Settings.from_flat({name: value})
