"""Classes by name, without ever importing what a file names."""

from __future__ import annotations

import sys
from typing import Any

from rlmodule_core.errors import CheckpointError


def class_name(cls: type[Any]) -> str:
    """The class as "module:Qualname"."""
    return f"{cls.__module__}:{cls.__qualname__}"


def find_class(name: str, *, argument: str) -> type[Any]:
    """The class of that name, where its module is already imported.

    Args:
        name: "module:Qualname", as `class_name` gives it.
        argument: the argument that lets a caller pass the class instead; for the error text.

    Raises:
        CheckpointError: the module is not imported, the class is not in it, or it lives in `__main__`.
    """
    module, _, qualname = name.partition(":")
    found: Any = None
    # A class of __main__ in the file is that of another program, even where the names agree.
    if module in sys.modules and module != "__main__":
        found = sys.modules[module]
        for part in qualname.split("."):
            # Not getattr: a module's __getattr__ may import.
            found = getattr(found, "__dict__", {}).get(part)
    if not isinstance(found, type):
        importable = module not in ("", "__main__")
        raise CheckpointError(
            f"The checkpoint was written by the class {name}, which is not loaded here. "
            f"{f'Import {module} first, or pass' if importable else 'Pass'} the class as {argument}=. (Nothing that a "
            "checkpoint names is imported by itself.)"
        )
    return found
