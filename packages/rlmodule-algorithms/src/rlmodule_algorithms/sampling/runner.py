"""The runner: steps environments with a module and collects rollouts."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from rlmodule_algorithms.sampling.environments import VectorEnv
from rlmodule_algorithms.sampling.rollout import Array, Rollout
from rlmodule_core import (
    Descriptor,
    RLModule,
    Rng,
    UnsupportedSpaceError,
    compute_actions,
    descriptor_of,
    network_dtype,
    require_stateless,
    to_env_actions,
)

AutoresetMode = gym.vector.AutoresetMode


class Runner:
    """Samples on-policy rollouts of a fixed length from a vector environment; episodes go on across rollouts.

    Args:
        env: the vector environment; the runner closes it.
        module: acts by `forward_exploration`; the caller refreshes its weights.
        rng: draws the actions.
        fragment_length: T.
        seed: seeds the environments; None seeds by the system.
    """

    def __init__(self, env: VectorEnv, module: RLModule, *, rng: Rng, fragment_length: int, seed: int | None) -> None:
        space = env.single_observation_space
        if space.shape is None or space.dtype is None:
            raise UnsupportedSpaceError(
                f"The runner samples observations that are one array (Box, Discrete, ...), got {space}. Wrap the "
                "environment, for example in gymnasium.wrappers.FlattenObservation."
            )
        require_stateless(module)
        self.env = env
        self.module = module
        self.rng = rng
        self._steps = fragment_length
        self._shape, self._dtype = space.shape, network_dtype(np.dtype(space.dtype))
        # Environments without the key follow Gymnasium's default.
        self._mode = AutoresetMode(env.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP))
        self._obs: Array = env.reset(seed=seed)[0]
        self._resetting = np.zeros(env.num_envs, np.bool_)
        self._returns = np.zeros(env.num_envs, np.float64)
        self._lengths = np.zeros(env.num_envs, np.int64)

    def sample(self) -> Rollout:
        """The next T steps of all environments.

        Raises:
            NotANumberError: an observation or reward is not finite.
        """
        rollout = Rollout.empty(self._steps, self.env.num_envs, self._shape, self._dtype)
        descriptor = self._descriptor()
        space = self.env.single_action_space
        for t in range(self._steps):
            rollout.obs[t] = self._obs
            native = compute_actions(self.module, {"obs": rollout.obs[t]}, explore=True, rng=self.rng)
            outputs = self.module.backend.to_numpy(native)
            rollout.record(t, outputs)
            self._step(t, to_env_actions(descriptor, space, outputs["actions"]), rollout)
        rollout.obs[self._steps] = self._obs
        rollout.require_finite()
        return rollout

    def _descriptor(self) -> Descriptor | None:
        try:
            return descriptor_of(self.module.get_exploration_action_dist_cls())
        except UnsupportedSpaceError:
            # The module chooses the actions itself.
            return None

    def close(self) -> None:
        """Close the environments."""
        self.env.close()

    def _step(self, t: int, actions: Array, rollout: Rollout) -> None:
        obs, rewards, terminateds, truncateds, infos = self.env.step(actions)
        rollout.rewards[t] = rewards
        rollout.terminateds[t] = terminateds
        rollout.truncateds[t] = truncateds
        np.logical_not(self._resetting, out=rollout.valid[t])
        done = terminateds | truncateds
        self._returns += np.where(self._resetting, 0.0, rewards)
        self._lengths += ~self._resetting
        if self._mode is AutoresetMode.NEXT_STEP:
            self._resetting = done
        if done.any():
            obs = self._end_episodes(t, obs, done, infos, rollout)
        self._obs = obs

    def _end_episodes(self, t: int, obs: Array, done: Array, infos: dict[str, Any], rollout: Rollout) -> Array:
        ended = np.flatnonzero(done)
        rollout.episode_returns += self._returns[ended].tolist()
        rollout.episode_lengths += self._lengths[ended].tolist()
        self._returns[ended] = 0.0
        self._lengths[ended] = 0
        if self._mode is AutoresetMode.NEXT_STEP:
            return obs
        # The observation that an episode ended with gives way to the next episode's first one.
        last = infos["final_obs"] if self._mode is AutoresetMode.SAME_STEP else obs
        for b in ended:
            rollout.last_steps.append((t, int(b)))
            rollout.last_obs.append(np.array(last[b], self._dtype))
        return self.env.reset(options={"reset_mask": done})[0] if self._mode is AutoresetMode.DISABLED else obs
