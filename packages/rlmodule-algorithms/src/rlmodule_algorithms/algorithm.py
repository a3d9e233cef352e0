"""An algorithm: sampling, learning and evaluating, put together from a config."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from rlmodule_algorithms.checkpointing import save_algorithm
from rlmodule_algorithms.config.settings import AlgorithmSettings
from rlmodule_algorithms.evaluation import evaluate_policy
from rlmodule_algorithms.learner import Learner
from rlmodule_algorithms.module_building import build_module
from rlmodule_algorithms.sampling.acting import acting_module, is_small
from rlmodule_algorithms.sampling.closing import close_quietly
from rlmodule_algorithms.sampling.environments import make_env, make_vector_env
from rlmodule_algorithms.sampling.rollout import Rollout
from rlmodule_algorithms.sampling.runner import Runner
from rlmodule_algorithms.seeds import Seeds
from rlmodule_algorithms.threads import limited_threads
from rlmodule_algorithms.training import TrainingOutcome, train_until
from rlmodule_core import DEFAULT_MODULE_ID, Policy, RLModule
from rlmodule_marl import MultiAgentRLModule

_SMOOTHING = 100
"""Mean returns are over this many of the last episodes."""


class Algorithm:
    """Trains a module in an environment. Made by `config.build()`.

    Attributes:
        config: the options; changing them after building has no effect.
        module: the container of the modules that learn.
        iteration: how often `train()` has run.
        env_steps: environment steps sampled so far.
        best_returns: the best mean return kept in each checkpoint directory.
    """

    def __init__(self, config: AlgorithmSettings, learner_class: type[Learner]) -> None:
        self.config = config
        self.iteration = 0
        self.env_steps = 0
        self._seeds = Seeds.of(config.seed)
        with ExitStack() as on_failure:
            env = make_vector_env(config.env_source, config.env_config, config.num_envs_per_env_runner)
            on_failure.callback(close_quietly, env)
            module = build_module(config, env, self._seeds.weights)
            self.module: MultiAgentRLModule = module.as_multi_agent()
            self.learner = learner_class(self.module, config, self._seeds.shuffling())
            self._acting = acting_module(module, config.act_with)
            self._runner = Runner(
                env,
                self._acting,
                rng=self._acting.backend.rng(self._seeds.acting),
                fragment_length=config.fragment_length,
                seed=self._seeds.environments,
            )
            on_failure.pop_all()
        self.best_returns: dict[Path, float] = {}
        self._policy = Policy(self._acting, seed=self._seeds.evaluation)
        self._threads = 1 if is_small(module) else None
        self._returns: deque[float] = deque(maxlen=_SMOOTHING)
        self._episodes = 0

    def train(self) -> dict[str, Any]:
        """One iteration: sample a batch, learn from it, evaluate if it is time.

        Returns:
            A nested dict: `env_runners`, `learners.<module id>`, `timers`, and `evaluation` where one ran.

        Raises:
            NotANumberError: an observation, reward, loss or gradient is not finite; the weights are the last good
                ones.
            EnvError: an environment failed.
        """
        started = time.perf_counter()
        with limited_threads(self.learner.backend, self._threads):
            self._refresh()
            rollout = self._runner.sample()
            sampled = time.perf_counter()
            learned = self._learn(rollout)
        self.iteration += 1
        self._returns.extend(rollout.episode_returns)
        self._episodes += len(rollout.episode_returns)
        finished = time.perf_counter()
        result: dict[str, Any] = {
            "iteration": self.iteration,
            "env_runners": self._sampling_metrics(rollout),
            "learners": learned,
            "timers": {
                "sample_s": sampled - started,
                "learn_s": finished - sampled,
                "iteration_s": finished - started,
            },
        }
        interval = self.config.evaluation_interval
        if interval is not None and self.iteration % interval == 0:
            result["evaluation"] = self.evaluate()
        return result

    def _learn(self, rollout: Rollout) -> dict[str, dict[str, float]]:
        # Values come from the module that acted: it has the same weights, and in numpy it is the faster one.
        batch, metrics = self.learner.make_batch(rollout, self._acting)
        self.env_steps += rollout.num_steps
        learned = self.learner.update({DEFAULT_MODULE_ID: batch}, timestep=self.env_steps)
        return {module_id: {**losses, **metrics} for module_id, losses in learned.items()}

    def _refresh(self) -> None:
        """Give the module that acts the weights of the one that learns, whoever has changed them."""
        learning = self.get_module()
        if self._acting is not learning:
            self._acting.set_state(learning.get_state())

    def _sampling_metrics(self, rollout: Rollout) -> dict[str, float]:
        returns = self._returns
        return {
            "episode_return_mean": float(np.mean(returns)) if returns else float("nan"),
            "episode_return_max": float(np.max(returns)) if returns else float("nan"),
            "num_episodes": len(rollout.episode_returns),
            "num_episodes_lifetime": self._episodes,
            "num_env_steps_sampled": rollout.num_steps,
            "num_env_steps_sampled_lifetime": self.env_steps,
        }

    def evaluate(self, *, episodes: int | None = None, seed: int | None = None) -> dict[str, Any]:
        """Play whole episodes greedily, in environments of their own.

        Args:
            episodes: how many; `evaluation_duration` by default.
            seed: episode i starts from `seed + i`; by default it follows from the config's seed, the same each time.

        Returns:
            `episode_return_mean`, `episode_returns` and `episode_lengths`.
        """
        self._refresh()
        return evaluate_policy(
            self._policy,
            lambda: make_env(self.config.env_source, self.config.env_config),
            episodes=self.config.evaluation_duration if episodes is None else episodes,
            seed=self._seeds.evaluation if seed is None else seed,
        )

    def train_until(
        self,
        *,
        episode_return_mean: float | None = None,
        max_env_steps: int | None = None,
        max_seconds: float | None = None,
        checkpoint_dir: str | Path | None = None,
        on_result: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> TrainingOutcome:
        """Train until a return is reached or a budget is spent; see `TrainingOutcome`.

        The return is that of the greedy evaluations where `evaluation_interval` is set, else of the last 100 training
        episodes.

        Args:
            episode_return_mean: stop when the mean return reaches this.
            max_env_steps: stop after this many environment steps of this algorithm's life.
            max_seconds: stop after this much wall time.
            checkpoint_dir: where the best algorithm so far is kept.
            on_result: called with the result of every iteration.

        Raises:
            ConfigError: none of the three limits is given.
        """
        return train_until(
            self,
            episode_return_mean=episode_return_mean,
            max_env_steps=max_env_steps,
            max_seconds=max_seconds,
            checkpoint_dir=checkpoint_dir,
            on_result=on_result,
        )

    def compute_single_action(
        self, obs: Any, state: Mapping[str, Any] | None = None, explore: bool = False
    ) -> tuple[Any, Mapping[str, Any], dict[str, Any]]:
        """The action for one observation; see `rlmodule_core.Policy.compute_single_action`."""
        self._refresh()
        return self._policy.compute_single_action(obs, state, explore)

    def get_module(self, module_id: str = DEFAULT_MODULE_ID) -> RLModule:
        """A module that learns.

        Raises:
            UnknownIdError: there is none of that id.
        """
        return self.module[module_id]

    def save(self, directory: str | Path) -> Path:
        """Write modules, optimizer moments, counters and random states as a checkpoint directory.

        Raises:
            CheckpointError: it cannot be written; an older checkpoint there is still whole.
        """
        return save_algorithm(
            directory,
            config=self.config,
            modules=dict(self.module.items()),
            moments={name: optimizer.get_state() for name, optimizer in self.learner.optimizers.items()},
            acted_with=self._acting.framework,
            state=self.get_state(),
        )

    @property
    def acting_framework(self) -> str | None:
        """The framework of the module that samples and evaluates."""
        return self._acting.framework

    def get_state(self) -> dict[str, Any]:
        """Counters and random states, JSON-able."""
        return {
            "iteration": self.iteration,
            "env_steps": self.env_steps,
            "episodes": self._episodes,
            "recent_returns": list(self._returns),
            "learner": self.learner.get_state(),
            "acting_rng": dict(self._runner.rng.get_state()),
        }

    def stop(self) -> None:
        """Close the environments."""
        self._runner.close()
