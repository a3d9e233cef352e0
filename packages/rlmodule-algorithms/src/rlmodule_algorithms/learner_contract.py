"""What the hooks of a learner return, held to what they promise: a user writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from numbers import Real
from typing import Any, NoReturn

import numpy as np

from rlmodule_core import ConfigError, Optimizer

_NUMERIC = "biuf"
"""The kinds of numpy dtypes that a framework takes."""


def checked_loss(learner: object, returned: Any) -> tuple[Any, dict[str, Any]]:
    """The loss and the metrics of a minibatch, tensors of shape `[]`."""
    expected = "a 0-d tensor and a dict of 0-d tensors by name"
    if not isinstance(returned, tuple) or len(returned) != 2 or not isinstance(returned[1], Mapping):
        _refuse(learner, "compute_loss_for_module", expected, returned)
    for name, value in (("loss", returned[0]), *returned[1].items()):
        if not _is_scalar_tensor(value):
            _refuse(learner, "compute_loss_for_module", expected, value, where=f" as {name!r}")
    return returned[0], dict(returned[1])


def checked_batch(learner: object, returned: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The columns and the metrics of `make_batch`."""
    if not isinstance(returned, tuple) or len(returned) != 2 or not all(isinstance(it, Mapping) for it in returned):
        _refuse(learner, "make_batch", "columns by name and metrics by name, two dicts", returned)
    return returned[0], returned[1]


def checked_names(learner: object, hook: str, returned: Any) -> Sequence[str]:
    """The names that `required_columns` or `required_outputs` lists."""
    if not isinstance(returned, tuple | list) or not all(isinstance(name, str) for name in returned):
        _refuse(learner, hook, "a tuple of names", returned)
    return returned


def checked_optimizer(learner: object, returned: Any) -> Optimizer:
    """The optimizer of a module."""
    if not isinstance(returned, Optimizer):
        _refuse(learner, "configure_optimizer", "what backend.make_optimizer(module, settings) makes", returned)
    return returned


def checked_mapping(learner: object, hook: str, returned: Any) -> Mapping[str, Any]:
    """What a hook returns by name."""
    if not isinstance(returned, Mapping) or not all(isinstance(name, str) for name in returned):
        _refuse(learner, hook, "a dict with names as keys", returned)
    return returned


def checked_numbers(learner: object, hook: str, returned: Any) -> Mapping[str, float]:
    """The numbers that a hook returns by name."""
    numbers = checked_mapping(learner, hook, returned)
    for name, value in numbers.items():
        if not isinstance(value, Real):
            _refuse(learner, hook, "numbers by name", value, where=f" as {name!r}")
    return {name: float(value) for name, value in numbers.items()}


def checked_arrays(learner: object, returned: Any) -> Mapping[str, Any]:
    """The groups of arrays that `get_arrays` gives, without which nothing could go on later."""
    groups = checked_mapping(learner, "get_arrays", returned)
    for group, arrays in groups.items():
        if not isinstance(arrays, Mapping):
            _refuse(learner, "get_arrays", "groups of arrays, a dict of dicts", arrays, where=f" as {group!r}")
    return groups


def require_rows(learner: object, module_id: str, columns: Mapping[str, Any]) -> None:
    """Refuse columns that are no arrays of numbers `[N, ...]`.

    Raises:
        ConfigError: names them.
    """
    wrong = {name: _described(column) for name, column in columns.items() if not _has_rows(column)}
    if wrong:
        listed = ", ".join(f"{name!r} ({what})" for name, what in wrong.items())
        raise ConfigError(
            f"The columns of module {module_id!r} must be arrays of numbers with one row for each step, got {listed} "
            f"in {type(learner).__name__}. Check make_batch, or what was passed to update()."
        )


def _has_rows(column: Any) -> bool:
    if isinstance(column, np.ndarray):
        return column.ndim > 0 and column.dtype.kind in _NUMERIC
    return isinstance(column, Sized) and not isinstance(column, str)


def _is_scalar_tensor(value: Any) -> bool:
    if isinstance(value, np.ndarray | np.generic):
        return False
    shape = getattr(value, "shape", None)
    return shape is not None and len(shape) == 0


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} of shape {value.shape}"
    shape = getattr(value, "shape", None)
    kind = type(value).__name__
    return kind if shape is None else f"{kind} of shape {tuple(shape)}"


def _refuse(learner: object, hook: str, expected: str, returned: Any, *, where: str = "") -> NoReturn:
    raise ConfigError(
        f"{type(learner).__name__}.{hook}() must return {expected}, got {_described(returned)}{where}. Correct the "
        "method."
    )
