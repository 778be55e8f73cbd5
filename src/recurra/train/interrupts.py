"""Ctrl-C as a wish: noticed between two steps, so that no step is left half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Interrupts", "interrupts"]


class Interrupts:
    """Whether Ctrl-C came."""

    def __init__(self) -> None:
        self.came = False


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Note the first Ctrl-C; a second one raises KeyboardInterrupt at once.

    Outside the main thread, where Python delivers no signals, nothing is noted.
    """
    noted = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return

    def handle(_number: int, _frame: FrameType | None) -> None:
        if noted.came:
            raise KeyboardInterrupt
        noted.came = True

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)
