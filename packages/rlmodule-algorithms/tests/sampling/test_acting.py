from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary
from own_layers import EACH_TRAINING

from rlmodule_algorithms import PPORLModule
from rlmodule_algorithms.sampling.acting import is_small
from rlmodule_core import ConfigError, SingleAgentRLModuleSpec


class Own(PPORLModule):
    """A user's subclass: nobody knows whether its forwards are still those of the plan."""


def test_a_small_standard_module_acts_through_its_numpy_twin(small_ppo: Any, build: Any) -> None:
    assert build(small_ppo).acting_framework == "numpy"


@EACH_TRAINING
def test_a_big_module_acts_itself(small_ppo: Any, build: Any, framework: str) -> None:
    algorithm = build(small_ppo.training(model={"fcnet_hiddens": [512, 512]}))
    assert algorithm.acting_framework == framework


def test_the_limit_is_the_multiply_adds_of_a_row(small_ppo: Any, build: Any, framework: str) -> None:
    # Two encoders of 4 * w + w * w, a policy head of 2 * w and a value head of w: 200 000 lies between.
    for width, expected in ((312, "numpy"), (316, framework)):
        algorithm = build(small_ppo.training(model={"fcnet_hiddens": [width, width]}))
        assert algorithm.acting_framework == expected


@EACH_TRAINING
def test_a_module_of_the_users_own_acts_itself(small_ppo: Any, build: Any, framework: str) -> None:
    algorithm = build(small_ppo.rl_module(rl_module_spec=SingleAgentRLModuleSpec(module_class=Own)))
    assert algorithm.acting_framework == framework


@pytest.mark.parametrize(
    ("space", "small"),
    [
        (Box(-1.0, 1.0, (4,)), True),
        (Box(-1.0, 1.0, (5, 5)), True),
        (Dict(nodes=Box(-1.0, 1.0, (6, 3)), edges=MultiBinary((6, 6))), True),
        (Box(-1.0, 1.0, (4000,)), False),
        (Box(0, 255, (84, 84, 1), np.uint8), False),
    ],
)
@EACH_TRAINING
def test_layers_of_the_users_own_are_small_by_their_weights_at_every_place(
    space: Any, small: bool, framework: str
) -> None:
    spec = SingleAgentRLModuleSpec(Own, space, Discrete(2), {"fcnet_hiddens": [64]}, "ppo")
    assert is_small(spec.build(framework=framework)) == small


@EACH_TRAINING
def test_act_with_overrules_the_static_rule(small_ppo: Any, build: Any, framework: str) -> None:
    assert build(small_ppo.copy().env_runners(act_with="module")).acting_framework == framework
    big = small_ppo.training(model={"fcnet_hiddens": [512, 512]}).env_runners(act_with="numpy")
    assert build(big).acting_framework == "numpy"


def test_numpy_is_refused_for_a_module_that_is_not_portable(small_ppo: Any) -> None:
    config = small_ppo.rl_module(rl_module_spec=SingleAgentRLModuleSpec(module_class=Own))
    with pytest.raises(ConfigError, match="act_with='numpy' is not possible for Own because of its class Own") as error:
        config.env_runners(act_with="numpy").build()
    assert "Use act_with='module'" in str(error.value)


@EACH_TRAINING
@pytest.mark.parametrize("act_with", ["numpy", "module"])
def test_after_every_iteration_the_acting_module_has_the_learned_weights(
    small_ppo: Any, build: Any, act_with: str
) -> None:
    algorithm = build(small_ppo.env_runners(act_with=act_with))
    before = algorithm.get_module().get_state()
    algorithm.train()
    module, obs = algorithm.get_module(), np.zeros((1, 4), np.float32)
    learned = module.backend.to_numpy(module.forward_inference({"obs": module.backend.batch(None, obs)}))
    acted = algorithm.compute_single_action(obs[0])[2]
    assert acted["action_dist_inputs"] == pytest.approx(learned["action_dist_inputs"][0], abs=1e-6)
    assert any((before[name] != value).any() for name, value in module.get_state().items())
