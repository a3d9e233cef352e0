"""An exam may not be edited by the examinee."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from rlmodule_core.errors import ConfigError
from rlmodule_core.testing.compare import require

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGE = "rlmodule_core.testing"
_REASON = "exam_override_reason"
_GUARD = "test_no_exam_test_is_overridden_without_a_reason"


def overrides_exam(*, reason: str) -> Callable[[F], F]:
    """Mark a test that replaces one of the exam's, and say why it may.

    Raises:
        ConfigError: the reason is empty.
    """
    if not reason.strip():
        raise ConfigError("overrides_exam() needs the reason why the exam's own test does not apply, got none.")

    def mark(test: F) -> F:
        setattr(test, _REASON, reason)
        return test

    return mark


class Exam:
    """The base of all suites."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if getattr(cls, _GUARD) is not getattr(Exam, _GUARD):
            raise ConfigError(f"{cls.__name__} replaces {_GUARD}, which watches over the other tests. Remove it.")

    def test_no_exam_test_is_overridden_without_a_reason(self) -> None:
        lines = type(self).__mro__
        standard = {name for cls in lines if _is_standard(cls) for name in vars(cls) if name.startswith("test_")}
        for name in sorted(standard):
            owner = next(cls for cls in lines if name in vars(cls))
            require(
                _is_standard(owner) or getattr(vars(owner)[name], _REASON, None) is not None,
                f"{owner.__name__}.{name} replaces a test of the exam. Remove it, or mark it with "
                "@overrides_exam(reason=...).",
            )


def _is_standard(cls: type[Any]) -> bool:
    return f"{cls.__module__}.".startswith(f"{_PACKAGE}.")
