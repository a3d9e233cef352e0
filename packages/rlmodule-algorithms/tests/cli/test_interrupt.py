"""Ctrl-C and SIGTERM wait for the end of the iteration, unless a second one comes."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from rlmodule_algorithms.cli.training.interrupt import Terminated, deferred_signals

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
ENDS = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}


@BOTH
def test_the_first_signal_is_only_told(number: signal.Signals) -> None:
    told: list[object] = []
    with deferred_signals(told.append):
        signal.raise_signal(number)
        told.append("went on")
    assert told == [number, "went on"]


@BOTH
@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_ends_where_the_program_is(number: signal.Signals, second: signal.Signals) -> None:
    told: list[int] = []
    with deferred_signals(told.append):
        signal.raise_signal(number)
        with pytest.raises(ENDS[second]):
            signal.raise_signal(second)
        assert signal.getsignal(number) is signal.SIG_DFL, "a third one would kill"
    assert told == [number]


@BOTH
def test_the_handlers_from_before_are_back_afterwards(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with deferred_signals(lambda _: None):
        assert signal.getsignal(number) is not before
        signal.raise_signal(number)
    assert signal.getsignal(number) is before


def test_outside_the_main_thread_it_leaves_signals_alone() -> None:
    def enter() -> object:
        with deferred_signals(lambda _: None):
            return signal.getsignal(signal.SIGINT)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(enter).result() is signal.getsignal(signal.SIGINT)
