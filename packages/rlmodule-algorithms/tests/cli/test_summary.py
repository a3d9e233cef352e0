"""The last words of a run."""

from __future__ import annotations

import io
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from rlmodule_algorithms import PRESETS, PPOConfig, TrainingOutcome
from rlmodule_algorithms.cli.limits import Limits
from rlmodule_algorithms.cli.training.plan import Plan
from rlmodule_algorithms.cli.training.summary import Summary, print_summary

OUTCOME = TrainingOutcome(
    reached=True,
    reason="episode_return_mean",
    best_return=491.0,
    env_steps=81_920,
    iterations=40,
    seconds=14.21,
    cpu_seconds=13.94,
    checkpoint=Path("runs/cartpole-v1-ppo-0"),
)
PLAN = Plan(
    algorithm="PPO",
    env="CartPole-v1",
    framework="torch",
    seed=0,
    config=PPOConfig(),
    limits=Limits(475.0, 200_000, 90.0),
    final_episodes=3,
    preset="ppo-cartpole",
)
EVALUATION = {"episode_return_mean": 489.7, "episode_returns": [500.0, 469.0, 500.0]}
MET = Summary(PLAN, OUTCOME, EVALUATION, Path("runs/cartpole-v1-ppo-0"))
MISSED = replace(
    MET,
    outcome=replace(OUTCOME, reached=False, reason="max_env_steps"),
    evaluation={"episode_return_mean": 211.0, "episode_returns": [210.0, 212.0]},
)


def printed(summary: Summary, width: int = 80) -> str:
    stream = io.StringIO()
    print_summary(Console(file=stream, width=width, highlight=False), summary)
    return stream.getvalue()


def test_it_says_what_was_reached_where_it_is_and_what_is_next() -> None:
    text = printed(MET)
    assert text.splitlines()[0] == "Target met"
    for part in (
        "489.7 mean of 3 fresh greedy episodes on numpy (469 to 500)",
        "475, met",
        "81,920 steps in 40 iterations",
        "14.2 s, 13.9 s of CPU",
        "saved in  runs/cartpole-v1-ppo-0\n",
        "  rlmodule evaluate runs/cartpole-v1-ppo-0 --episodes 100\n",
        '  policy = Policy.from_checkpoint("runs/cartpole-v1-ppo-0", framework="numpy")\n',
        "  tensorboard --logdir runs/cartpole-v1-ppo-0/logs\n",
    ):
        assert part in text
    assert "Go on" not in text


def test_it_is_ascii_and_all_but_a_long_command_fits_80_columns() -> None:
    for summary in (MET, MISSED):
        lines = printed(summary).splitlines()
        assert "".join(lines).isascii()
        assert all(len(line) <= 80 or line.startswith(("  rlmodule ", "  policy = ")) for line in lines)


def test_a_missed_target_comes_with_a_command_of_twice_the_budget() -> None:
    text = printed(MISSED)
    assert text.splitlines()[0] == "The budget ended before the target was met"
    assert "475, not met" in text
    budget = "--max-steps 400000 --max-seconds 180"
    assert f"  rlmodule train --resume runs/cartpole-v1-ppo-0 {budget}\n" in text
    envs = PLAN.config.num_envs_per_env_runner
    settings = f"--env CartPole-v1 --seed 1 --preset ppo-cartpole --target 475 --num-envs {envs}"
    assert f"  rlmodule train PPO {settings} {budget}\n" in text


def test_another_seed_is_tried_with_the_settings_of_the_file() -> None:
    text = printed(replace(MISSED, plan=replace(PLAN, preset=None, file="my settings.toml", seed=None)))
    assert "  rlmodule train PPO --env CartPole-v1 --seed 1 --config 'my settings.toml' --target 475" in text


def test_another_seed_is_tried_with_as_many_environments() -> None:
    config = PRESETS["ppo-cartpole"].make_config().env_runners(num_envs_per_env_runner=5)
    assert "--seed 1 --preset ppo-cartpole --target 475 --num-envs 5 " in printed(
        replace(MISSED, plan=replace(PLAN, config=config))
    )


def test_fresh_episodes_decide_whether_the_target_is_met() -> None:
    flattered = replace(MISSED, outcome=OUTCOME)
    assert not flattered.target_met
    assert printed(flattered).startswith("Target met in training, but not in fresh episodes")
    lucky = replace(MET, outcome=MISSED.outcome)
    assert lucky.target_met


def test_without_a_target_there_is_nothing_to_miss() -> None:
    summary = replace(MISSED, plan=replace(PLAN, limits=Limits(None, 1000)))
    assert summary.target_met
    text = printed(summary)
    assert text.startswith("Training finished")
    assert "target" not in text


@pytest.mark.parametrize(("number", "headline"), [(signal.SIGINT, "Interrupted"), (signal.SIGTERM, "Terminated")])
def test_a_run_that_a_signal_ended_says_so_and_how_to_go_on(number: int, headline: str) -> None:
    stopped = replace(MET, outcome=replace(OUTCOME, reason="stopped", reached=False), evaluation=None, ended_by=number)
    text = printed(stopped)
    assert text.splitlines()[0] == headline
    assert "491.0 at best in training; not evaluated afresh" in text
    assert "475, not yet met" in text
    assert "  rlmodule train --resume runs/cartpole-v1-ppo-0\n" in text
    assert "another seed" not in text


def test_a_run_that_kept_nothing_offers_nothing_to_evaluate() -> None:
    outcome = replace(OUTCOME, reason="stopped", reached=False, best_return=None, checkpoint=None)
    text = printed(replace(MET, outcome=outcome, evaluation=None, ended_by=signal.SIGINT))
    assert "not evaluated\n" in text
    assert "rlmodule evaluate" not in text
    assert "Policy.from_checkpoint" not in text


def test_without_tensorboardx_the_logs_are_named_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    text = printed(MET)
    assert "The metrics are in runs/cartpole-v1-ppo-0/logs/metrics.jsonl; for TensorBoard" in text
    assert '  pip install "rlmodule-algorithms[tensorboard]"\n' in text
    assert "--logdir" not in text


def test_commands_stay_on_one_line_and_survive_the_shell() -> None:
    directory = Path("somewhere", "a place with spaces", "x" * 60)
    text = printed(replace(MET, directory=directory), width=60)
    assert f"  rlmodule evaluate '{directory}' --episodes 100\n" in text


def test_inside_hatch_commands_are_run_through_hatch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "HATCH_ENV_ACTIVE", "default")
    assert "  hatch run rlmodule evaluate runs/cartpole-v1-ppo-0" in printed(MET)
