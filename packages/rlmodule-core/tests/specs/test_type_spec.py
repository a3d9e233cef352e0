from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlmodule_core.errors import ConfigError, SpecCheckingError
from rlmodule_core.specs import TypeSpec


@pytest.mark.parametrize("value", [1, "text", True])
def test_an_instance_of_one_of_the_types_fits(value: object) -> None:
    TypeSpec((int, str)).validate(value)


def test_another_type_is_named_beside_the_expected_ones() -> None:
    with pytest.raises(SpecCheckingError, match=r"expected a value of type int or numpy\.ndarray, got .* float"):
        TypeSpec((int, np.ndarray)).validate(1.5)


def test_equal_types_make_equal_specs() -> None:
    assert TypeSpec(int) == TypeSpec((int,))
    assert len({TypeSpec(int), TypeSpec((int,)), TypeSpec(str)}) == 2


@pytest.mark.parametrize("types", [(), 3, "int", (int, "str"), list[int]])
def test_what_is_not_a_type_is_refused(types: Any) -> None:
    with pytest.raises(ConfigError, match="takes a type or a non-empty tuple of types"):
        TypeSpec(types)
