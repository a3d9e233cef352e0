from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from own_layers import EACH_TRAINING

from rlmodule_core import RLModule


def ratios(algorithm: Any) -> Any:
    """Logarithms of the ratios of a rollout, acted in numpy, under the module that learns."""
    algorithm._refresh()
    rollout = algorithm._runner.sample()
    batch, _ = algorithm.learner.make_batch(rollout, algorithm._acting)
    module: RLModule = algorithm.get_module()
    native = module.backend.batch(None, batch)
    outputs = module.forward_train(native)
    dist = module.get_train_action_dist_cls().from_logits(outputs["action_dist_inputs"])
    return module.backend.to_numpy(dist.logp(native["actions"]) - native["action_logp"])


@EACH_TRAINING
@pytest.mark.parametrize(("env", "tolerance"), [("CartPole-v1", 1e-5), ("Pendulum-v1", 1e-4)])
def test_before_the_first_optimizer_step_the_ratio_is_1(small_ppo: Any, build: Any, env: str, tolerance: float) -> None:
    algorithm = build(small_ppo.environment(env))
    difference = ratios(algorithm)
    assert algorithm.acting_framework == "numpy"
    assert np.abs(np.exp(difference) - 1.0).max() <= tolerance
    assert len(difference) > 100


@EACH_TRAINING
def test_after_an_iteration_the_next_rollout_starts_at_1_again(small_ppo: Any, build: Any) -> None:
    algorithm = build(small_ppo.training(lr=1e-2))
    algorithm.train()
    assert np.abs(np.exp(ratios(algorithm)) - 1.0).max() <= 1e-5
