"""The package has one version: in its code, at its top and in the build's settings."""

import tomllib
from pathlib import Path

import recurra
from recurra.spec.version import __version__

ROOT = Path(__file__).resolve().parents[2]


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == __version__
    assert recurra.__version__ == __version__
