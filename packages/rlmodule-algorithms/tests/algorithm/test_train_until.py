from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlmodule_algorithms import PPOConfig
from rlmodule_core import ConfigError, Policy


def test_without_a_limit_there_would_be_no_end(small_ppo: PPOConfig, build: Any) -> None:
    with pytest.raises(ConfigError, match="needs a limit: episode_return_mean=, max_env_steps= or max_seconds="):
        build(small_ppo).train_until()


def test_a_return_that_is_reached_ends_the_run(small_ppo: PPOConfig, build: Any) -> None:
    outcome = build(small_ppo).train_until(episode_return_mean=1.0)
    assert (outcome.reached, outcome.reason, outcome.iterations) == (True, "episode_return_mean", 1)
    assert outcome.best_return is not None
    assert outcome.best_return >= 1.0
    assert outcome.checkpoint is None


def test_steps_of_the_whole_life_end_the_run(small_ppo: PPOConfig, build: Any) -> None:
    algorithm = build(small_ppo)
    algorithm.train()
    outcome = algorithm.train_until(episode_return_mean=1e9, max_env_steps=algorithm.env_steps + 200)
    assert (outcome.reached, outcome.reason, outcome.iterations) == (False, "max_env_steps", 3)
    assert outcome.env_steps == algorithm.env_steps


def test_a_limit_that_is_met_exactly_ends_the_run(scripted: Any, small_ppo: PPOConfig, build: Any) -> None:
    # One step per episode and reward 1: 128 steps an iteration, and a mean return of 1.
    config = small_ppo.environment(scripted, env_config={"script": [(1, "terminated")]})
    assert build(config).train_until(max_env_steps=256).iterations == 2
    assert build(config).train_until(episode_return_mean=1.0, max_env_steps=256).reached


def test_time_ends_the_run(small_ppo: PPOConfig, build: Any) -> None:
    outcome = build(small_ppo).train_until(max_seconds=0.05)
    assert outcome.reason == "max_seconds"
    assert outcome.seconds >= 0.05
    assert outcome.cpu_seconds > 0


def test_every_result_is_handed_on(small_ppo: PPOConfig, build: Any) -> None:
    results: list[Any] = []
    build(small_ppo).train_until(max_env_steps=300, on_result=results.append)
    assert [result["iteration"] for result in results] == [1, 2, 3]


@pytest.fixture
def scores(monkeypatch: Any, small_ppo: PPOConfig, build: Any) -> Any:
    """An algorithm whose evaluations come out as planned."""
    algorithm = build(small_ppo.evaluation(evaluation_interval=1).training(lr=1e-2))
    planned = iter([10.0, 30.0, 20.0, 30.0, 15.0])
    monkeypatch.setattr(algorithm, "evaluate", lambda: {"episode_return_mean": next(planned)})
    return algorithm


def test_the_checkpoint_is_the_first_of_the_best_evaluations(scores: Any, tmp_path: Path) -> None:
    weights: list[Any] = []
    outcome = scores.train_until(
        max_env_steps=600,
        checkpoint_dir=tmp_path / "best",
        on_result=lambda result: weights.append(scores.get_module().get_state()),
    )
    assert (outcome.best_return, outcome.iterations, outcome.checkpoint) == (30.0, 5, tmp_path / "best")
    kept = Policy.from_checkpoint(outcome.checkpoint).module.get_state()
    equal = [all(np.array_equal(kept[name], then[name]) for name in kept) for then in weights]
    assert equal == [False, True, False, False, False]


def test_greedy_evaluations_decide_where_there_are_any(scores: Any) -> None:
    outcome = scores.train_until(episode_return_mean=25.0)
    assert (outcome.reached, outcome.iterations, outcome.best_return) == (True, 2, 30.0)


def test_iterations_without_an_evaluation_do_not_decide(small_ppo: PPOConfig, build: Any, tmp_path: Path) -> None:
    algorithm = build(small_ppo.evaluation(evaluation_interval=10))
    outcome = algorithm.train_until(episode_return_mean=1.0, max_env_steps=200, checkpoint_dir=tmp_path)
    assert (outcome.reason, outcome.best_return) == ("max_env_steps", None)
    assert outcome.checkpoint == tmp_path
    kept, last = Policy.from_checkpoint(tmp_path).module.get_state(), algorithm.get_module().get_state()
    assert all(np.array_equal(kept[name], last[name]) for name in last)


def test_a_second_run_never_replaces_a_better_checkpoint_of_the_first(scores: Any, tmp_path: Path) -> None:
    first = scores.train_until(max_env_steps=256, checkpoint_dir=tmp_path / "best")
    best = (tmp_path / "best" / "algorithm.json").read_bytes()
    second = scores.train_until(max_env_steps=600, checkpoint_dir=str(tmp_path / "here" / ".." / "best"))
    assert (first.best_return, second.best_return, second.iterations) == (30.0, 30.0, 5)
    assert (tmp_path / "best" / "algorithm.json").read_bytes() == best
    assert second.checkpoint is not None
    assert second.checkpoint.resolve() == tmp_path / "best"


def test_a_checkpoint_that_was_taken_away_is_not_missed_for_long(scores: Any, tmp_path: Path) -> None:
    scores.train_until(max_env_steps=256, checkpoint_dir=tmp_path)
    (tmp_path / "algorithm.json").unlink()
    scores.train_until(max_env_steps=300, checkpoint_dir=tmp_path)
    assert (tmp_path / "algorithm.json").exists()


def test_another_directory_starts_anew(scores: Any, tmp_path: Path) -> None:
    scores.train_until(max_env_steps=256, checkpoint_dir=tmp_path / "a")
    scores.train_until(max_env_steps=300, checkpoint_dir=tmp_path / "b")
    assert (tmp_path / "b" / "algorithm.json").exists()


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("max_env_steps", "100"),
        ("on_result", lambda: None),
        ("max_env_steps", 1e6),
        ("max_env_steps", 0),
        ("max_seconds", "1"),
        ("max_seconds", -1),
        ("max_seconds", float("nan")),
        ("episode_return_mean", "475"),
        ("episode_return_mean", float("nan")),
        ("checkpoint_dir", 3),
        ("checkpoint_dir", ""),
        ("on_result", []),
    ],
)
def test_an_argument_of_another_kind_is_refused_by_name_before_anything_runs(
    small_ppo: PPOConfig, build: Any, argument: str, value: Any
) -> None:
    algorithm = build(small_ppo)
    with pytest.raises(ConfigError, match=f"The option '{argument}' must be .*, got "):
        algorithm.train_until(**{"max_env_steps": 1, argument: value})
    assert algorithm.iteration == 0


def test_a_return_below_zero_can_be_asked_for(small_ppo: PPOConfig, build: Any) -> None:
    assert build(small_ppo).train_until(episode_return_mean=-100).reached
