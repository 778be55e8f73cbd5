"""A bundle is loaded into the model of its task, which has just answered as it did when saved."""

from pathlib import Path
from typing import Any

import pytest

from recurra.errors import BundleError
from recurra.runtime import RowModel, load, write_bundle


def test_the_model_is_that_of_the_task(arguments: dict[str, Any], tmp_path: Path) -> None:
    manifest = write_bundle(tmp_path / "bundle", **arguments)
    model = load(tmp_path / "bundle")
    assert isinstance(model, RowModel)
    assert model.task == arguments["task"]
    assert model.fingerprint == manifest.fingerprint


def test_what_is_no_bundle_is_refused_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="nowhere"):
        load(tmp_path / "nowhere")
