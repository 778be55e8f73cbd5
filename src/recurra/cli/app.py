"""The command's entry: which commands there are, and what becomes of an error.

Exit codes: 0 done; 2 the input, the settings, the files or the system are at fault (one sentence on
standard error); 130 stopped by Ctrl-C; 141 whoever read the output went away. Any other exception
that recurra does not raise on purpose is a defect and shows its traceback.
"""

from __future__ import annotations

import difflib
import io
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

from recurra import __version__
from recurra.errors import RecurraError, SettingsError
from recurra.train.processes import first_to_tell, rank, size

__all__ = ["BROKEN_PIPE", "EXTRAS", "INTERRUPTED", "main"]

REFUSED = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells report it
BROKEN_PIPE = 141  # 128 + SIGPIPE

# Name -> (module that holds `command`, its line in the list of commands).
COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "init": ("recurra.cli.init", "Look at a file and write an annotated recurra.toml."),
        "fit": ("recurra.cli.fit", "Train a network on a file of sequences."),
        "compare": (
            "recurra.cli.compare",
            "Say which cell is best on a file, and if it really is.",
        ),
        "tune": ("recurra.cli.tune", "Search settings that suit a file."),
        "find-lr": ("recurra.cli.find_lr", "Say which learning rate suits a file."),
        "doctor": ("recurra.cli.doctor", "Say what is wrong with a training, and what to try."),
        "evaluate": ("recurra.cli.evaluate", "Measure a bundle on a file that has the answers."),
        "predict": ("recurra.cli.predict", "Answer for a file, or for a stream of observations."),
        "generate": ("recurra.cli.generate", "Continue a text, or frames, with a bundle."),
        "attention": ("recurra.cli.attention", "Tell which symbols of a source are looked at."),
        "export": ("recurra.cli.export", "Write a bundle's network as an ONNX model."),
        "import": ("recurra.cli.import_", "Bring recurrent layers from an ONNX or Keras file."),
        "info": ("recurra.cli.info", "Tell what is installed, or what a bundle holds."),
    }
)


# Package, as it is imported -> the extra that brings it.
EXTRAS: Mapping[str, str] = MappingProxyType(
    {
        "torch": "train",
        "accelerate": "train",
        "sklearn": "train",
        "scipy": "train",
        "tokenizers": "train",
        "onnx": "onnx",
        "onnxruntime": "onnx",
        "keras": "keras",
        "h5py": "keras",
        "matplotlib": "demo",
        "optuna": "tune",
        "tensorboard": "tensorboard",
    }
)


class _Commands(click.Group):
    """The commands, each imported when it is called and not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        command = import_module(COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(
                f"unknown command {args[0]!r}; did you mean {_nearest(args[0], COMMANDS)!r}?", ctx
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Each command says more: recurra fit --help.",
)
@click.version_option(__version__, prog_name="recurra")
def recurra() -> None:
    """Train, compare and deploy gated recurrent networks on your own sequences."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give the exit code.

    Args:
        arguments: What follows the command's name; None: the process' own.
    """
    _open_streams()
    try:
        code = _run(sys.argv[1:] if arguments is None else list(arguments))
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        return BROKEN_PIPE
    except (click.Abort, KeyboardInterrupt):
        return _complain("stopped", INTERRUPTED)
    except click.NoSuchOption as error:
        return _complain(_unknown_flag(error))
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return REFUSED
    except click.ClickException as error:
        return _complain(error.format_message())
    except RecurraError as error:
        return _complain(str(error))
    except OSError as error:
        if error.filename is None:
            _drop_output()
        where = "cannot write the output" if error.filename is None else str(error.filename)
        return _complain(f"{where}: {error.strerror or error}: check the place and its permissions")
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        return _complain(
            f"this needs {package}, which is not installed: "
            f'pip install "recurra[{EXTRAS[package]}]"'
        )
    except Exception:
        if first_to_tell():
            raise
        return REFUSED
    return code


def _open_streams() -> None:
    """A standard stream that was closed is the null device; what cannot be encoded is escaped."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            null = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - the process' own
            setattr(sys, name, null)
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """Let what is still to be written go nowhere: the interpreter flushes once more as it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _run(arguments: list[str]) -> int:
    # Not click's own main: it answers a broken pipe and Ctrl-C in its way before we see them.
    if size() > 1 and arguments[:1] != ["fit"]:
        raise SettingsError(
            f"only recurra fit trains in several processes together, got {size()} processes of "
            f"recurra {' '.join(arguments[:1])}: start it once, without the launcher"
        )
    try:
        with recurra.make_context("recurra", arguments) as ctx:
            code = recurra.invoke(ctx)
    except click.exceptions.Exit as done:
        return done.exit_code
    return code if isinstance(code, int) else 0


def _complain(message: Any, code: int = REFUSED) -> int:
    sentence = " ".join(str(message).split())
    # Of several processes that train together one says why all of them end.
    if first_to_tell():
        where = f"rank {rank()} of {size()}: " if rank() else ""
        print(f"recurra: {'error: ' if code == REFUSED else ''}{where}{sentence}", file=sys.stderr)
    return code


def _unknown_flag(error: click.NoSuchOption) -> str:
    flags = [
        flag
        for parameter in (error.ctx.command.params if error.ctx else [])
        if isinstance(parameter, click.Option)
        for flag in (*parameter.opts, *parameter.secondary_opts)
    ]
    near = f"; did you mean {_nearest(error.option_name, flags)}?" if flags else ""
    if error.ctx and _is_setting(error.option_name) and not _is_near(error.option_name, flags):
        near = f"; recurra fit takes it, recurra {error.ctx.info_name} does not: leave it out"
    return f"unknown flag {error.option_name}{near}"


def _is_setting(flag: str) -> bool:
    from recurra.spec.settings import SECTIONS

    name = flag.removeprefix("--").replace("-", "_")
    return any(name in section.model_fields for section in SECTIONS.values())


def _is_near(name: str, known: Sequence[str]) -> bool:
    """Whether a slip of the finger may have made one of the other."""
    return bool(difflib.get_close_matches(name, known, n=1, cutoff=0.8))


def _nearest(name: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    return difflib.get_close_matches(name, list(known), n=1, cutoff=0)[0]
