"""What the shell sees."""

from __future__ import annotations

DONE = 0
FAILED = 2
TARGET_MISSED = 3
INTERRUPTED = 130
