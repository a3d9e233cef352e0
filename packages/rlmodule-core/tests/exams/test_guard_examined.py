from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from rlmodule_core import ConfigError
from rlmodule_core.testing import BackendSuite, CatalogSuite, DistributionSuite, ModelSuite, ModuleSuite, overrides_exam
from rlmodule_core.testing.guard import Exam

AssertFails = Callable[[type[Any], Mapping[str, str]], None]
GUARD = "no_exam_test_is_overridden_without_a_reason"
QUESTION = "test_equal_descriptors_bind_to_one_class"
REPLACED = {GUARD: f".{QUESTION}: expected the exam's own test, got "}
FAKES = {Exam: [REPLACED]}


class Examinee(DistributionSuite):
    backend_name = "numpy"
    cases = DistributionSuite.cases[:1]


def _passes(self: Any) -> None:
    return None


def _reasoned() -> Any:
    @overrides_exam(reason="Each of its classes is made anew, with a cache of its own.")
    def replacement(self: Any) -> None:
        return None

    return replacement


def _suite(*bases: type[Any], **tests: Any) -> type[Any]:
    return type("Suite", bases, tests)


def by_a_method() -> type[Any]:
    return _suite(Examinee, **{QUESTION: _passes})


def by_none() -> type[Any]:
    return _suite(Examinee, **{QUESTION: None})


def by_a_static_method() -> type[Any]:
    return _suite(Examinee, **{QUESTION: staticmethod(lambda: None)})


def by_an_attribute_set_later() -> type[Any]:
    suite = _suite(Examinee)
    setattr(suite, QUESTION, _passes)
    return suite


def by_a_mixin_before_it() -> type[Any]:
    return _suite(_suite(object, **{QUESTION: _passes}), Examinee)


def by_a_base_in_between() -> type[Any]:
    return _suite(by_a_method())


def by_a_test_of_another_suite() -> type[Any]:
    return _suite(_suite(object, **{QUESTION: ModelSuite.test_output_dims_hold, "_configs": lambda self: []}), Examinee)


def by_an_override_of_a_reasoned_one() -> type[Any]:
    return _suite(_suite(Examinee, **{QUESTION: _reasoned()}), **{QUESTION: _passes})


OVERRIDDEN = (
    by_a_method,
    by_none,
    by_a_static_method,
    by_an_attribute_set_later,
    by_a_mixin_before_it,
    by_a_base_in_between,
    by_a_test_of_another_suite,
    by_an_override_of_a_reasoned_one,
)


@pytest.mark.parametrize("override", OVERRIDDEN, ids=lambda override: override.__name__)
def test_an_override_without_a_reason_fails(override: Callable[[], type[Any]]):
    with pytest.raises(AssertionError, match=rf"\w+\.{QUESTION}: expected the exam's own test, got .*overrides_exam"):
        getattr(override()(), f"test_{GUARD}")()


def test_no_other_question_fails_for_an_override(assert_fails: AssertFails):
    assert_fails(by_a_mixin_before_it(), REPLACED)


def test_an_override_put_into_the_exam_itself_fails(assert_fails: AssertFails, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(DistributionSuite, QUESTION, _passes)
    assert_fails(Examinee, {GUARD: f"DistributionSuite.{QUESTION}"})


@pytest.mark.parametrize("kind", [lambda test: test, staticmethod], ids=["method", "static method"])
def test_an_override_with_a_reason_and_tests_of_one_s_own_pass(assert_fails: AssertFails, kind: Any):
    test = kind(overrides_exam(reason="It has no classes.")(lambda *instance: None))
    assert_fails(_suite(Examinee, **{QUESTION: test, "test_more": _passes}), {})
    assert_fails(_suite(_suite(object, **{QUESTION: test}), Examinee), {})


def test_the_reason_and_the_guard_cannot_be_left_out():
    with pytest.raises(ConfigError, match="the reason why"):
        overrides_exam(reason=" ")
    with pytest.raises(ConfigError, match=f"Suite replaces test_{GUARD}"):
        _suite(Examinee, **{f"test_{GUARD}": _passes})


@pytest.mark.parametrize(
    ("suite", "attribute"),
    [(BackendSuite, "backend_name"), (CatalogSuite, "catalog_class"), (ModuleSuite, "module_class")],
)
def test_a_suite_without_an_examinee_says_what_to_set(assert_fails: AssertFails, suite: type[Any], attribute: str):
    questions = {name.removeprefix("test_") for name in dir(suite) if name.startswith("test_")} - {GUARD}
    assert_fails(type("Suite", (suite,), {}), dict.fromkeys(questions, f"Suite sets no {attribute}, so "))
