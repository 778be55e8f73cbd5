"""Every setting as a command-line flag, generated from `spec/settings.py`.

A setting's flag is its name with dashes; its description and default are the flag's help. Where a
value comes from: the flag, else the TOML file, else the default.
"""

from __future__ import annotations

import csv
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import click
from pydantic.fields import FieldInfo

from recurra.cli.printed import as_given
from recurra.spec.settings import SECTIONS, DataSettings, Settings, tasks_of

__all__ = [
    "DEFAULT_CONFIG",
    "OFTEN",
    "SectionedCommand",
    "choices_of",
    "settings_flags",
    "settings_from",
]

# The settings that people choose most, which the short help shows.
OFTEN = (
    *("task", "id", "time", "target", "features", "text", "labels", "encoding", "missing"),
    *("cell", "hidden", "layers", "bidirectional", "embedding", "dropout"),
    *("epochs", "batch_size", "optimiser", "learning_rate", "schedule", "clip_norm"),
    *("class_weight", "valid_fraction", "watch", "patience", "seed", "threads"),
)
# Read from the working directory when no --config is given; the command says so.
DEFAULT_CONFIG = Path("recurra.toml")

F = TypeVar("F", bound=Callable[..., Any])


def _comma_list(value: str) -> tuple[str, ...]:
    """Words between commas; a word that holds a comma stands in double quotes."""
    return tuple(next(csv.reader([as_given(value)], skipinitialspace=True), ()))


class SettingOption(click.Option):
    """A flag that stands for one setting; `section` is the table that it belongs to."""

    def __init__(self, name: str, section: str, field: FieldInfo) -> None:
        flag = "--" + name.replace("_", "-")
        kind = _required(field.annotation)
        help_text = (field.description or "") + _range(field) + _default(field)
        if kind is bool:
            super().__init__([f"{flag}/--no-{flag[2:]}"], default=None, help=help_text)
        else:
            metavar = "A,B" if get_origin(kind) is tuple else "TEXT" if kind is str else None
            super().__init__(
                [flag], default=None, type=_click_type(kind), metavar=metavar, help=help_text
            )
        self.setting, self.section = name, section


class SectionedCommand(click.Command):
    """A command whose help lists the settings under their sections.

    Where there are many, `--help` shows those that are often chosen and, after `--task NAME`, that
    task's own; `--help-all` shows every one.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        if self._has_many():
            self.params.append(
                click.Option(
                    ["--help-all"],
                    is_flag=True,
                    is_eager=True,
                    expose_value=False,
                    callback=_show_all,
                    help="Show every setting and exit.",
                )
            )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep what was typed: help comes before any flag is read, and speaks of its task."""
        ctx.meta[_TYPED] = list(args)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options first, then a block a section."""
        task, chosen = _task_typed(ctx.meta.get(_TYPED, [])), self._chosen(ctx)
        groups: dict[str, list[tuple[str, str]]] = {"Options": []}
        groups |= {f"Settings, [{section}]": [] for section in SECTIONS}
        groups |= {f"Settings of {task}": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None or isinstance(parameter, click.Argument):
                continue
            if not isinstance(parameter, SettingOption):
                groups["Options"].append(record)
            elif parameter.setting in chosen and _understood(parameter.setting, task):
                groups[f"Settings, [{parameter.section}]"].append(record)
            elif task is not None and task in (tasks_of(parameter.setting) or ()):
                groups[f"Settings of {task}"].append(record)
        for title, records in groups.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
        left = len(self._settings()) - sum(map(len, groups.values())) + len(groups["Options"])
        if left:
            named = "" if task else "; those of one task: --task forecast --help"
            formatter.write_paragraph()
            formatter.write_text(f"{left} more settings: --help-all{named}")

    def _settings(self) -> list[str]:
        return [p.setting for p in self.params if isinstance(p, SettingOption)]

    def _has_many(self) -> bool:
        return len(self._settings()) > _MANY

    def _chosen(self, ctx: click.Context) -> Collection[str]:
        return OFTEN if self._has_many() and not ctx.meta.get(_ALL) else self._settings()


# Keys of a context's meta.
_TYPED, _ALL = "recurra.typed", "recurra.all"
# More settings than this are not taken in at a glance.
_MANY = 24


def _show_all(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        ctx.meta[_ALL] = True
        click.echo(ctx.get_help())
        ctx.exit()


def _understood(setting: str, task: str | None) -> bool:
    tasks = tasks_of(setting)
    return task is None or tasks is None or task in tasks


def _task_typed(typed: Sequence[str]) -> str | None:
    """The task that a command line names, if any."""
    found = None
    for k, word in enumerate(typed):
        if word == "--task" and k + 1 < len(typed):
            found = typed[k + 1]
        elif word.startswith("--task="):
            found = word.removeprefix("--task=")
    return found if found in choices_of(DataSettings.model_fields["task"].annotation) else None


def settings_flags(*names: str) -> Callable[[F], F]:
    """A decorator that gives a command one flag for each of these settings (none named: all)."""
    options = [
        SettingOption(name, section, field)
        for section, model in SECTIONS.items()
        for name, field in model.model_fields.items()
        if not names or name in names
    ]

    def decorate(function: F) -> F:
        parameters = getattr(function, "__click_params__", [])
        # click keeps them in reverse, since decorators apply from the innermost outwards.
        function.__click_params__ = [*reversed(options), *parameters]  # type: ignore[attr-defined]  # click's own attribute
        return function

    return decorate


def settings_from(
    flags: Mapping[str, Any], config: Path | None, *, say: Callable[[str], None]
) -> Settings:
    """The settings that a command runs with.

    Args:
        flags: Setting -> value, None where the flag was not given.
        config: The file named by --config; None: `recurra.toml` of this folder where there is one.
        say: Told which file was read when it was not named.

    Raises:
        SettingsError: the file cannot be read, or a value is unknown or out of range.
    """
    if config is None and DEFAULT_CONFIG.is_file():
        config = DEFAULT_CONFIG
        say(f"settings from {DEFAULT_CONFIG} (flags take precedence)")
    base = Settings() if config is None else Settings.from_toml(config)
    given = {name: value for name, value in flags.items() if value is not None}
    return Settings.from_flat(given, base)


def choices_of(annotation: Any) -> tuple[str, ...]:
    """The words that a setting may take, empty where it is free."""
    kind = _required(annotation)
    if get_origin(kind) is Literal:
        return tuple(map(str, get_args(kind)))
    return choices_of(get_args(kind)[0]) if get_origin(kind) is tuple else ()


def _required(annotation: Any) -> Any:
    """The annotation without its None."""
    if get_origin(annotation) in (Union, types.UnionType):
        (annotation,) = (part for part in get_args(annotation) if part is not type(None))
    return annotation


def _click_type(kind: Any) -> Any:
    if get_origin(kind) is tuple:
        return _comma_list
    if get_origin(kind) is Literal:
        return click.Choice(get_args(kind))
    if kind is Path:
        return click.Path(path_type=Path)
    return as_given if kind is str else kind


def _range(field: FieldInfo) -> str:
    signs = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    bounds = [
        f"{words} {getattr(limit, name)}"
        for limit in field.metadata
        for name, words in signs.items()
        if hasattr(limit, name)
    ]
    choices = choices_of(field.annotation)
    if choices and get_origin(_required(field.annotation)) is tuple:
        bounds.append(f"of {', '.join(choices)}")
    return f" ({', '.join(bounds)})" if bounds else ""


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value == ():
        return ""
    if isinstance(value, bool):
        value = "yes" if value else "no"
    return f" [default: {','.join(map(str, value)) if isinstance(value, tuple) else value}]"
