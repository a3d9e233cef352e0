from __future__ import annotations

import copy
import gc
import pickle
import weakref
from typing import Any

import numpy as np
import pytest

from rlmodule_core.errors import SpecCheckingError
from rlmodule_core.specs import (
    SpecType,
    TensorSpec,
    check_input_specs,
    check_output_specs,
    forget_specs,
    spec_checks,
)
from rlmodule_core.specs.decorators import _CHECKS


class Model:
    """A property, a method and an attribute, each giving a spec."""

    def __init__(self, width: int = 3) -> None:
        self.width = width
        self.asked = 0
        self.calls: list[object] = []
        self.gain = 1.0
        self.plain: SpecType = None

    @property
    def input_specs(self) -> SpecType:
        self.asked += 1
        return {"obs": TensorSpec("b, h", h=self.width)}

    def output_specs(self) -> SpecType:
        return ["out"]

    @check_input_specs("input_specs")
    @check_output_specs("output_specs")
    def forward(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Sum the rows."""
        self.calls.append(batch)
        return {"out": batch["obs"].sum(1)} if batch.get("good", True) else {"oops": {"deep": 1}}

    @check_input_specs("plain")
    def unchecked(self, batch: object) -> object:
        return batch

    @check_input_specs("nowhere")
    def lost(self, batch: object) -> object:
        return batch


class Narrow(Model):
    @property
    def input_specs(self) -> SpecType:
        return {"obs": TensorSpec("b, h", h=1)}


def batch(width: int = 3) -> dict[str, Any]:
    return {"obs": np.ones((2, width))}


def test_data_that_fit_go_through_unchanged() -> None:
    model, data = Model(), batch()
    assert model.forward(data)["out"].tolist() == [3.0, 3.0]
    assert model.calls == [data]
    assert model.calls[0] is data


def test_bad_input_stops_before_the_call_every_time() -> None:
    model = Model()
    for _ in range(2):
        model.forward(batch())
        model.calls.clear()
        with pytest.raises(SpecCheckingError, match=r"^Model\.forward \(input\): at key 'obs'.*\(2, 4\)"):
            model.forward(batch(4))
        assert not model.calls


def test_bad_output_is_an_error_after_the_call_every_time() -> None:
    model = Model()
    for _ in range(2):
        model.forward(batch())
        with pytest.raises(
            SpecCheckingError, match=r"^Model\.forward \(output\): expected the key 'out'.*\('oops', 'deep'\)"
        ):
            model.forward({**batch(), "good": False})


def test_the_spec_is_read_once_for_each_instance() -> None:
    first, second = Model(), Model(4)
    for _ in range(3):
        first.forward(batch())
        second.forward(batch(4))
    assert (first.asked, second.asked) == (1, 1)


def test_a_subclass_with_its_own_spec_is_checked_by_it_and_named() -> None:
    Narrow().forward(batch(1))
    with pytest.raises(SpecCheckingError, match=r"^Narrow\.forward"):
        Narrow().forward(batch())


def test_none_in_the_attribute_checks_nothing() -> None:
    assert Model().unchecked(5) == 5


def test_a_type_in_the_attribute_is_a_spec_and_not_called() -> None:
    model = Model()
    model.plain = dict
    assert model.unchecked({}) == {}
    with pytest.raises(SpecCheckingError, match="type dict"):
        model.unchecked(5)


def test_a_missing_attribute_is_named() -> None:
    with pytest.raises(SpecCheckingError, match=r"Model\.lost \(input\).*'nowhere'.*missing"):
        Model().lost(5)


def test_a_changed_spec_counts_after_forgetting_the_old_one() -> None:
    model = Model()
    model.forward(batch())
    model.width = 4
    with pytest.raises(SpecCheckingError):
        model.forward(batch(4))
    forget_specs(model)
    model.forward(batch(4))
    forget_specs(Model())


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_of_a_used_instance_has_checks_of_its_own(duplicate: Any) -> None:
    model = Model()
    model.forward(batch())
    twin = duplicate(model)
    twin.width = 4
    twin.forward(batch(4))
    model.forward(batch())


def test_the_memory_does_not_keep_instances_alive_nor_outlive_them() -> None:
    before = len(_CHECKS)
    model = Model()
    model.forward(batch())
    forget_specs(model)
    model.forward(batch())
    alive = weakref.ref(model)
    assert len(_CHECKS) == before + 1
    del model
    gc.collect()
    assert alive() is None
    assert len(_CHECKS) == before


def test_an_instance_needs_no_hash() -> None:
    class Unhashable(Model):
        __hash__ = None  # type: ignore[assignment]

    Unhashable().forward(batch())


def test_switched_off_nothing_is_checked_nor_read() -> None:
    model = Model()
    with spec_checks("off"):
        model.forward({**batch(4), "good": False})
        assert model.lost(5) == 5
    assert model.asked == 0


def test_the_method_keeps_its_name_and_docstring() -> None:
    assert (Model.forward.__name__, Model.forward.__doc__) == ("forward", "Sum the rows.")
