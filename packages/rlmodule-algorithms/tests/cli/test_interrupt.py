"""Ctrl-C waits for the end of the iteration, unless it is pressed again."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from rlmodule_algorithms.cli.interrupt import deferred_interrupt


def test_the_first_ctrl_c_is_only_told() -> None:
    told = []
    with deferred_interrupt(lambda: told.append("stop")):
        signal.raise_signal(signal.SIGINT)
        told.append("went on")
    assert told == ["stop", "went on"]


def test_the_second_ctrl_c_interrupts_where_the_program_is() -> None:
    with deferred_interrupt(lambda: None):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_the_handler_from_before_is_back_afterwards() -> None:
    before = signal.getsignal(signal.SIGINT)
    with deferred_interrupt(lambda: None):
        assert signal.getsignal(signal.SIGINT) is not before
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_outside_the_main_thread_it_leaves_signals_alone() -> None:
    def enter() -> object:
        with deferred_interrupt(lambda: None):
            return signal.getsignal(signal.SIGINT)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(enter).result() is signal.getsignal(signal.SIGINT)
