from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rlmodule_core.errors import ConfigError, SpecCheckingError
from rlmodule_core.specs import compile_check, spec_checks

CHECK = compile_check(["obs"], where="here")


@pytest.fixture(autouse=True)
def _checks_are_on_afterwards() -> Iterator[None]:
    with spec_checks("on"):
        yield


def is_on() -> bool:
    try:
        CHECK({})
    except SpecCheckingError:
        return True
    return False


def test_checks_can_be_switched_off_and_on_for_good() -> None:
    assert is_on()
    spec_checks("off")
    assert not is_on()
    spec_checks("on")
    assert is_on()


def test_a_block_restores_what_was_before_it() -> None:
    with spec_checks("off"):
        assert not is_on()
        with spec_checks("on"):
            assert is_on()
        assert not is_on()
    assert is_on()


def test_a_block_restores_after_an_error_too() -> None:
    with pytest.raises(KeyError), spec_checks("off"):
        raise KeyError
    assert is_on()


@pytest.mark.parametrize("mode", ["Off", "", None, False])
def test_another_mode_is_refused_and_changes_nothing(mode: Any) -> None:
    with pytest.raises(ConfigError, match=f"'on' or 'off', got {mode!r}"):
        spec_checks(mode)
    assert is_on()
