"""Real signals to a real process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rlmodule_algorithms.checkpointing.run_directory import latest_checkpoint
from rlmodule_algorithms.cli import main
from rlmodule_core.checkpoint import read_checkpoint

CODE = "import sys; from rlmodule_algorithms.cli import main; sys.exit(main(sys.argv[1:]))"
ENDLESS = ("--max-steps", "100000000", "--out", "run")
SLOW = "SlowSteps-v0"


def started(*line: str, code: str = CODE) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", code, "train", *line],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def wait_for(process: subprocess.Popen[str], path: Path) -> None:
    for _ in range(600):
        if path.exists() and path.stat().st_size:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise TimeoutError(path)


@pytest.mark.parametrize(
    ("number", "code", "headline"), [(signal.SIGINT, 130, "Interrupted"), (signal.SIGTERM, 143, "Terminated")]
)
def test_a_signal_ends_the_iteration_saves_and_tells_how_to_go_on(
    number: signal.Signals, code: int, headline: str, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with started("--config", str(small), *ENDLESS) as process:
        wait_for(process, Path("run/logs/metrics.jsonl"))
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert err == "Stopping after this iteration; a second signal ends at once.\n"
    assert headline in out
    assert "  rlmodule train --resume run\n" in out
    newest = latest_checkpoint("run")
    assert newest.parent == Path("run/iterations")
    state = read_checkpoint(newest).document["algorithm"]["state"]
    iterations = Path("run/logs/metrics.jsonl").read_text().count("\n")
    assert state["iteration"] == iterations, "the state of the last iteration is saved, not of one before"

    assert main(["train", "--resume", "run", "--max-steps", str(state["env_steps"] + 1)]) == 3
    assert f"Going on from iteration {iterations}, " in capsys.readouterr().out
    assert Path("run/logs/metrics.jsonl").read_text().count("\n") == iterations + 1


def test_a_reader_that_goes_away_does_not_end_the_training(small: Path) -> None:
    with started("--config", str(small), "--max-steps", "4000", "--out", "run") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("PPO on CartPole-v1")
        process.stdout.close()
        assert process.wait(timeout=60) == 3
        assert process.stderr is not None
        assert process.stderr.read() == ""
    steps = read_checkpoint(latest_checkpoint("run")).document["algorithm"]["state"]["env_steps"]
    assert steps >= 4000


@pytest.mark.parametrize(("second", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_signal_ends_at_once(second: signal.Signals, code: int, small: Path) -> None:
    # Behind the first iteration every step takes a tenth of a second: the second one would take a dozen seconds.
    slow = f"""
import sys, time, gymnasium as gym
from gymnasium.envs.classic_control.cartpole import CartPoleEnv
class Slow(CartPoleEnv):
    taken = 0
    def step(self, action):
        Slow.taken += 1
        time.sleep(0.1 if Slow.taken > 128 else 0)
        return super().step(action)
gym.register({SLOW!r}, Slow, max_episode_steps=50)
{CODE}"""
    with started("--config", str(small), "--env", SLOW, *ENDLESS, "--checkpoint-every", "1", code=slow) as process:
        wait_for(process, Path("run/logs/metrics.jsonl"))
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Stopping")
        sent = time.monotonic()
        process.send_signal(second)
        _, err = process.communicate(timeout=60)
    assert time.monotonic() - sent < 6.0
    assert process.returncode == code
    assert "The newest checkpoint is that of iteration" in err
    assert "rlmodule train --resume run" in err
    assert "Traceback" not in err
    read_checkpoint(latest_checkpoint("run")).verify()
