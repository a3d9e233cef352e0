"""The command `rlmodule`: dispatch, and errors without tracebacks."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from rlmodule_algorithms.cli.arguments import Options, TrainOptions, UsageError, parse
from rlmodule_algorithms.cli.exit_codes import FAILED, INTERRUPTED


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0: done, and the target met where there is one; 2: an error; 3: the budget ended before the target was met;
    130: interrupted. With RLMODULE_DEBUG=1 errors keep their traceback.
    """
    try:
        return _run(parse(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("RLMODULE_DEBUG", "0") not in ("", "0") or not _is_expected(error):
            raise
        _print_error(error)
        return FAILED


def _run(options: Options) -> int:
    # Imported here: help and usage errors must not wait for numpy, gymnasium and rich.
    from rich.console import Console

    console = Console(highlight=False, emoji=False)
    if isinstance(options, TrainOptions):
        from rlmodule_algorithms.cli.train import train

        return train(options, console=console)
    from rlmodule_algorithms.cli.evaluate import evaluate

    return evaluate(options, console=console)


def _is_expected(error: Exception) -> bool:
    """Whether the text of the error tells the user what to do, so that a traceback would only be in the way."""
    if isinstance(error, UsageError | OSError):
        return True
    from gymnasium.error import Error as GymnasiumError

    from rlmodule_core import RLModuleError

    return isinstance(error, RLModuleError | GymnasiumError)


def _print_error(error: Exception) -> None:
    from rich.console import Console

    message = " ".join(str(error).split())
    Console(stderr=True, highlight=False, emoji=False).print(
        f"error: {message}", style="red", markup=False, soft_wrap=True
    )
