"""Where the commands print."""

from __future__ import annotations

import os
import sys

from rich.console import Console


class CommandConsole(Console):
    """Prints to stdout; where a reader such as `head` has gone, the command goes on unseen.

    Rich would end the program, in the middle of a training say.
    """

    def __init__(self) -> None:
        super().__init__(highlight=False, emoji=False)

    def on_broken_pipe(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
