"""Functions of the user's own that training calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rlmodule_core import ConfigError

Callback = Callable[..., object]
Callbacks = Callback | Sequence[Callback] | None
"""One function, several in the order in which they are called, or none."""

ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "on_algorithm_init": ("algorithm",),
    "on_sample_end": ("algorithm", "rollout"),
    "on_train_result": ("algorithm", "result"),
    "on_evaluate_end": ("algorithm", "evaluation_metrics"),
    "on_checkpoint_saved": ("algorithm", "directory"),
    "on_checkpoint_loaded": ("algorithm", "directory"),
}
"""What each is called with, by keyword."""


def notify(callbacks: Callbacks, **arguments: Any) -> None:
    """Call the functions in order; what one raises ends the training where it is."""
    for function in _functions(callbacks):
        function(**arguments)


def require_callbacks(option: str, callbacks: Any) -> None:
    """Refuse what cannot be called with the arguments of this option.

    Raises:
        ConfigError: names the option, the arguments and what came.
    """
    arguments = ARGUMENTS[option]
    call = f"{option}({', '.join(f'{name}=...' for name in arguments)})"
    for function in _functions(callbacks):
        if not callable(function):
            raise ConfigError(f"The option {option!r} must be a function, or a list of functions, got {function!r}.")
        if inspect.iscoroutinefunction(function):
            raise ConfigError(
                f"The option {option!r} must be a plain function, got the async function {function!r}, which nobody "
                "would await. Write it without async."
            )
        try:
            inspect.signature(function).bind(**dict.fromkeys(arguments))
        except TypeError as error:
            raise ConfigError(
                f"The option {option!r} must be a function that can be called as {call}; {function!r} cannot: {error}."
            ) from error
        except ValueError:
            # Some callables in C tell nothing of their arguments.
            continue


def _functions(callbacks: Any) -> Sequence[Any]:
    if callbacks is None:
        return ()
    return callbacks if isinstance(callbacks, list | tuple) else (callbacks,)
