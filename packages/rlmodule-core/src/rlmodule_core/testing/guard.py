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

    def given(self, attribute: str) -> Any:
        """What a subclass must have set to be examined.

        Raises:
            ConfigError: it has not.
        """
        value = getattr(self, attribute, None)
        if value is None:
            raise ConfigError(
                f"{type(self).__name__} sets no {attribute}, so there is nothing to examine. Add a line "
                f"'{attribute} = ...' to the class."
            )
        return value

    def test_no_exam_test_is_overridden_without_a_reason(self) -> None:
        lines = type(self).__mro__
        standard = {name for cls in lines if _is_standard(cls) for name in vars(cls) if name.startswith("test_")}
        for name in sorted(standard):
            owner = next(cls for cls in lines if name in vars(cls))
            test = getattr(owner, name)
            # The test as well as its class: another one may have been put into the exam's own class.
            standing = _is_standard(owner) and _is_standard(test)
            require(
                standing or getattr(test, _REASON, None) is not None,
                f"{owner.__name__}.{name}: expected the exam's own test, got {test!r}. Remove it, or mark it with "
                "@overrides_exam(reason=...).",
            )


def _is_standard(cls_or_test: Any) -> bool:
    return f"{getattr(cls_or_test, '__module__', '')}.".startswith(f"{_PACKAGE}.")
