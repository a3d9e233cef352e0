"""Which names a module may have."""

from __future__ import annotations

from rlmodule_core import ConfigError

_FORBIDDEN = frozenset('<>:"/\\|?')


def check_module_id(module_id: object) -> str:
    r"""Refuse a name that could not be part of a path or a metric's name.

    Raises:
        ConfigError: the id is no text, is empty, holds one of `<>:"/\|?` or ends in a space or a dot.
    """
    legal = isinstance(module_id, str) and module_id and not _FORBIDDEN & set(module_id)
    if not legal or str(module_id)[-1] in " .":
        raise ConfigError(
            f"{module_id!r} is no legal module id: it must be a non-empty text without any of "
            f"{' '.join(sorted(_FORBIDDEN))} that does not end in a space or a dot."
        )
    return str(module_id)
