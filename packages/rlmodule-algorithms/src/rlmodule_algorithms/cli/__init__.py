"""The command line: `rlmodule train` and `rlmodule evaluate`."""

from rlmodule_algorithms.cli.entry import main

__all__ = ["main"]
