"""Which names a module may have."""

from __future__ import annotations

from collections.abc import Collection

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
            f"{' '.join(sorted(_FORBIDDEN))} that does not end in a space or a dot. Rename the module."
        )
    return str(module_id)


def check_module_ids(module_ids: object, *, where: str) -> tuple[str, ...]:
    """The ids of a collection, each once.

    Args:
        module_ids: what should be a collection of ids.
        where: the argument that holds it, for the error text.

    Raises:
        ConfigError: it is a text or no collection at all, or one of the ids is illegal.
    """
    # A text is a collection too: of its letters.
    if isinstance(module_ids, str | bytes) or not isinstance(module_ids, Collection):
        meant = f"[{module_ids!r}]" if isinstance(module_ids, str) else "['red', 'blue']"
        raise ConfigError(f"{where} must be a collection of module ids, got {module_ids!r}. Pass {meant}, for example.")
    return tuple(dict.fromkeys(map(check_module_id, module_ids)))
