"""Commands for the user to copy."""

from __future__ import annotations

import os
import shlex


def command(*parts: object) -> str:
    """The command line, quoted for a shell, as it works in the user's own."""
    # In an environment of hatch the command is not on the path of the user's shell.
    prefix = "hatch run " if "HATCH_ENV_ACTIVE" in os.environ else ""
    return prefix + shlex.join(map(str, parts))
