"""Masked tasks by the catalog: training and serving in every framework."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from native_gradients import loss_and_gradients
from parity_families import EACH_FRAMEWORK, EACH_OTHER, EACH_TRAINING

from rlmodule_core import ActorCriticRLModule, ConfigError, Policy, SingleAgentRLModuleSpec, SpecCheckingError
from rlmodule_core.testing.compare import require_close

S = gym.spaces
X = S.Box(-1.0, 1.0, (4,))
TASKS: dict[str, tuple[Any, Any]] = {
    "discrete": (S.MultiBinary(5), S.Discrete(5, start=2)),
    "multi-discrete": (S.Box(0, 1, (5,), np.uint8), S.MultiDiscrete([2, 3])),
    "multi-binary": (S.Box(0.0, 1.0, (3, 2)), S.MultiBinary(3)),
    "nested": (
        S.Dict({"0": S.MultiBinary(3), "2": S.Tuple([S.MultiBinary((2, 2))])}),
        S.Tuple([S.Discrete(3), S.Box(-1.0, 1.0, (2,)), S.Tuple([S.MultiBinary(2)])]),
    ),
}
ROWS = 6
EACH_TASK = pytest.mark.parametrize("name", TASKS)


def flags(space: Any, rng: np.random.Generator) -> Any:
    """A batch of masks; the first of each choice is legal, and so is about every second other."""
    if isinstance(space, S.Dict):
        return {key: flags(part, rng) for key, part in space.spaces.items()}
    if isinstance(space, S.Tuple):
        return tuple(flags(part, rng) for part in space.spaces)
    mask = rng.integers(2, size=(ROWS, *space.shape)).astype(space.dtype)
    mask[..., 0] = 1
    if space.shape == (5,):
        mask[..., 2] = 1
    return mask


def build(mask: Any, actions: Any, framework: str = "numpy") -> Any:
    observations = S.Dict({"x": X, "action_mask": mask})
    spec = SingleAgentRLModuleSpec(ActorCriticRLModule, observations, actions, {"fcnet_hiddens": [8]}, "ppo")
    return spec.build(framework=framework)


def same(one: Any, other: Any) -> None:
    if isinstance(one, tuple):
        for part, another in zip(one, other, strict=True):
            same(part, another)
    else:
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@EACH_OTHER
@EACH_TASK
def test_a_masked_policy_is_served_by_numpy_with_the_same_actions(framework: str, name: str, tmp_path: Path) -> None:
    mask, actions = TASKS[name]
    module = build(mask, actions, framework)
    module.save_to_checkpoint(tmp_path)
    rng = np.random.default_rng(0)
    obs = {"x": rng.normal(size=(ROWS, 4)).astype(np.float32), "action_mask": flags(mask, rng)}
    native, served = Policy(module), Policy.from_checkpoint(tmp_path, framework="numpy")
    one, other = native.compute_actions(obs), served.compute_actions(obs)
    same(one[0], other[0])
    np.testing.assert_allclose(one[2]["action_dist_inputs"], other[2]["action_dist_inputs"], rtol=1e-5, atol=1e-5)
    assert (one[2]["action_dist_inputs"] == -1e9).any()


@EACH_TRAINING
@EACH_TASK
def test_training_masks_as_acting_does_and_every_gradient_is_finite(framework: str, name: str) -> None:
    mask, actions = TASKS[name]
    module = build(mask, actions, framework)
    rng, backend = np.random.default_rng(1), module.backend
    given = {"x": rng.normal(size=(ROWS, 4)).astype(np.float32), "action_mask": flags(mask, rng)}
    batch = {"obs": backend.batch(module.config.observation_space, given)}
    acted, trained = module.forward_exploration(batch), module.forward_train(batch)
    both = (backend.to_numpy(outputs["action_dist_inputs"]) for outputs in (acted, trained))
    require_close(*both, "the masked inputs of training and acting")
    dist_cls = module.get_train_action_dist_cls()

    def loss(ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
        dist = dist_cls.from_logits(outputs["action_dist_inputs"])
        other = dist_cls.from_logits(acted["action_dist_inputs"])
        rows = dist.logp(dist.sample()) + dist.entropy() + dist.kl(other) + outputs["vf_preds"]
        return ops.sum(rows), {}

    losses, gradients = loss_and_gradients(module, loss, backend.to_numpy(batch), {})
    assert np.isfinite(losses["total"])
    assert gradients.keys() == module.get_state().keys()
    assert all(np.isfinite(gradient).all() for gradient in gradients.values())
    assert any(gradient.any() for gradient in gradients.values())


def test_the_mask_is_no_input_of_the_encoder() -> None:
    mask, actions = TASKS["discrete"]
    assert not any("action_mask" in name for name in build(mask, actions).get_state())


WRONG = [
    (S.MultiBinary(4), S.Discrete(5), r"shape \(5,\) at 'action_mask', got MultiBinary\(4\)"),
    (S.Box(-1.0, 1.0, (5,)), S.Discrete(5), r"a Box from 0 to 1, of shape \(5,\) at 'action_mask', got Box\(-1"),
    (S.MultiBinary(3), S.MultiBinary(3), r"shape \(3, 2\)"),
    (S.Tuple([S.MultiBinary(2), S.MultiBinary(3)]), S.MultiDiscrete([2, 3]), r"shape \(5,\)"),
    (S.MultiBinary(3), S.Tuple([S.Discrete(3)]), r"with the keys \['0'\] at 'action_mask', got MultiBinary\(3\)"),
    (S.Tuple([S.MultiBinary(4)]), S.Tuple([S.Discrete(3)]), r"shape \(3,\) at 'action_mask\.0', got MultiBinary\(4\)"),
    (S.Dict({"b": S.MultiBinary(3)}), S.Dict({"a": S.Discrete(3)}), r"keys \['a'\].*got the keys \['b'\]"),
    (S.MultiBinary(2), S.Box(-1.0, 1.0, (2,)), r"DiagGaussian.* has no actions that can be masked"),
]


@pytest.mark.parametrize(("mask", "actions", "said"), WRONG)
def test_a_mask_of_another_form_is_refused_when_the_module_is_built(mask: Any, actions: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        build(mask, actions)


@EACH_FRAMEWORK
def test_a_policy_names_the_rows_that_leave_no_action(framework: str) -> None:
    policy = Policy(build(*TASKS["discrete"], framework))
    mask = np.ones((3, 5), np.int8)
    mask[1] = 0
    with pytest.raises(SpecCheckingError, match=r"rows \[1\] it leaves none"):
        policy.compute_actions({"x": np.zeros((3, 4), np.float32), "action_mask": mask})
    with pytest.raises(SpecCheckingError, match=r"rows \[0\] it leaves none"):
        policy.session(1).act({"x": np.zeros((1, 4), np.float32), "action_mask": mask[1:2]})


@EACH_FRAMEWORK
def test_a_mask_of_another_shape_is_named_by_the_specs(framework: str) -> None:
    policy = Policy(build(*TASKS["discrete"], framework))
    with pytest.raises(SpecCheckingError, match=r"action_mask"):
        policy.compute_actions_from_input_dict({"obs": {"x": np.zeros((2, 4)), "action_mask": np.zeros((2, 4))}})
    with pytest.raises(SpecCheckingError, match=r"action_mask"):
        policy.compute_actions_from_input_dict({"obs": {"x": np.zeros((2, 4))}})
