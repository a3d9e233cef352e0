from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlmodule_core import ConfigError, PluginError
from rlmodule_core.numpy_backend import NumpyActorCriticRLModule
from rlmodule_core.plans import Dense


@pytest.mark.parametrize("fixture", ["discrete_module", "gaussian_module"])
def test_a_twin_computes_the_same_with_weights_of_its_own(request: Any, fixture: str, obs: np.ndarray):
    module = request.getfixturevalue(fixture)
    expected = module.forward_train({"obs": obs})
    twin = module.to_framework("numpy")
    assert twin is not module
    for key, value in twin.forward_train({"obs": obs}).items():
        np.testing.assert_array_equal(value, expected[key])
    module.set_state({name: np.zeros_like(array) for name, array in module.get_state().items()})
    np.testing.assert_array_equal(twin.forward_train({"obs": obs})["vf_preds"], expected["vf_preds"])


def test_a_twin_keeps_spaces_settings_and_plans(gaussian_module: Any):
    twin = gaussian_module.to_framework("numpy")
    assert twin.config == gaussian_module.config
    assert twin.frozen_plans() == gaussian_module.config.plans


def test_a_subclass_is_not_portable_and_named(gaussian_config: Any):
    class Mine(NumpyActorCriticRLModule):
        pass

    with pytest.raises(ConfigError, match="its class Mine, whose layers are its own"):
        Mine(gaussian_config).to_framework("numpy")


@pytest.mark.parametrize("part", ["encoder", "pi", "vf"])
def test_a_part_without_a_plan_is_named(gaussian_module: Any, part: str):
    setattr(gaussian_module, part, lambda x: x)
    with pytest.raises(ConfigError, match=f"its part '{part}', a function that was not built from a plan"):
        gaussian_module.to_framework("numpy")


def test_any_other_module_is_not_portable(returning: Any):
    with pytest.raises(ConfigError, match="not portable because of its class Returning"):
        returning().to_framework("numpy")


def test_a_replaced_head_travels_with_the_module(gaussian_module: Any, obs: np.ndarray):
    gaussian_module.vf = gaussian_module.backend.lower(Dense(8, 1, bias=False))
    twin = gaussian_module.to_framework("numpy")
    expected = gaussian_module.forward_train({"obs": obs})["vf_preds"]
    np.testing.assert_array_equal(twin.forward_train({"obs": obs})["vf_preds"], expected)


def test_a_framework_that_is_not_installed_is_named(gaussian_module: Any):
    with pytest.raises(PluginError, match="nonsense"):
        gaussian_module.to_framework("nonsense")
