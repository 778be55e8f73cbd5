"""`python -m recurra`: the command, for launchers that start a module in several processes."""

from __future__ import annotations

from recurra.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
