"""Normalisers learn the moments of the observations, once an iteration, and act and train with the same ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from own_layers import EACH_TRAINING, TRAINING

from rlmodule_algorithms import Algorithm, Learner, PPOConfig, PPORLModule
from rlmodule_algorithms.normalising.moments import Moments
from rlmodule_algorithms.normalising.places import places_of
from rlmodule_algorithms.normalising.statistics import ObservationStatistics
from rlmodule_algorithms.ppo.learner import PPOLearner
from rlmodule_core import ConfigError, MLPEncoderConfig, Policy, RLModule, SingleAgentRLModuleSpec, get_backend
from rlmodule_core.plans import Dense, Normalise
from rlmodule_marl import MultiAgentRLModule


class Robot(gym.Env[Any, Any]):
    """Ten steps of measurements in odd units, nested, with what is no measurement beside them."""

    observation_space = gym.spaces.Dict(
        {
            "body": gym.spaces.Tuple(
                (gym.spaces.Box(-np.inf, np.inf, (2, 2)), gym.spaces.Discrete(3), gym.spaces.Box(-np.inf, np.inf, ()))
            ),
            "camera": gym.spaces.Box(0, 255, (4, 4, 1), np.uint8),
        }
    )
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.left = 10
        return self._observed(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.left -= 1
        return self._observed(), float(action), self.left == 0, False, {}

    def _observed(self) -> Any:
        grid = self.np_random.normal(1e4, 300.0, (2, 2)).astype(np.float32)
        clock = np.array(self.np_random.normal(-0.01, 1e-3), np.float32)
        image = self.np_random.integers(0, 256, (4, 4, 1), np.uint8)
        return {"body": (grid, self.np_random.integers(3), clock), "camera": image}


@pytest.fixture
def normalised(small_ppo: PPOConfig) -> PPOConfig:
    model = {"fcnet_hiddens": [8], "normalize_observations": True}
    return small_ppo.environment("Pendulum-v1").training(lr=1e-2, model=model)


@pytest.fixture
def watched(normalised: PPOConfig) -> tuple[PPOConfig, list[Any]]:
    """A config, and the rollouts that it samples."""
    seen: list[Any] = []
    return normalised.callbacks(on_sample_end=lambda algorithm, rollout: seen.append(rollout)), seen


def statistics(algorithm: Algorithm, name: str) -> dict[str, Any]:
    state = algorithm.get_module().get_state()
    return {leaf: state[f"{name}.{leaf}"] for leaf in ("mean", "variance", "count")}


def require_moments(found: Mapping[str, Any], rows: Any) -> None:
    exact = rows.astype(np.float64)
    np.testing.assert_allclose(found["mean"], exact.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(found["variance"], exact.var(axis=0), rtol=1e-5)
    assert found["count"] == len(rows)


def ratios(algorithm: Any) -> Any:
    """The ratios of a rollout, acted in numpy, under the module that learns."""
    algorithm._refresh()
    batch, _ = algorithm.learner.make_batch(algorithm._runner.sample(), algorithm._acting)
    module: RLModule = algorithm.get_module()
    native = module.backend.batch(None, batch)
    dist = module.get_train_action_dist_cls().from_logits(module.forward_train(native)["action_dist_inputs"])
    return np.exp(module.backend.to_numpy(dist.logp(native["actions"]) - native["action_logp"]))


@EACH_TRAINING
def test_actor_and_critic_hold_the_moments_of_all_observations_so_far(watched: Any, build: Any) -> None:
    config, seen = watched
    algorithm = build(config)
    for _ in range(3):
        algorithm.train()
    rows = np.concatenate([rollout.obs[:-1].reshape(-1, 3) for rollout in seen])
    for part in ("actor", "critic"):
        require_moments(statistics(algorithm, f"encoder.{part}.0"), rows)


def test_nested_observations_are_normalised_part_by_part(watched: Any, build: Any) -> None:
    config, seen = watched
    algorithm = build(config.environment(Robot))
    for _ in range(2):
        algorithm.train()
    body = [rollout.obs["body"] for rollout in seen]
    grids = np.concatenate([part["0"][:-1].reshape(-1, 4) for part in body])
    clocks = np.concatenate([part["2"][:-1].reshape(-1, 1) for part in body])
    require_moments(statistics(algorithm, "encoder.actor.inputs.body.0.1"), grids)
    require_moments(statistics(algorithm, "encoder.critic.inputs.body.2.1"), clocks)
    named = {name for name in algorithm.get_module().get_state() if name.endswith("variance")}
    assert len(named) == 4


def test_rows_that_only_reset_an_environment_are_not_counted(watched: Any, build: Any, scripted: Any) -> None:
    def make(env_config: Any) -> Any:
        script = [(3, "terminated"), (2, "truncated")]
        return SyncVectorEnv([lambda: scripted(script)] * 4, autoreset_mode=AutoresetMode.NEXT_STEP)

    config, seen = watched
    algorithm = build(config.environment(make))
    algorithm.train()
    assert not seen[0].valid.all()
    require_moments(statistics(algorithm, "encoder.actor.0"), seen[0].obs[:-1][seen[0].valid])


@EACH_TRAINING
def test_the_ratio_is_1_before_the_first_step_of_every_iteration(normalised: PPOConfig, build: Any) -> None:
    algorithm = build(normalised.environment(Robot))
    for _ in range(3):
        found = ratios(algorithm)
        assert algorithm.acting_framework == "numpy"
        assert np.abs(found - 1.0).max() <= 1e-4
        algorithm.train()


def test_statistics_wait_until_the_last_minibatch_has_been_learned_from(normalised: PPOConfig, build: Any) -> None:
    counts: list[float] = []

    class Watching(PPOLearner):
        def after_iteration(self, module_id: str, metrics: Mapping[str, float]) -> dict[str, float]:
            counts.append(float(self.module[module_id].get_state()["encoder.actor.0.count"]))
            return super().after_iteration(module_id, metrics)

    algorithm = Algorithm(normalised.copy(), Watching)
    for _ in range(3):
        algorithm.train()
    algorithm.stop()
    assert counts == [0.0, 128.0, 256.0]


@EACH_TRAINING
def test_numpy_serves_a_policy_with_its_statistics(normalised: PPOConfig, build: Any, tmp_path: Path) -> None:
    algorithm = build(normalised)
    algorithm.train()
    algorithm.save(tmp_path)
    served = Policy.from_checkpoint(tmp_path, framework="numpy")
    obs = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    state = served.module.get_state()
    assert state["encoder.actor.0.count"] == 128.0
    actions = [algorithm.compute_single_action(row)[0] for row in obs]
    np.testing.assert_allclose(served.compute_actions(obs)[0], actions, rtol=1e-5, atol=1e-6)
    module = algorithm.get_module()
    native = module.forward_inference({"obs": module.backend.batch(None, obs)})
    wanted = served.module.forward_inference({"obs": obs})["action_dist_inputs"]
    np.testing.assert_allclose(module.backend.to_numpy(native["action_dist_inputs"]), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("framework", "env"), [(TRAINING[0], Robot), *((framework, "Pendulum-v1") for framework in TRAINING)]
)
def test_resuming_is_exact_to_the_bit(normalised: PPOConfig, build: Any, tmp_path: Path, env: Any) -> None:
    config = normalised.environment(env).checkpointing(exact_resume=True)
    algorithm = build(config)
    for _ in range(2):
        algorithm.train()
    algorithm.save(tmp_path)
    resumed = Algorithm.from_checkpoint(tmp_path, config=config)
    for _ in range(3):
        algorithm.train()
        resumed.train()
    resumed.stop()
    whole, cut = ((one.learner.get_arrays(), one.get_module().get_state()) for one in (algorithm, resumed))
    for found, wanted in ((whole[0]["normalisers"], cut[0]["normalisers"]), (whole[1], cut[1])):
        assert found.keys() == wanted.keys()
        for name, array in found.items():
            np.testing.assert_array_equal(array, wanted[name], strict=True)


def test_many_small_steps_of_large_numbers_are_not_rounded_away(build: Any, watched: Any) -> None:
    config, seen = watched
    algorithm = build(config)
    algorithm.train()
    rollout, rng = seen[0], np.random.default_rng(0)
    places = places_of(algorithm.get_module())
    kept = ObservationStatistics(algorithm.learner.backend, dict(algorithm.module.items()))
    total = Moments.of(places[0].rows(rollout.obs[:-1], rollout.valid))
    for step in range(300):
        drifting = 1e6 + step / 300 + rng.normal(size=rollout.obs.shape)
        sampled = replace(rollout, obs=drifting.astype(np.float32))
        kept.merge({"default_policy": sampled})
        total = total.merged(Moments.of(places[0].rows(sampled.obs[:-1], sampled.valid)))
    found = statistics(algorithm, "encoder.actor.0")
    # The spacing of float32 there is 0.06, and the mean moves by a tenth of that in a merge at most.
    np.testing.assert_allclose(found["mean"], total.mean, rtol=0, atol=0.04)
    np.testing.assert_allclose(found["variance"], total.variance, rtol=1e-6)


def test_weights_that_somebody_has_set_are_gone_on_from(normalised: PPOConfig, build: Any) -> None:
    algorithm = build(normalised)
    algorithm.train()
    before = algorithm.get_module().get_state()
    algorithm.train()
    algorithm.get_module().set_state(before)
    algorithm.train()
    assert statistics(algorithm, "encoder.actor.0")["count"] == 256.0


def test_a_module_without_normalisers_keeps_nothing(small_ppo: PPOConfig, build: Any) -> None:
    algorithm = build(small_ppo)
    algorithm.train()
    assert set(algorithm.learner.get_arrays()) == {"optimizer.default_policy"}


def test_a_batch_of_nothing_but_resets_changes_nothing(watched: Any, build: Any) -> None:
    config, seen = watched
    algorithm = build(config)
    algorithm.train()
    before = algorithm.get_module().get_state()
    nothing = replace(seen[0], valid=np.zeros_like(seen[0].valid))
    fresh = ObservationStatistics(algorithm.learner.backend, dict(algorithm.module.items()))
    for kept in (algorithm.learner, None):
        if kept is None:
            fresh.merge({"default_policy": nothing})
        else:
            kept.update_statistics({"default_policy": nothing})
        for name, array in algorithm.get_module().get_state().items():
            np.testing.assert_array_equal(array, before[name])


class OwnModule(RLModule):
    """A user's own, around an encoder that normalises."""

    framework: Any
    before: tuple[Any, ...] = (Normalise(3),)

    def setup(self) -> None:
        encoder = MLPEncoderConfig(input_dims=(3,), before=self.before, hidden_layer_dims=(8,))
        self.encoder = encoder.build(self.framework)
        self.heads = MLPEncoderConfig(input_dims=(8,), hidden_layer_dims=(3,)).build(self.framework)

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        out = self.heads({"obs": self.encoder(batch)["encoder_out"]})["encoder_out"]
        return {"action_dist_inputs": out[:, :2], "vf_preds": out[:, 2]}

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": self._forward_train(batch)["action_dist_inputs"]}

    _forward_inference = _forward_exploration


class OwnPPOModule(PPORLModule):
    """A user's subclass of the standard module."""


class Replaying(PPOLearner):
    """A user's learner that learns from rows of its own."""

    def make_batch(self, rollout: Any, module: Any) -> Any:
        columns, metrics = super().make_batch(rollout, module)
        return {name: column[:32] for name, column in columns.items()}, metrics


@EACH_TRAINING
@pytest.mark.parametrize("learner_class", [PPOLearner, Replaying])
@pytest.mark.parametrize(("module_class", "name"), [(OwnModule, "encoder.0"), (OwnPPOModule, "encoder.actor.0")])
def test_modules_and_learners_of_a_users_own_are_kept_up_to_date(
    watched: Any, module_class: type[RLModule], name: str, learner_class: type[Learner]
) -> None:
    config, seen = watched
    spec = SingleAgentRLModuleSpec(module_class=module_class)
    algorithm = Algorithm(config.rl_module(rl_module_spec=spec).copy(), learner_class)
    for _ in range(2):
        algorithm.train()
    algorithm.stop()
    require_moments(statistics(algorithm, name), np.concatenate([rollout.obs[:-1].reshape(-1, 3) for rollout in seen]))


@EACH_TRAINING
def test_a_normaliser_that_several_modules_share_is_updated_once_by_all_of_them(
    watched: Any, build: Any, framework: str
) -> None:
    config, seen = watched
    algorithm = build(config)
    for _ in range(2):
        algorithm.train()
    spaces = gym.spaces.Box(-1, 1, (3,)), gym.spaces.Discrete(2)
    spec = SingleAgentRLModuleSpec(OwnModule, *spaces, {})
    module, other = (spec.build(framework=framework) for _ in range(2))
    other.encoder = module.encoder
    container = MultiAgentRLModule()
    for module_id, each in {"one.1": module, "other": other, "third": module}.items():
        container.add_module(module_id, each)
    kept = ObservationStatistics(get_backend(framework), dict(container.items()))
    kept.merge({"one.1": seen[0], "other": seen[1]})
    rows = np.concatenate([rollout.obs[:-1].reshape(-1, 3) for rollout in seen])
    state = container["third"].get_state()
    require_moments({leaf: state[f"encoder.0.{leaf}"] for leaf in ("mean", "variance", "count")}, rows)
    assert {name.rpartition(".")[0] for name in kept.get_arrays()["normalisers"]} == {"one%2E1.encoder.0"}


class BehindDense(OwnModule):
    before = (Dense(3, 3), Normalise(3))


@EACH_TRAINING
def test_a_normaliser_behind_layers_that_learn_is_refused(normalised: PPOConfig) -> None:
    spec = SingleAgentRLModuleSpec(module_class=BehindDense)
    with pytest.raises(ConfigError, match=r"BehindDense has normalisers that do not take observations: encoder\.1\."):
        normalised.rl_module(rl_module_spec=spec).build()


class PartOfObs(OwnModule):
    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        clock = batch["obs"]["body"]["2"][:, None]
        return super()._forward_train({"obs": self.backend.ops.concat([clock] * 3, 1)})


@EACH_TRAINING
def test_an_encoder_that_gets_something_else_than_the_observations_is_refused(
    normalised: PPOConfig, build: Any
) -> None:
    algorithm = build(normalised.environment(Robot).rl_module(rl_module_spec=SingleAgentRLModuleSpec(PartOfObs)))
    with pytest.raises(ConfigError, match=r"encoder\.0 normalises 'obs', which is no array of the observations"):
        algorithm.train()


@EACH_TRAINING
def test_a_shared_encoder_is_one_place(framework: str) -> None:
    spaces = gym.spaces.Box(-1, 1, (3,)), gym.spaces.Discrete(2)
    spec = SingleAgentRLModuleSpec(PPORLModule, *spaces, {"normalize_observations": True}, "ppo")
    places = places_of(spec.build(framework=framework))
    assert [(place.name, place.path) for place in places] == [("encoder.shared.0", ())]
