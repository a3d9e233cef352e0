"""The runner: steps environments with a module and collects rollouts."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlmodule_algorithms.sampling.autoreset import Autoreset, AutoresetMode
from rlmodule_algorithms.sampling.closing import close_quietly
from rlmodule_algorithms.sampling.env_faults import env_fault
from rlmodule_algorithms.sampling.env_values import flag_row, reward_row
from rlmodule_algorithms.sampling.environments import VectorEnv
from rlmodule_algorithms.sampling.memory import Memory
from rlmodule_algorithms.sampling.observation_form import ObservationForm
from rlmodule_algorithms.sampling.reward_scaling import RewardScaling
from rlmodule_algorithms.sampling.rollout import Array, Rollout
from rlmodule_algorithms.sampling.rollout_faults import require_choice, require_finite_actions, require_legal
from rlmodule_core import (
    Columns,
    Descriptor,
    RLModule,
    RLModuleError,
    Rng,
    UnsupportedSpaceError,
    compute_actions,
    descriptor_of,
    network_dtype,
    to_env_actions,
)


class Runner:
    """Samples on-policy rollouts of a fixed length from a vector environment; episodes go on across rollouts.

    So do the recurrent states of a module with memory, which episodes begin anew.

    Args:
        env: the vector environment; the runner closes it.
        module: acts by `forward_exploration`; the caller refreshes its weights.
        rng: draws the actions.
        fragment_length: T.
        seed: seeds the environments; None seeds by the system.
        reward_scaling: scales the rewards of rollouts; returns of episodes stay what they are.
    """

    def __init__(
        self,
        env: VectorEnv,
        module: RLModule,
        *,
        rng: Rng,
        fragment_length: int,
        seed: int | None,
        reward_scaling: RewardScaling | None = None,
    ) -> None:
        self._form = ObservationForm(env.single_observation_space)
        self.env = env
        self.module = module
        self.rng = rng
        self._steps = fragment_length
        self._reward_scaling = reward_scaling
        # A user's forward may change its input in place, and a tensor shares the memory of the array it is made from.
        self._lends = module.non_portable_part() is None
        self._autoreset = Autoreset(env)
        self._interrupted = False
        self.restart(seed)

    def restart(self, seed: int | None) -> None:
        """Let all environments begin a new episode; what they were in the middle of is forgotten, states too.

        Raises:
            EnvError: an environment failed in `reset`.
        """
        self._resetting = np.zeros(self.env.num_envs, np.bool_)
        self._memory = Memory(self.module, self.env.num_envs)
        self._returns = np.zeros(self.env.num_envs, np.float64)
        self._lengths = np.zeros(self.env.num_envs, np.int64)
        if self._reward_scaling is not None:
            self._reward_scaling.restart()
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
        rooms = self._form.room((self._steps + 1, self.env.num_envs))
        rollout = Rollout.empty(self._steps, self.env.num_envs, self._form.nested(rooms))
        _store(rooms, 0, self._obs)
        self._memory.begin_rollout()
        descriptor, space = self._descriptor(), self.env.single_action_space
        for t in range(self._steps):
            obs = self._form.nested([room[t] if self._lends else room[t].copy() for room in rooms])
            require_choice(self.module, obs, self.env, step=t, resetting=self._resetting)
            outputs = self._act(t, obs, rollout)
            resetting = self._resetting
            _store(rooms, t + 1, self._step(t, to_env_actions(descriptor, space, outputs["actions"]), rollout))
            if self._memory:
                in_next_step = self._autoreset.mode is AutoresetMode.NEXT_STEP
                over = resetting if in_next_step else rollout.terminateds[t] | rollout.truncateds[t]
                self._memory.advance(outputs, rollout.rewards[t], over)
        self._obs = [room[self._steps].copy() for room in rooms]
        require_finite_actions(rollout, self.module)
        require_legal(rollout, self.env)
        if self._reward_scaling is not None:
            self._reward_scaling.scale(rollout)
        self._interrupted = False
        return rollout

    def _act(self, t: int, obs: Any, rollout: Rollout) -> dict[str, Any]:
        """What the module gives for the observations `[B, ...]` of step t, which is recorded."""
        memory = self._memory
        previous = memory.previous()
        rollout.record_previous(t, previous)
        columns = {Columns.OBS: obs, **previous}
        if memory.stateful:
            rollout.begin_sequences(t, memory.beginning() & ~self._resetting, memory.state)
            columns[Columns.STATE_IN] = memory.state
        native = compute_actions(self.module, columns, explore=True, rng=self.rng)
        outputs: dict[str, Any] = self.module.backend.to_numpy(native)
        rollout.record(t, outputs, module=type(self.module).__name__)
        return outputs

    def _descriptor(self) -> Descriptor | None:
        try:
            return descriptor_of(self.module.get_exploration_action_dist_cls())
        except UnsupportedSpaceError:
            # The module chooses the actions itself.
            return None

    def close(self) -> None:
        """Close the environments; one that fails in it is logged."""
        close_quietly(self.env)

    def _reset(self, *, when: str, seed: int | None = None, options: dict[str, Any] | None = None) -> list[Array]:
        try:
            obs, _ = self.env.reset(seed=seed, options=options)
            return self._checked(obs)
        except Exception as error:
            raise env_fault(self.env, "reset()", error, when=when) from error

    def _step(self, t: int, actions: Any, rollout: Rollout) -> list[Array]:
        try:
            return self._transition(t, actions, rollout)
        except RLModuleError:
            raise
        except Exception as error:
            require_finite_actions(rollout, self.module)
            raise env_fault(self.env, "step()", error, when=f"at step {t} of this rollout") from error

    def _transition(self, t: int, actions: Any, rollout: Rollout) -> list[Array]:
        """Store what a step gave, and return the observations that the next one starts from."""
        given, rewards, terminateds, truncateds, infos = self.env.step(actions)
        obs, envs = self._checked(given), self.env.num_envs
        rollout.rewards[t] = rewards = reward_row(rewards, envs)
        rollout.terminateds[t] = flag_row("terminateds", terminateds, envs)
        rollout.truncateds[t] = flag_row("truncateds", truncateds, envs)
        counted = np.logical_not(self._resetting, out=rollout.valid[t])
        done = rollout.terminateds[t] | rollout.truncateds[t]
        np.add(self._returns, rewards, out=self._returns, where=counted)
        self._lengths += counted
        if self._autoreset.mode is AutoresetMode.NEXT_STEP:
            if done.any():
                self._autoreset.require_next_step(infos, done, self._resetting)
            self._resetting = done
        return self._end_episodes(t, obs, done, infos, rollout) if done.any() else obs

    def _end_episodes(
        self, t: int, obs: list[Array], done: Array, infos: dict[str, Any], rollout: Rollout
    ) -> list[Array]:
        ended = np.flatnonzero(done)
        rollout.episode_returns += self._returns[ended].tolist()
        rollout.episode_lengths += self._lengths[ended].tolist()
        self._returns[ended] = 0.0
        self._lengths[ended] = 0
        mode = self._autoreset.mode
        if mode is AutoresetMode.NEXT_STEP:
            return obs
        # The observation that an episode ended with gives way to the next episode's first one.
        if mode is AutoresetMode.SAME_STEP:
            last = self._autoreset.final_observations(infos, obs, done, rollout.truncateds[t])
        else:
            last = [[leaf[b] for leaf in obs] for b in ended]
        rollout.last_steps += [(t, b) for b in ended.tolist()]
        rollout.last_obs += [self._kept(leaves) for leaves in last]
        if mode is AutoresetMode.SAME_STEP:
            return obs
        return self._reset_ended(done, others=[leaf[~done] for leaf in obs], when=f"after step {t} of this rollout")

    def _kept(self, leaves: list[Array]) -> Any:
        found = zip(leaves, self._form.leaves, strict=True)
        return self._form.nested([np.array(array, network_dtype(leaf.dtype)) for array, leaf in found])

    def _reset_ended(self, done: Array, *, others: list[Array], when: str) -> list[Array]:
        obs = self._reset(options={"reset_mask": done}, when=when)
        try:
            self._autoreset.require_left_alone(others, obs, done)
        except ValueError as error:
            raise env_fault(self.env, "reset()", error, when=when) from error
        return obs

    def _checked(self, obs: Any) -> list[Array]:
        return self._form.arrays("observations", obs, (self.env.num_envs,))


def _store(rooms: list[Array], t: int, leaves: list[Array]) -> None:
    for room, leaf in zip(rooms, leaves, strict=True):
        room[t] = leaf
