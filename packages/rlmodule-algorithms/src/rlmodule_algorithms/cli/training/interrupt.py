"""Ctrl-C and SIGTERM that wait for the end of the iteration."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(BaseException):
    """SIGTERM came a second time: everything ends where it is, like after KeyboardInterrupt."""


@contextmanager
def deferred_signals(on_first: Callable[[int], None]) -> Iterator[None]:
    """Call `on_first` with the number of the first signal; a second one raises where the program is, a third kills.

    Weights that are saved in the middle of an update would be no weights of any iteration.
    """
    # Python delivers signals to the main thread only, and only there a handler may be set.
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def first(number: int, _: FrameType | None) -> None:
        _set_handlers(_end_at_once)
        on_first(number)

    previous = {number: signal.getsignal(number) for number in _SIGNALS}
    _set_handlers(first)
    try:
        yield
    finally:
        for number, handler in previous.items():
            # None stands for a handler that was not set from Python.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _end_at_once(number: int, _: FrameType | None) -> None:
    # Whatever hangs while this is cleaned up shall not outlive a third signal.
    _set_handlers(signal.SIG_DFL)
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated


def _set_handlers(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in _SIGNALS:
        signal.signal(number, handler)
