"""An algorithm: sampling, learning and evaluating, put together from a config."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from rlmodule_algorithms.checkpointing.resuming import kept_returns, restored, stored_config
from rlmodule_algorithms.checkpointing.stored_algorithm import AlgorithmState, StoredAlgorithm, save_algorithm
from rlmodule_algorithms.config.callbacks import notify
from rlmodule_algorithms.config.settings import AlgorithmSettings
from rlmodule_algorithms.evaluation import evaluate_policy
from rlmodule_algorithms.finished_episodes import FinishedEpisodes
from rlmodule_algorithms.learner import Learner
from rlmodule_algorithms.learner_contract import checked_arrays, checked_batch, checked_mapping
from rlmodule_algorithms.module_building import build_module, stored_module
from rlmodule_algorithms.sampling.acting import acting_module, is_small
from rlmodule_algorithms.sampling.closing import close_quietly
from rlmodule_algorithms.sampling.environments import make_env, make_vector_env
from rlmodule_algorithms.sampling.reward_scaling import RewardScaling
from rlmodule_algorithms.sampling.rollout import Rollout
from rlmodule_algorithms.sampling.runner import Runner
from rlmodule_algorithms.seeds import Seeds
from rlmodule_algorithms.threads import limited_threads
from rlmodule_algorithms.training import TrainingOutcome, train_until
from rlmodule_core import DEFAULT_MODULE_ID, ConfigError, Policy, RLModule
from rlmodule_marl import MultiAgentRLModule


class Algorithm:
    """Trains a module in an environment. Made by `config.build()`.

    Attributes:
        config: the options; changing them after building has no effect.
        module: the container of the modules that learn.
        iteration: how often `train()` has run.
        env_steps: environment steps sampled so far.
        best_returns: the best mean return kept in each checkpoint directory.
    """

    def __init__(
        self, config: AlgorithmSettings, learner_class: type[Learner], *, stored: StoredAlgorithm | None = None
    ) -> None:
        self.config = config
        self.iteration = 0
        self.env_steps = 0
        self._seeds = Seeds.of(config.seed if stored is None else stored.state.entropy)
        with ExitStack() as on_failure:
            env = make_vector_env(config.env_source, config.env_config, config.num_envs_per_env_runner)
            on_failure.callback(close_quietly, env)
            if stored is None:
                module = build_module(config, env, self._seeds.weights)
            else:
                module = stored_module(config, env, stored.modules)
            self.module: MultiAgentRLModule = module.as_multi_agent()
            self.learner = learner_class(self.module, config, self._seeds.shuffling())
            self._acting = acting_module(module, config.act_with)
            scaling = RewardScaling(config.num_envs_per_env_runner, config.gamma) if config.normalize_rewards else None
            self._reward_scaling = scaling
            self._runner = Runner(
                env,
                self._acting,
                rng=self._acting.backend.rng(self._seeds.acting),
                fragment_length=config.fragment_length,
                seed=self._seeds.environments,
                reward_scaling=scaling,
            )
            on_failure.pop_all()
        self.best_returns: dict[Path, float] = {}
        self._policy = Policy(self._acting, seed=self._seeds.evaluation)
        self._threads = 1 if is_small(module) else None
        self._episodes = FinishedEpisodes()
        self._stopped = False
        if stored is None:
            notify(config.on_algorithm_init, algorithm=self)

    @classmethod
    def from_checkpoint(cls, directory: str | Path, *, config: AlgorithmSettings | None = None) -> Self:
        """Go on from where an algorithm was saved: modules, optimizers, schedules, counters and random states.

        Environments begin new episodes, which is exact where the algorithm was configured with
        `checkpointing(exact_resume=True)`: then the one that was saved goes on just so.

        Args:
            directory: what `save` wrote; of the directory of a run, `latest_checkpoint` finds the newest.
            config: the options, in place of the stored ones: needed where some are functions or classes, which no file
                holds.

        Raises:
            CheckpointError: it is missing or damaged, or needs what is not there; the text says what to pass.
            ConfigError: the config is none of this algorithm's, or does not fit the stored modules.
        """
        stored = StoredAlgorithm.read(directory)
        chosen: Any = stored_config(stored, config)
        algorithm = cls(chosen, chosen.learner_class, stored=stored)
        try:
            algorithm._resume(stored)
        except BaseException:
            algorithm.stop()
            raise
        notify(chosen.on_checkpoint_loaded, algorithm=algorithm, directory=stored.directory)
        return algorithm

    def _resume(self, stored: StoredAlgorithm) -> None:
        state = stored.state
        self.iteration, self.env_steps = state.iteration, state.env_steps
        with restored(stored.directory):
            self._episodes = FinishedEpisodes(count=state.episodes, returns=state.recent_returns)
            self.learner.set_state(state.learner)
            self.learner.set_arrays(stored.learner_arrays())
            if stored.entry.acted_with == self._acting.framework:
                self._runner.rng.set_state(state.acting_rng)
            if self._reward_scaling is not None and state.reward_scaling is not None:
                self._reward_scaling.set_state(state.reward_scaling)
        self.best_returns.update(kept_returns(stored))
        self._begin_episodes()

    def train(self) -> dict[str, Any]:
        """One iteration: sample a batch, learn from it, evaluate if it is time.

        Returns:
            A nested dict: `env_runners`, `learners.<module id>`, `timers`, and `evaluation` where one ran.

        Raises:
            NotANumberError: an observation, reward, loss or gradient is not finite; the weights are the last good
                ones.
            EnvError: an environment failed.
            ConfigError: the algorithm was stopped.
        """
        if self._stopped:
            raise ConfigError(
                "train() was called after stop(), which has closed the environments. Build the algorithm again, or go "
                "on from a checkpoint: Algorithm.from_checkpoint(directory)."
            )
        started = time.perf_counter()
        with limited_threads(self.learner.backend, self._threads):
            self._refresh()
            rollout = self._runner.sample()
            notify(self.config.on_sample_end, algorithm=self, rollout=rollout)
            sampled = time.perf_counter()
            learned = self._learn(rollout)
        self.iteration += 1
        self._episodes.add(rollout.episode_returns)
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
        notify(self.config.on_train_result, algorithm=self, result=result)
        return result

    def _learn(self, rollout: Rollout) -> dict[str, dict[str, float]]:
        # Values come from the module that acted: it has the same weights, and in numpy it is the faster one.
        batch, metrics = checked_batch(self.learner, self.learner.make_batch(rollout, self._acting))
        self.env_steps += rollout.num_steps
        learned = self.learner.update({DEFAULT_MODULE_ID: batch}, timestep=self.env_steps)
        self.learner.update_statistics({DEFAULT_MODULE_ID: rollout})
        return {module_id: {**losses, **metrics} for module_id, losses in learned.items()}

    def _refresh(self) -> None:
        """Give the module that acts the weights of the one that learns, whoever has changed them."""
        learning = self.get_module()
        if self._acting is not learning:
            self._acting.set_state(learning.get_state())

    def _sampling_metrics(self, rollout: Rollout) -> dict[str, float]:
        return {
            **self._episodes.metrics(),
            "num_episodes": len(rollout.episode_returns),
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
        evaluation = evaluate_policy(
            self._policy,
            lambda: make_env(self.config.env_source, self.config.env_config),
            episodes=self.config.evaluation_duration if episodes is None else episodes,
            seed=self._seeds.evaluation if seed is None else seed,
        )
        notify(self.config.on_evaluate_end, algorithm=self, evaluation_metrics=evaluation)
        return evaluation

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
            checkpoint_dir: where the best algorithm so far is kept, and those of iterations that `.checkpointing()`
                asks for.
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

        With `checkpointing(exact_resume=True)` all environments begin new episodes, as they will on resuming.

        Raises:
            CheckpointError: it cannot be written; an older checkpoint there is still whole.
        """
        if self.config.exact_resume and not self._stopped:
            self._begin_episodes()
        return self._write(directory, kept_return=None, exact=self.config.exact_resume)

    def save_best(self, directory: str | Path, episode_return_mean: float) -> Path:
        """Write a checkpoint that is kept for its mean return; the environments go on where they are.

        Raises:
            CheckpointError: it cannot be written; an older checkpoint there is still whole.
        """
        path = self._write(directory, kept_return=episode_return_mean, exact=False)
        self.best_returns[path.resolve()] = episode_return_mean
        return path

    def _write(self, directory: str | Path, *, kept_return: float | None, exact: bool) -> Path:
        path = save_algorithm(
            directory,
            config=self.config,
            modules=dict(self.module.items()),
            learner_arrays=checked_arrays(self.learner, self.learner.get_arrays()),
            acted_with=self._acting.framework,
            state=self.get_state(),
            kept_return=kept_return,
            exact=exact,
        )
        notify(self.config.on_checkpoint_saved, algorithm=self, directory=path)
        return path

    def _begin_episodes(self) -> None:
        self._runner.restart(self._seeds.restart(self.iteration))

    @property
    def acting_framework(self) -> str | None:
        """The framework of the module that samples and evaluates."""
        return self._acting.framework

    def get_state(self) -> AlgorithmState:
        """Counters and random states, JSON-able."""
        return AlgorithmState(
            iteration=self.iteration,
            env_steps=self.env_steps,
            episodes=self._episodes.count,
            recent_returns=self._episodes.recent_returns,
            entropy=self._seeds.entropy,
            learner=dict(checked_mapping(self.learner, "get_state", self.learner.get_state())),
            acting_rng=dict(self._runner.rng.get_state()),
            reward_scaling=None if self._reward_scaling is None else self._reward_scaling.get_state(),
        )

    def stop(self) -> None:
        """Close the environments; evaluating, acting and saving are still possible."""
        self._stopped = True
        self._runner.close()
