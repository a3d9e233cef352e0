"""How the exams ask for an error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rlmodule_core.testing.compare import require


@contextmanager
def refused(
    error: type[Exception], what: str, *, naming: Sequence[str] = (), one_of: Sequence[str] = ("",)
) -> Iterator[None]:
    """Fail unless the block raises `error` with a text with all words of `naming` and one of `one_of`."""
    __tracebackhide__ = True
    try:
        yield
    except error as raised:
        text = str(raised)
        missing = [word for word in naming if word not in text]
        require(not missing, f"{what}: expected {missing} in the text of the {error.__name__}, got: {text}")
        named = any(word in text for word in one_of)
        require(named, f"{what}: expected one of {one_of} in the text of the {error.__name__}, got: {text}")
    except Exception as other:
        text = f"{what}: expected a {error.__name__}, got a {type(other).__name__}: {other}"
        raise AssertionError(text) from other
    else:
        require(False, f"{what}: expected a {error.__name__}, got no error.")
