"""`recurra fit BUNDLE MORE --continue`: a bundle goes on learning, and can be rolled back."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recurra.errors import OutputError, SettingsError
from recurra.spec.settings import ModelSettings, Settings

if TYPE_CHECKING:
    from recurra.train.fit import Fitted
    from recurra.train.progress import Progress

__all__ = ["before", "continue_bundle", "refuse_network", "roll_back"]


def before(bundle: Path) -> Path:
    """Where the bundle that was replaced stands."""
    return bundle.with_name(f"{bundle.name}.before")


def refuse_network(flags: Mapping[str, Any]) -> None:
    """Refuse flags that would change the network, which stays as it is (SettingsError)."""
    given = [n for n in ModelSettings.model_fields if flags.get(n) is not None]
    if given:
        raise SettingsError(
            f"--continue keeps the bundle's network, so {given[0]} cannot be chosen: leave it out, "
            "or train a new bundle"
        )


def continue_bundle(
    bundle: Path,
    data: Path,
    settings: Settings,
    *,
    valid: Path | None,
    out: Path | None,
    progress: Progress,
) -> Fitted:
    """Train the model of `bundle` on `data` and replace it, unless nothing became better.

    Args:
        bundle: Is kept as BUNDLE.before where it is replaced.
        data: More sequences, of the same columns, features and labels.
        settings: How to learn; the network stays.
        valid: Held-out sequences; None: the last `valid_fraction` of `data`.
        out: Folder of the new bundle, new or empty; None: the bundle's own.
        progress: Told of every step.

    Returns:
        The training; `best_epoch` is 0 where the bundle was no worse and was kept.

    Raises:
        BundleError, DataError, OutputError, TrainingError: as reading and training do; the bundle
            is as it was.
    """
    from recurra import runtime
    from recurra.codecs import read_cases
    from recurra.spec.disk import require_new_folder
    from recurra.train.fit import fit_cases

    _settled(bundle)
    model = runtime.load(bundle)
    tail = runtime.read_bundle(bundle).tail
    if out is not None:
        require_new_folder(out)

    def read(path: Path) -> Any:
        return read_cases(path, settings.data, need_target=True, expect=model.codec)

    fitted = fit_cases(
        read(data),
        settings,
        valid=None if valid is None else read(valid),
        base=model.parts,
        tail=tail,
        progress=progress,
    )
    if fitted.best_epoch == 0:
        return fitted
    if out is not None:
        fitted.export(out)
        return fitted
    if runtime.read_bundle(bundle).manifest.fingerprint != model.fingerprint:
        raise OutputError(
            f"{bundle} was replaced by another training meanwhile, which stays: run the command "
            "again to go on from it, or give this one a folder of its own with --out"
        )
    _keep(bundle)
    fitted.export(bundle, force=True)
    return fitted


def roll_back(bundle: Path) -> None:
    """Put the bundle that was replaced back, and the newer one where that stood.

    Raises:
        BundleError: what was replaced is not there any more, or damaged.
        OutputError: the folders cannot be renamed.
    """
    from recurra import runtime

    former = before(bundle)
    if _settled(bundle):
        return
    runtime.load(former)
    try:
        if bundle.exists():
            bundle.rename(_aside(bundle))
        else:
            former.rename(bundle)
    except OSError as error:
        raise _stuck(bundle, error) from None
    _settled(bundle)


def _aside(bundle: Path) -> Path:
    return bundle.with_name(f"{bundle.name}.aside")


def _settled(bundle: Path) -> bool:
    """Do what is left of a roll back that was killed between two renames; whether there was one."""
    aside, former = _aside(bundle), before(bundle)
    if not aside.exists():
        return False
    try:
        if not bundle.exists():
            former.rename(bundle)
        aside.rename(former)
    except OSError as error:
        raise _stuck(bundle, error) from None
    return True


def _stuck(bundle: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{bundle} cannot be rolled back: {error.strerror}; the former bundle is {before(bundle)}, "
        f"and {_aside(bundle)}, where it exists, the newer one"
    )


def _keep(bundle: Path) -> None:
    """Copy the bundle to where it can be rolled back to; whole, or not at all."""
    former, fresh = before(bundle), bundle.with_name(f"{bundle.name}.copy")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(bundle, fresh)
        if former.exists():
            shutil.rmtree(former)
        fresh.rename(former)
    except OSError as error:
        raise OutputError(
            f"{former} cannot be written: {error.strerror}; {bundle} is as it was"
        ) from None
