"""Decorators that check what a method of one argument takes and returns."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeAlias, TypeVar

from rlmodule_core.errors import SpecCheckingError
from rlmodule_core.specs.compiled import Check, compile_check
from rlmodule_core.specs.switch import SWITCH

_Data = TypeVar("_Data")
_Result = TypeVar("_Result")
_Method: TypeAlias = Callable[[Any, _Data], _Result]

# Kept outside the instances, so that these can be copied and pickled, and by id, so that they need no hash.
_CHECKS: Final[dict[int, dict[object, Check]]] = {}


def check_input_specs(attr_name: str) -> Callable[[_Method[_Data, _Result]], _Method[_Data, _Result]]:
    """Check the argument of a method before every call.

    `attr_name` names the attribute, property or method without arguments that gives the spec. It is asked
    once per instance, at the first call; see `forget_specs`. Instances must be weakly referable. The
    decorated method raises a SpecCheckingError where the argument does not fit or the attribute is missing,
    and a ConfigError where the spec is illegal.
    """

    def decorate(method: _Method[_Data, _Result]) -> _Method[_Data, _Result]:
        @wraps(method)
        def checked(self: Any, data: _Data) -> _Result:
            if SWITCH.on:
                _check_of(self, method, attr_name, "input")(data)
            return method(self, data)

        return checked

    return decorate


def check_output_specs(attr_name: str) -> Callable[[_Method[_Data, _Result]], _Method[_Data, _Result]]:
    """Check what a method returns after every call, and return it unchanged; else as `check_input_specs`."""

    def decorate(method: _Method[_Data, _Result]) -> _Method[_Data, _Result]:
        @wraps(method)
        def checked(self: Any, data: _Data) -> _Result:
            result = method(self, data)
            if SWITCH.on:
                _check_of(self, method, attr_name, "output")(result)
            return result

        return checked

    return decorate


def forget_specs(instance: object) -> None:
    """Read the specs of this instance anew at its next call, after they have changed."""
    _CHECKS.get(id(instance), {}).clear()


def _check_of(instance: object, method: Callable[..., object], attr_name: str, side: str) -> Check:
    checks = _CHECKS.get(id(instance))
    if checks is None:
        weakref.finalize(instance, _CHECKS.pop, id(instance), None).atexit = False
        checks = _CHECKS[id(instance)] = {}
    check = checks.get(method)
    if check is None:
        check = checks[method] = _compile(instance, method, attr_name, side)
    return check


def _compile(instance: object, method: Callable[..., object], attr_name: str, side: str) -> Check:
    where = f"{type(instance).__qualname__}.{method.__name__} ({side})"
    try:
        spec = getattr(instance, attr_name)
    except AttributeError as error:
        raise SpecCheckingError(
            f"{where}: expected a spec in the attribute {attr_name!r}, which is missing. "
            "Define it, or correct the name given to the decorator."
        ) from error
    if callable(spec) and not isinstance(spec, type):
        spec = spec()
    return compile_check(spec, where=where)
