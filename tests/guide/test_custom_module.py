"""The guide: writing custom single-agent RL Modules."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from own_layers import gradients, weight

from rlmodule_algorithms import PPOConfig
from rlmodule_core import RLModule, RLModuleError, SingleAgentRLModuleSpec


def _spec(module_class: type[RLModule]) -> SingleAgentRLModuleSpec:
    return SingleAgentRLModuleSpec(module_class=module_class, model_config_dict={"fcnet_hiddens": [20]})


@pytest.fixture
def algorithm(config: PPOConfig, build: Any, user: ModuleType) -> Any:
    """Has a module of the user's own, with values."""
    return build(config.rl_module(rl_module_spec=_spec(user.WithValues)))


def test_the_module_is_built_from_the_fields_of_its_config(algorithm: Any, user: ModuleType, framework: str):
    module = algorithm.get_module()
    assert type(module) is user.WithValues
    assert module.framework == framework
    first = module.get_state()[f"{user.POLICY[0]}.{user.KERNEL}"]
    assert sorted(first.shape) == [4, 20]


def test_ppo_trains_it(algorithm: Any, user: ModuleType):
    before = algorithm.get_module().get_state()
    result = algorithm.train()
    after = algorithm.get_module().get_state()
    assert set(after) == {f"{part}.{leaf}" for part in (*user.POLICY, "values") for leaf in (user.KERNEL, "bias")}
    assert all(not np.array_equal(after[name], before[name]) for name in before)
    assert np.isfinite(result["learners"]["default_policy"]["policy_loss"])


def test_the_trained_module_itself_answers(algorithm: Any):
    algorithm.train()
    obs = np.array([0.1, -0.2, 0.3, 0.0], np.float32)
    action, _, _ = algorithm.compute_single_action(obs)
    module = algorithm.get_module()
    outputs = module.backend.to_numpy(module.forward_inference({"obs": module.backend.batch(None, obs[None])}))
    assert action == outputs["action_dist_inputs"].argmax()


@pytest.mark.parametrize("phase", ["train", "exploration", "inference"])
def test_acting_needs_no_gradients_and_training_has_them(algorithm: Any, framework: str, phase: str):
    module = algorithm.get_module()
    forward, ops = getattr(module, f"forward_{phase}"), module.backend.ops
    batch = {"obs": module.backend.batch(None, np.ones((2, 4)))}
    named, shift = module.backend.named_weights(module), weight(framework, 2)
    weights = [native for name, native in named.items() if name.startswith("policy")]

    def run() -> Any:
        return ops.sum(ops.square(forward(batch)["action_dist_inputs"] + shift))

    *found, last = gradients(framework, run, [*weights, shift])
    assert last is not None
    assert [gradient is not None for gradient in found] == [phase == "train"] * len(weights)


def test_a_module_without_values_is_refused_by_name(config: PPOConfig, build: Any, user: ModuleType):
    with pytest.raises(RLModuleError, match=r"(?s)DiscreteBC.*vf_preds"):
        build(config.rl_module(rl_module_spec=_spec(user.DiscreteBC))).train()


@pytest.mark.parametrize("missing", ["_forward_train", "_forward_exploration", "_forward_inference"])
def test_all_three_forwards_must_be_written(missing: str, user: ModuleType):
    forwards = {name: getattr(user.DiscreteBC, name) for name in vars(user.DiscreteBC) if "forward" in name}
    del forwards[missing]
    with pytest.raises(TypeError, match=missing):
        type("Incomplete", (user.Base,), forwards)()
