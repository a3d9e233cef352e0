"""The command `rlmodule`: dispatch, and errors without tracebacks."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from rlmodule_algorithms.cli.arguments import UsageError, parse
from rlmodule_algorithms.cli.exit_codes import FAILED, after_signal
from rlmodule_algorithms.cli.options import (
    DoctorOptions,
    EvaluateOptions,
    InspectOptions,
    ListOptions,
    Options,
    TrainOptions,
)
from rlmodule_algorithms.cli.training.interrupt import Terminated


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0: done, and the target met where there is one; 2: an error; 3: the budget ended before the target was met;
    130: interrupted; 143: terminated. With RLMODULE_DEBUG=1 errors keep their traceback.
    """
    try:
        return _run(parse(sys.argv[1:] if argv is None else argv))
    except (KeyboardInterrupt, Terminated) as ended:
        _print_notes(ended)
        return after_signal(signal.SIGTERM if isinstance(ended, Terminated) else signal.SIGINT)
    except Exception as error:
        if os.environ.get("RLMODULE_DEBUG", "0") not in ("", "0") or not _is_expected(error):
            raise
        _print_error(error)
        return FAILED


def _run(options: Options) -> int:
    # Imported here: help and usage errors must not wait for numpy, gymnasium and rich.
    from rlmodule_algorithms.cli.console import CommandConsole

    console = CommandConsole()
    match options:
        case TrainOptions():
            from rlmodule_algorithms.cli.training.train import train

            return train(options, console=console)
        case EvaluateOptions():
            from rlmodule_algorithms.cli.evaluate import evaluate

            return evaluate(options, console=console)
        case InspectOptions():
            from rlmodule_algorithms.cli.inspecting.inspection import inspect

            return inspect(options, console=console)
        case ListOptions():
            from rlmodule_algorithms.cli.installed.listing import list_installed

            return list_installed(options, console=console)
        case DoctorOptions():
            from rlmodule_algorithms.cli.installed.doctor import examine

            return examine(console=console)


def _is_expected(error: Exception) -> bool:
    """Whether the text of the error tells the user what to do, so that a traceback would only be in the way."""
    # Too large a network or too many environments: the text says how much was asked for.
    if isinstance(error, UsageError | OSError | MemoryError):
        return True
    from gymnasium.error import Error as GymnasiumError

    from rlmodule_core import RLModuleError

    return isinstance(error, RLModuleError | GymnasiumError)


def _print_error(error: Exception) -> None:
    from rich.console import Console

    message = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        message = f"The memory does not suffice: {message}. Use a smaller network, batch or number of environments."
    Console(stderr=True, highlight=False, emoji=False).print(
        f"error: {message}", style="red", markup=False, soft_wrap=True
    )
    _print_notes(error)


def _print_notes(error: BaseException) -> None:
    for note in getattr(error, "__notes__", ()):
        print(note, file=sys.stderr)
