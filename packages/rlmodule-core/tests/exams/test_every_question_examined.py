from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

from rlmodule_core import testing
from rlmodule_core.testing.guard import Exam

SUITES = [
    suite for name in testing.__all__ if isinstance(suite := getattr(testing, name), type) and issubclass(suite, Exam)
]


@cache
def _fakes_of(file: Path) -> Mapping[type[Any], Iterable[Mapping[str, str]]]:
    """For each suite that the file examines, the questions that each of its fakes is tested to fail."""
    # By path, because test files cannot import each other.
    return run_path(str(file), run_name=f"every_question_{file.stem}")["FAKES"]


def _questions(suite: type[Any]) -> set[str]:
    return {name.removeprefix("test_") for name in dir(suite) if name.startswith("test_")}


def _without_a_fake(suite: type[Any]) -> set[str]:
    files = Path(__file__).parent.glob("test_*_examined.py")
    failed = [
        question
        for file in files
        if file != Path(__file__)
        for examined, fakes in _fakes_of(file).items()
        if issubclass(suite, examined)
        for fake in fakes
        for question, words in fake.items()
        if words
    ]
    return _questions(suite) - set(failed)


@pytest.fixture(autouse=True)
def _needs_all_packages() -> None:
    for package in ("rlmodule_torch", "rlmodule_catalogs"):
        pytest.importorskip(package)


@pytest.mark.parametrize("suite", SUITES)
def test_every_question_is_failed_by_a_fake_with_words_that_name_the_fault(suite: type[Any]):
    assert _without_a_fake(suite) == set()


def test_a_new_question_needs_a_fake():
    more = type("More", (testing.ModuleSuite,), {"test_a_new_question": lambda self: None})
    assert _without_a_fake(more) == {"a_new_question"}
