"""Checks fast enough to run before and after every forward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from rlmodule_core.errors import SpecCheckingError
from rlmodule_core.specs.any_of import AnyOf
from rlmodule_core.specs.canonical import canonical_spec
from rlmodule_core.specs.level import Accepts, Leaf, compile_level
from rlmodule_core.specs.paths import look_up
from rlmodule_core.specs.spec import Spec, SpecType
from rlmodule_core.specs.spec_dict import SpecDict
from rlmodule_core.specs.switch import SWITCH
from rlmodule_core.specs.tensor_spec import TensorSpec

Check: TypeAlias = Callable[[object], None]

_SEEN_LIMIT: Final = 64


def compile_check(spec: SpecType, *, where: str | Callable[[], str]) -> Check:
    """A function that raises unless data fit `spec`; quick once it has seen data of the same kind that fit.

    Args:
        spec: anything that a spec method may return; None gives a check that does nothing.
        where: class, method and side (input or output) for the error text; a callable is asked only when
            there is an error.

    Raises:
        ConfigError: the spec is illegal.
    """
    canonical = canonical_spec(spec)
    if canonical is None:
        return _check_nothing
    leaves = _leaves(canonical)
    accepts = _compile(canonical, leaves)

    def check(data: object) -> None:
        if SWITCH.on and not accepts(data):
            _validate(canonical, data, where)
            _learn(leaves, data)

    return check


def _compile(spec: Spec, leaves: Sequence[Leaf]) -> Accepts:
    if isinstance(spec, SpecDict):
        return compile_level(leaves)
    return _compile_choice(spec) if isinstance(spec, AnyOf) else _never_sure


def _compile_choice(spec: AnyOf) -> Accepts:
    keys = [path[0] for path in spec.keys if len(path) == 1]

    def accepts(data: object) -> bool:
        if type(data) is dict:
            for key in keys:
                if key in data:
                    return True
        return False

    return accepts


def _check_nothing(data: object) -> None:
    pass


def _never_sure(data: object) -> bool:
    return False


def _leaves(spec: Spec) -> list[Leaf]:
    return [(path, leaf, set()) for path, leaf in spec.items()] if isinstance(spec, SpecDict) else []


def _validate(spec: Spec, data: object, where: str | Callable[[], str]) -> None:
    try:
        spec.validate(data)
    except SpecCheckingError as error:
        place = where if isinstance(where, str) else where()
        raise SpecCheckingError(
            f"{place}: {error} Correct the data or the spec; spec_checks('off') skips all checks."
        ) from None


def _learn(leaves: Sequence[Leaf], data: object) -> None:
    """Remember class and dtype of the tensors in data that passed."""
    for path, leaf, seen in leaves:
        if isinstance(leaf, TensorSpec):
            tensor: Any = look_up(data, path)
            if len(seen) >= _SEEN_LIMIT:
                seen.clear()
            seen.add((type(tensor), tensor.dtype))
