"""The switch of all checks."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Final, Literal

from rlmodule_core.errors import ConfigError


class _Switch:
    __slots__ = ("on",)

    def __init__(self) -> None:
        self.on = True


SWITCH: Final = _Switch()


class _Restore(AbstractContextManager[None]):
    def __init__(self, before: bool) -> None:
        self._before = before

    def __exit__(self, *exc_info: object) -> None:
        SWITCH.on = self._before


def spec_checks(mode: Literal["on", "off"]) -> AbstractContextManager[None]:
    """Switch all spec checks of this process on or off, at once.

    Called plainly the mode stays; `with spec_checks("off"):` restores the mode before it at the end.

    Raises:
        ConfigError: the mode is another.
    """
    if mode not in ("on", "off"):
        raise ConfigError(f"spec_checks takes 'on' or 'off', got {mode!r}.")
    restore = _Restore(SWITCH.on)
    SWITCH.on = mode == "on"
    return restore
