"""Which of a question's cases an error came from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def examining(case: str) -> Iterator[None]:
    """Note the case on any error that leaves the block: the examinee's own errors do not know it."""
    __tracebackhide__ = True
    try:
        yield
    except Exception as error:
        error.add_note(f"Examined: {case}")
        raise
