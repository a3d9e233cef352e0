"""The runner: steps environments with a module and collects rollouts."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlmodule_algorithms.sampling.autoreset import Autoreset, AutoresetMode, require_left_alone
from rlmodule_algorithms.sampling.closing import close_quietly
from rlmodule_algorithms.sampling.env_faults import env_fault
from rlmodule_algorithms.sampling.env_values import flag_row, observation_array, require_array_space, reward_row
from rlmodule_algorithms.sampling.environments import VectorEnv
from rlmodule_algorithms.sampling.rollout import Array, Rollout
from rlmodule_algorithms.sampling.rollout_faults import require_legal
from rlmodule_core import (
    Descriptor,
    RLModule,
    RLModuleError,
    Rng,
    UnsupportedSpaceError,
    compute_actions,
    descriptor_of,
    network_dtype,
    require_stateless,
    to_env_actions,
)


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
        self._shape, self._space_dtype = require_array_space(env.single_observation_space)
        require_stateless(module)
        self.env = env
        self.module = module
        self.rng = rng
        self._steps = fragment_length
        self._dtype = network_dtype(self._space_dtype)
        # A user's forward may change its input in place, and a tensor shares the memory of the array it is made from.
        self._lends = module.non_portable_part() is None
        self._autoreset = Autoreset(env)
        self._interrupted = False
        self.restart(seed)

    def restart(self, seed: int | None) -> None:
        """Let all environments begin a new episode; what they were in the middle of is forgotten.

        Raises:
            EnvError: an environment failed in `reset`.
        """
        self._resetting = np.zeros(self.env.num_envs, np.bool_)
        self._returns = np.zeros(self.env.num_envs, np.float64)
        self._lengths = np.zeros(self.env.num_envs, np.int64)
        self._obs = self._reset(seed=seed, when="at the start")
        self._interrupted = False

    def sample(self) -> Rollout:
        """The next T steps of all environments.

        Raises:
            EnvError: an environment raised or returned something else than Gymnasium's interface says.
            NotANumberError: an observation or reward is not finite.
            SpecCheckingError: the module returned something that does not fit.
        """
        if self._interrupted:
            # What failed in the middle of a step has left some environments ahead of others.
            self.restart(None)
        self._interrupted = True
        rollout = Rollout.empty(self._steps, self.env.num_envs, self._shape, self._dtype)
        rollout.obs[0] = self._obs
        descriptor = self._descriptor()
        space, module_name = self.env.single_action_space, type(self.module).__name__
        for t in range(self._steps):
            obs = rollout.obs[t] if self._lends else rollout.obs[t].copy()
            native = compute_actions(self.module, {"obs": obs}, explore=True, rng=self.rng)
            outputs = self.module.backend.to_numpy(native)
            rollout.record(t, outputs, module=module_name)
            self._step(t, to_env_actions(descriptor, space, outputs["actions"]), rollout)
        self._obs = rollout.obs[self._steps].copy()
        require_legal(rollout, self.env)
        self._interrupted = False
        return rollout

    def _descriptor(self) -> Descriptor | None:
        try:
            return descriptor_of(self.module.get_exploration_action_dist_cls())
        except UnsupportedSpaceError:
            # The module chooses the actions itself.
            return None

    def close(self) -> None:
        """Close the environments; one that fails in it is logged."""
        close_quietly(self.env)

    def _reset(self, *, when: str, seed: int | None = None, options: dict[str, Any] | None = None) -> Array:
        try:
            obs, _ = self.env.reset(seed=seed, options=options)
            return self._checked(obs)
        except Exception as error:
            raise env_fault(self.env, "reset()", error, when=when) from error

    def _step(self, t: int, actions: Array, rollout: Rollout) -> None:
        try:
            rollout.obs[t + 1] = self._transition(t, actions, rollout)
        except RLModuleError:
            raise
        except Exception as error:
            raise env_fault(self.env, "step()", error, when=f"at step {t} of this rollout") from error

    def _transition(self, t: int, actions: Array, rollout: Rollout) -> Array:
        """Store what a step gave, and return the observations that the next one starts from."""
        obs, rewards, terminateds, truncateds, infos = self.env.step(actions)
        obs, envs = self._checked(obs), self.env.num_envs
        rollout.rewards[t] = rewards = reward_row(rewards, envs)
        rollout.terminateds[t] = flag_row("terminateds", terminateds, envs)
        rollout.truncateds[t] = flag_row("truncateds", truncateds, envs)
        np.logical_not(self._resetting, out=rollout.valid[t])
        done = rollout.terminateds[t] | rollout.truncateds[t]
        self._returns += np.where(self._resetting, 0.0, rewards)
        self._lengths += ~self._resetting
        if self._autoreset.mode is AutoresetMode.NEXT_STEP:
            if done.any():
                self._autoreset.require_next_step(infos, done, self._resetting)
            self._resetting = done
        return self._end_episodes(t, obs, done, infos, rollout) if done.any() else obs

    def _end_episodes(self, t: int, obs: Array, done: Array, infos: dict[str, Any], rollout: Rollout) -> Array:
        ended = np.flatnonzero(done)
        rollout.episode_returns += self._returns[ended].tolist()
        rollout.episode_lengths += self._lengths[ended].tolist()
        self._returns[ended] = 0.0
        self._lengths[ended] = 0
        mode = self._autoreset.mode
        if mode is AutoresetMode.NEXT_STEP:
            return obs
        # The observation that an episode ended with gives way to the next episode's first one.
        same_step = mode is AutoresetMode.SAME_STEP
        last = self._autoreset.final_observations(infos, obs, done, rollout.truncateds[t]) if same_step else obs[done]
        for b, last_obs in zip(ended.tolist(), last, strict=True):
            rollout.last_steps.append((t, b))
            rollout.last_obs.append(np.array(last_obs, self._dtype))
        return obs if same_step else self._reset_ended(done, others=obs[~done], when=f"after step {t} of this rollout")

    def _reset_ended(self, done: Array, *, others: Array, when: str) -> Array:
        obs = self._reset(options={"reset_mask": done}, when=when)
        try:
            require_left_alone(others, obs, done)
        except ValueError as error:
            raise env_fault(self.env, "reset()", error, when=when) from error
        return obs

    def _checked(self, obs: Any) -> Array:
        return observation_array("observations", obs, (self.env.num_envs, *self._shape), self._space_dtype)
