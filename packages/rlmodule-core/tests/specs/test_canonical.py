from __future__ import annotations

from typing import Any

import pytest

from rlmodule_core.errors import ConfigError
from rlmodule_core.specs import AnyOf, SpecDict, TensorSpec, TypeSpec, canonical_spec


@pytest.mark.parametrize("spec", [None, TensorSpec("b"), TypeSpec(int), AnyOf(["a"]), SpecDict(["a"])])
def test_none_and_specs_stay_what_they_are(spec: Any) -> None:
    assert canonical_spec(spec) is spec


@pytest.mark.parametrize(
    ("spec", "canonical"),
    [
        (int, TypeSpec(int)),
        ((int, str), TypeSpec((int, str))),
        (["obs"], SpecDict(["obs"])),
        (("obs", "mask"), SpecDict(["obs", "mask"])),
        ([("obs", "global"), "mask"], SpecDict({"obs": {"global": None}, "mask": None})),
        ({"obs": int}, SpecDict({"obs": TypeSpec(int)})),
        ({}, SpecDict()),
        ([], SpecDict()),
    ],
)
def test_everything_else_becomes_a_type_spec_or_a_spec_dict(spec: Any, canonical: object) -> None:
    assert canonical_spec(spec) == canonical


@pytest.mark.parametrize("spec", ["obs", 3, {"a": {"b": 3}}, {"obs"}])
def test_an_illegal_spec_is_refused(spec: Any) -> None:
    with pytest.raises(ConfigError):
        canonical_spec(spec)
