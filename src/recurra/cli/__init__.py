"""The `recurra` command: one small file a command, nothing heavy imported before it is needed."""

from __future__ import annotations

from recurra.cli.app import main

__all__ = ["main"]
