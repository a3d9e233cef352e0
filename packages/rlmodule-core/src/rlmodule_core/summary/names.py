"""Keys in words."""

from __future__ import annotations

from collections.abc import Iterable

from rlmodule_core.plans import escape_key, join_name


def dotted(path: Iterable[object]) -> str:
    """Keys joined as in the names of weights, so that no two paths look alike; what cannot be printed is escaped."""
    return printable(join_name(*(escape_key(str(key)) for key in path)))


def printable(text: str) -> str:
    """The text on one line, with an escape for each character that cannot be printed."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
