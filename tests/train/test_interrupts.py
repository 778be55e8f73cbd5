"""The first Ctrl-C is noted, the second raises, and the caller's handler comes back."""

import signal
import threading

import pytest

from recurra.train.interrupts import interrupts


def test_the_first_is_noted_the_second_raises() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interrupts() as noted:
        assert not noted.came
        signal.raise_signal(signal.SIGINT)
        assert noted.came
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_installs_nothing() -> None:
    handlers = []

    def work() -> None:
        with interrupts() as noted:
            handlers.append((signal.getsignal(signal.SIGINT), noted.came))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [(before, False)]
