"""What every training of a comparison has in common: the cases and how they are parted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from recurra.codecs import AbstractCodec, Cases, read_cases, task_of
from recurra.errors import DataError
from recurra.spec.settings import Settings, refuse_foreign, without_unread
from recurra.spec.settings_rules import refuse_unwatched
from recurra.spec.version import __version__
from recurra.tasks import AbstractTask, task_for
from recurra.train.budget import hidden_for, parameter_count
from recurra.train.fit import settled
from recurra.train.rivals import RIVALS, Rival, rival_for

__all__ = ["Files", "Material", "material_of", "read_parts", "read_test", "shared"]


@dataclass(frozen=True)
class Files:
    """Where the cases come from; another process reads them again.

    Args:
        source: The cases to learn from.
        test: The cases to be judged by; None: a share of `source`.
    """

    source: Path
    test: Path | None


@dataclass(frozen=True)
class Material:
    """The same three parts for every cell and every seed.

    Args:
        settings: Those of all trainings; cell, hidden, epochs and seed vary.
        task: As it is learnt: it knows the training part.
        codec: Fitted on the training part.
        train: Learnt from.
        valid: Watched: chooses the best epoch; None: nothing is.
        test: Seen by nothing until a network is finished.
        digests: A hash of each part.
        longest: Steps of the longest sequence, or window, to learn from.
        repeated: How many of the test part are learnt from or watched too.
    """

    settings: Settings
    task: AbstractTask
    codec: AbstractCodec
    train: Cases
    valid: Cases | None
    test: Cases
    digests: dict[str, str]
    longest: int
    repeated: int

    @property
    def metric(self) -> tuple[str, Literal["max", "min"]]:
        """The figure that is compared, and which way it is better: the one that is watched."""
        return self.task.watched(self.settings.training)

    def hidden(self, cell: str, parameters: int) -> int:
        """The units with which such a network has as nearly as possible so many parameters.

        Raises:
            SettingsError: as `budget.hidden_for`.
        """
        rival = self.rival(cell)
        counted = rival.parameters if rival else parameter_count
        model = self.settings_of(cell).model
        return hidden_for(parameters, self.task, model, self.codec, counted=counted)

    def parameters(self, cell: str, hidden: int) -> int:
        """The numbers that such a network learns."""
        rival = self.rival(cell)
        model = self.settings_of(cell).model.model_copy(update={"hidden": hidden})
        graphs = self.task.graphs(model, self.codec)
        return rival.parameters(graphs) if rival else parameter_count(graphs)

    def rival(self, name: str) -> Rival | None:
        """The network of another kind that has this name; None: it is a cell's.

        Raises:
            SettingsError: the task or a setting leaves no place for it.
        """
        if name not in RIVALS:
            return None
        return rival_for(name, self.task, self.settings, self.longest)

    def settings_of(self, name: str) -> Settings:
        """The settings of the trainings of a cell, or of a network of another kind."""
        rival = self.rival(name)
        if rival is not None:
            return rival.settings(self.settings)
        return without_unread(Settings.from_flat({"cell": name}, self.settings), "cell")

    def identity(self) -> dict[str, Any]:
        """What must stay the same for trainings to be compared, by the names a person knows."""
        tree = self.settings.model_dump(mode="json")
        named = {**tree["data"], **tree["model"], **tree["training"]}
        # How often to save changes nothing; these vary within the comparison.
        for name in ("checkpoint_every", "track", "cell", "hidden"):
            del named[name]
        return named | self.digests | {"recurra": __version__}


def material_of(
    cases: Cases, settings: Settings, *, test: Cases | None = None, test_fraction: float = 0.2
) -> Material:
    """Part the cases, once, by the settings' seed.

    Args:
        cases: With targets.
        settings: `valid_fraction` of what is not tested by is watched.
        test: The test part; None: `test_fraction` of the cases, held out as the task holds out.
        test_fraction: In (0, 1).

    Raises:
        DataError: nothing is left to test by or to learn from; a label that training never sees.
        SettingsError: no training would read a setting.
    """
    name = task_of(cases, settings.data)
    chosen = Settings.from_flat(
        # One thread unless told otherwise: no figure then depends on how many run side by side.
        {"task": name, "threads": settings.training.threads or 1},
        settings,
    )
    # What not every cell reads is refused where none does.
    refuse_foreign(without_unread(chosen, "cell"), name)
    chosen = settled(chosen, cases, test)
    task = task_for(name, chosen)
    given = test is not None
    if test is None:
        holding = Settings.from_flat({"valid_fraction": test_fraction}, chosen)
        cases, held = task.parts(cases, holding)
        if held is None:
            raise DataError(
                "expected enough sequences to hold some out to test by, got too few: give more, "
                "a larger test_fraction, or a file of their own with --test",
                path=cases.source,
            )
        test = held
    repeated = shared(cases, test)
    # Sequences that are the same twice in one file are no mistake of whoever names the parts.
    if given and repeated == len(test):
        raise DataError(
            f"every one of the {repeated} sequences to test by is learnt from too, so nothing is "
            "tested: give others, or leave them out and a test_fraction is held out",
            path=test.source,
        )
    train, valid = task.parts(cases, chosen)
    if valid is None:
        refuse_unwatched(chosen.flat(), Settings().flat())
    codec = task.codec(train, chosen)
    encoded = task.encoded(codec, train, chosen, training=True)
    test = codec.arrange(test)
    digests = {"training sequences": encoded.digest()}
    for part, held in (("watched sequences", valid), ("test sequences", test)):
        if held is not None:
            digests[part] = task.encoded(codec, held, chosen, training=False).digest()
    return Material(
        settings=chosen,
        task=task.weighed(encoded, chosen.training),
        codec=codec,
        train=train,
        valid=valid,
        test=test,
        digests=digests,
        longest=int(encoded.lengths.max()),
        repeated=repeated,
    )


def read_parts(files: Files, settings: Settings) -> tuple[Cases, Cases | None]:
    """The cases to learn from and, where they have a file of their own, those to test by.

    Raises:
        DataError: as `codecs.read_cases`.
    """
    cases = read_cases(files.source, settings.data, need_target=True)
    return cases, None if files.test is None else read_test(files.test, cases, settings)


def read_test(source: Any, cases: Cases, settings: Settings) -> Cases:
    """The cases to test by, as those to learn from were read: the same columns and targets.

    Args:
        source: A path, or a data frame.
        cases: Those to learn from.
        settings: As they were read with.

    Raises:
        DataError: as `codecs.read_cases`.
    """
    name = task_of(cases, settings.data)
    named = Settings.from_flat({"task": name}, settings)
    codec = task_for(name, named).codec(cases, settled(named, cases))
    return read_cases(source, named.data, need_target=True, expect=codec)


def shared(cases: Cases, test: Cases) -> int:
    """How many of the cases to test by stand, value for value, among those to learn from."""
    known = set(_digests(cases))
    return sum(digest in known for digest in _digests(test))


def _digests(cases: Cases) -> list[bytes]:
    targets = cases.inputs if cases.targets is None else cases.targets
    return [_digest(x, y) for x, y in zip(cases.inputs, targets, strict=True)]


def _digest(*parts: Any) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        array = isinstance(part, np.ndarray)
        said = f"{part.shape} ".encode() + part.tobytes() if array else repr(part).encode()
        digest.update(said)
    return digest.digest()
