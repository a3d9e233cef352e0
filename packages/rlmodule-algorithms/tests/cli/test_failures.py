"""Runs that fail on the way: what is saved is named, and nothing is lost silently."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

from rlmodule_algorithms import latest_checkpoint
from rlmodule_algorithms.cli import main
from rlmodule_core.checkpoint import read_checkpoint

Refused = Callable[[Sequence[object]], str]

needs_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")


class Breaks(CartPoleEnv):
    """Works for some steps in all, then raises."""

    left = 0

    def step(self, action: Any) -> Any:
        Breaks.left -= 1
        if Breaks.left < 0:
            raise OSError("the simulator is gone")
        return super().step(action)


@pytest.fixture
def breaks() -> Iterator[str]:
    env_id = "Breaks-v0"
    gym.register(env_id, Breaks, max_episode_steps=50)
    yield env_id
    del gym.registry[env_id]


def iteration_of(checkpoint: Path) -> int:
    state: int = read_checkpoint(checkpoint).document["algorithm"]["state"]["iteration"]
    return state


def test_an_environment_that_breaks_is_named_with_where_to_go_on(small: Path, breaks: str, refused: Refused) -> None:
    Breaks.left = 560
    line = ["train", "--config", small, "--env", breaks, "--out", "run", "--quiet", "--checkpoint-every", "1"]
    err = refused([*line, "--max-steps", "100000"])
    assert "the simulator is gone" in err
    newest = iteration_of(latest_checkpoint("run"))
    assert newest >= 1
    assert f"The newest checkpoint is that of iteration {newest}; the run had come to {newest}." in err
    assert "rlmodule train --resume run" in err
    Breaks.left = 100_000
    assert main(["train", "--resume", "run", "--max-steps", "700", "--quiet"]) == 3


def test_where_nothing_was_saved_yet_it_says_so(small: Path, breaks: str, refused: Refused) -> None:
    Breaks.left = 10
    err = refused(["train", "--config", small, "--env", breaks, "--out", "run", "--quiet"])
    assert "Nothing of the run was saved: it had come to iteration 0." in err


@needs_full
def test_when_the_metrics_cannot_be_written_the_iteration_is_saved(run: Path, refused: Refused) -> None:
    log = run / "logs" / "metrics.jsonl"
    log.unlink()
    log.symlink_to("/dev/full")
    err = refused(["train", "--resume", run, "--max-steps", "9999", "--quiet"])
    assert "metrics.jsonl, got OSError: [Errno 28] No space left on device" in err
    assert f"The run is saved as it is after iteration 6, in {run}. Go on: rlmodule train --resume {run}" in err
    assert iteration_of(latest_checkpoint(run)) == 6


def test_when_a_checkpoint_cannot_be_written_another_place_is_found(
    run: Path, refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    (run / "iterations" / "000007").write_text("in the way")
    err = refused(["train", "--resume", run, "--max-steps", "9999", "--checkpoint-every", "1", "--quiet"])
    assert "iterations/000007" in err
    (place,) = elsewhere.iterdir()
    assert f"The run is saved as it is after iteration 7, in {place}. Go on: rlmodule train --resume {place}" in err
    assert iteration_of(place) == 7
    assert json.loads((place / "logs" / "run.json").read_text())["target"] == 501
    assert iteration_of(latest_checkpoint(run)) == 6, "what was there before is still whole"
    assert main(["train", "--resume", str(place), "--max-steps", "900", "--quiet"]) == 3


def test_when_nothing_can_be_written_anywhere_what_is_lost_is_named(run: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    # In a process of its own: the limit is on every file that it writes, as on a full disk.
    code = f"""
import resource, sys
from rlmodule_algorithms.cli import main
import rlmodule_algorithms.cli.training.train
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
sys.exit(main(["train", "--resume", {str(run)!r}, "--max-steps", "9999", "--quiet"]))
"""
    environment = {**os.environ, "TMPDIR": str(temporary)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "File too large" in done.stderr
    assert "The newest checkpoint is that of iteration 5; the run had come to " in done.stderr
    assert iteration_of(latest_checkpoint(run)) == 5
    assert list(temporary.iterdir()) == [], "what could not be rescued leaves nothing behind"


def test_a_directory_that_cannot_be_made_is_named(small: Path, refused: Refused) -> None:
    Path("file").write_text("")
    assert "Give another one with --out DIR" in refused(["train", "--config", small, "--out", "file/run"])


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_read_only_directory_is_named(run: Path, small: Path, refused: Refused) -> None:
    logs = run / "logs"
    logs.chmod(0o500)
    (logs / "run.json").chmod(0o400)
    assert "run.json" in refused(["train", "--resume", run, "--max-steps", "9999"])
    run.parent.chmod(0o500)
    assert "Give another one with --out DIR" in refused(["train", "--config", small, "--out", run.parent / "new"])
    run.parent.chmod(0o700)
    logs.chmod(0o700)


def test_a_network_beyond_the_memory_is_an_error_without_a_traceback(refused: Refused, tmp_path: Path) -> None:
    settings = tmp_path / "huge.toml"
    settings.write_text("[training]\nmodel = { fcnet_hiddens = [9_999_999_999_999] }\n")
    assert "The memory does not suffice: Unable to allocate" in refused(["train", "--config", str(settings)])
