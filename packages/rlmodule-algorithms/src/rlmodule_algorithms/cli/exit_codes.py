"""What the shell sees."""

from __future__ import annotations

DONE = 0
FAILED = 2
TARGET_MISSED = 3


def after_signal(number: int) -> int:
    """What shells report of a program that a signal ended: 130 after SIGINT, 143 after SIGTERM."""
    return 128 + number
