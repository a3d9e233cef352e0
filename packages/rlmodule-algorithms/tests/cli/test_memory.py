"""The command line with a module that carries a state and is told of the step before."""

from __future__ import annotations

import json
from pathlib import Path

import gymnasium as gym
import pytest
from own_layers import TRAINING

from rlmodule_algorithms import evaluate_policy
from rlmodule_algorithms.cli import main
from rlmodule_algorithms.cli.exit_codes import TARGET_MISSED
from rlmodule_core import Policy


def test_it_is_trained_evaluated_and_inspected(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = "lstm_use_prev_action = true, lstm_use_prev_reward = true"
    memory = f"{{ fcnet_hiddens = [8], use_lstm = true, lstm_cell_size = 8, {told} }}"
    small.write_text(small.read_text().replace("{ fcnet_hiddens = [8] }", memory).replace("= 600", "= 256"))
    run = tmp_path / "run"
    assert main(["train", "--config", str(small), "--out", str(run), "--seed", "3"]) == TARGET_MISSED
    shown = capsys.readouterr().out
    assert "session.act(obs, rewards)" in shown
    assert "compute_single_action" not in shown

    returns = []
    for framework in ("numpy", *TRAINING):
        line = ["evaluate", str(run), "--episodes", "9", "--seed", "5", "--framework", framework, "--verbose"]
        assert main(line) == 0
        rows = [row.split() for row in capsys.readouterr().out.splitlines() if row.strip()[:1].isdigit()]
        returns.append([float(row[2]) for row in rows if len(row) == 4])
    policy = Policy.from_checkpoint(run, framework="numpy")
    expected = evaluate_policy(policy, lambda: gym.make("CartPole-v1"), episodes=9, seed=5)
    assert returns == [expected["episode_returns"]] * len(returns)

    assert main(["inspect", str(run), "--json"]) == 0
    (module,) = json.loads(capsys.readouterr().out)["modules"]
    state = {f"{part}.{leaf}": "[1, 8] float32" for part in ("actor", "critic") for leaf in ("c", "h")}
    assert module["summary"]["state"] == state
