from __future__ import annotations

from typing import Any

import pytest

from rlmodule_core.errors import ConfigError, SpecCheckingError
from rlmodule_core.specs import AnyOf

RULE = AnyOf(("actions", "action_dist_inputs", ("out", "action_dist")))


@pytest.mark.parametrize(
    "data",
    [{"actions": None}, {"x": 0, "action_dist_inputs": 1}, {"out": {"action_dist": 1}}, {"actions": 1, "y": 2}],
)
def test_one_of_the_keys_is_enough(data: dict[str, object]) -> None:
    RULE.validate(data)


@pytest.mark.parametrize("data", [{}, {"vf_preds": 1}, {"out": {"other": 1}}, {"action_dist": 1}])
def test_none_of_them_is_an_error_with_the_rule_and_the_keys(data: dict[str, object]) -> None:
    with pytest.raises(SpecCheckingError) as caught:
        RULE.validate(data)
    assert "'actions' and/or 'action_dist_inputs' and/or ('out', 'action_dist')" in str(caught.value)
    assert all(repr(key) in str(caught.value) for key in data)


def test_data_must_be_a_mapping() -> None:
    with pytest.raises(SpecCheckingError, match=r"mapping with 'actions'.*type list"):
        RULE.validate(["actions"])


@pytest.mark.parametrize("keys", [(), "actions", [1], [()]])
def test_a_rule_needs_keys(keys: Any) -> None:
    with pytest.raises(ConfigError, match="key"):
        AnyOf(keys)


def test_equal_keys_make_equal_rules() -> None:
    assert AnyOf(["a", ("b", "c")]) == AnyOf((("a",), ("b", "c")))
    assert hash(AnyOf(["a"])) == hash(AnyOf(("a",)))
