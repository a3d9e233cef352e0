"""Short real runs, from the command line to the files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rlmodule_algorithms.cli import main
from rlmodule_core import Policy, default_backend_name
from rlmodule_core.checkpoint import read_checkpoint


def test_a_run_that_meets_its_target_ends_with_0_and_can_be_evaluated(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--target", "5", "--max-steps", "100000", "--seed", "2"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"PPO on CartPole-v1  {default_backend_name()}, seed 2, ")
    assert "Until greedy episodes average 5, at most 100,000 steps." in out
    assert "steps/s" in out
    assert "Target met" in out
    assert "\x1b" not in out
    directory = Path("runs/cartpole-v1-ppo-2")
    assert read_checkpoint(directory).document["algorithm"]["options"]["env"] == "CartPole-v1"
    assert (directory / "logs" / "metrics.jsonl").read_text().count("\n") >= 5
    assert main(["evaluate", str(directory)]) == 0
    shown = capsys.readouterr().out.splitlines()[-1].split()[1]
    assert f"{shown} mean of 20 fresh greedy episodes" in out


def test_a_run_whose_budget_ends_first_ends_with_3_and_keeps_what_it_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--target", "501", "--max-steps", "1", "--quiet"]) == 3
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "The budget ended before the target was met"
    assert "steps/s" not in out
    action, _, _ = Policy.from_checkpoint("runs/cartpole-v1-ppo-0", framework="numpy").compute_single_action([0.0] * 4)
    assert action in (0, 1)


def test_a_second_run_takes_the_next_directory_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    line = ["train", "--target", "501", "--max-steps", "1", "--quiet", "--out", "here"]
    main(line)
    before = {path: path.read_bytes() for path in Path("here").rglob("*") if path.is_file()}
    capsys.readouterr()
    main(line)
    assert "here is taken: this run is saved in here-2." in capsys.readouterr().out
    assert {path: path.read_bytes() for path in Path("here").rglob("*") if path.is_file()} == before
    assert Path("here-2/algorithm.json").exists()


def test_an_environment_without_a_target_trains_to_the_end_of_its_budget(
    untargeted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--env", untargeted, "--max-steps", "1"]) == 0
    out = capsys.readouterr().out
    assert "For at most 1 steps." in out
    assert "Training finished" in out


def test_a_train_batch_that_is_rounded_up_is_said_in_the_header(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--target", "501", "--max-steps", "1", "--num-envs", "3"]) == 3
    assert "3 environments, preset ppo-cartpole, train batch 2,049 (2,048 rounded up)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("train --env CartPol-v1", "Did you mean 'CartPole-v"),
        ("train --preset cartpol", "Did you mean 'ppo-cartpole'?"),
        ("train --framework torch", "Install it: pip install rlmodule-torch"),
        ("train --framework tf2", "Install it: pip install rlmodule-tf"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_no_directory(
    line: str, expected: str, uninstall: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    uninstall(line.split()[-1])
    assert main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert expected in err
    assert not Path("runs").exists()
