from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from rlmodule_core import RLModuleError


def _failures(suite: type[Any]) -> dict[str, BaseException]:
    failures: dict[str, BaseException] = {}
    for name in dir(suite):
        if name.startswith("test_"):
            try:
                getattr(suite(), name)()
            except pytest.skip.Exception:
                continue
            except Exception as error:
                failures[name.removeprefix("test_")] = error
    return failures


def _assert_fails(suite: type[Any], expected: Mapping[str, str]) -> None:
    failures = _failures(suite)
    assert failures.keys() == expected.keys(), failures
    for question, words in expected.items():
        # Anything else would be a traceback out of the exam's or the examinee's inside.
        assert isinstance(failures[question], AssertionError | RLModuleError), failures[question]
        assert words in "\n".join([str(failures[question]), *getattr(failures[question], "__notes__", [])])


@pytest.fixture
def assert_fails() -> Callable[[type[Any], Mapping[str, str]], None]:
    """Sits an exam: exactly these questions, named without "test_", must fail, with these words in their text."""
    return _assert_fails
