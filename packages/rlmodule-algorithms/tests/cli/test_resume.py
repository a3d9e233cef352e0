"""Going on with a run that was stopped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from rlmodule_algorithms import Algorithm, latest_checkpoint
from rlmodule_algorithms.cli import main
from rlmodule_core import default_backend_name
from rlmodule_core.checkpoint import read_checkpoint

Refused = Callable[[Sequence[object]], str]


def iterations(run: Path) -> list[int]:
    return [json.loads(line)["iteration"] for line in (run / "logs" / "metrics.jsonl").read_text().splitlines()]


def kept(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "iterations").iterdir())


def test_the_end_of_a_run_is_saved_beside_the_scheduled_checkpoints(run: Path) -> None:
    assert iterations(run) == [1, 2, 3, 4, 5]
    assert kept(run) == ["000003", "000005"]
    assert latest_checkpoint(run) == run / "iterations" / "000005"


def test_a_run_goes_on_in_its_directory_with_its_settings(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--resume", str(run), "--max-steps", "1000"]) == 3
    out, err = capsys.readouterr()
    framework = default_backend_name()
    assert out.startswith(f"PPO on CartPole-v1  {framework}, seed 0, 4 environments\nGoing on from iteration 5, ")
    assert "Until greedy episodes average 501, at most 1,000 steps." in out
    assert f"{run} is taken" not in out
    assert err == ""
    last = iterations(run)[-1]
    assert iterations(run) == list(range(1, last + 1))
    assert last > 5
    document = read_checkpoint(latest_checkpoint(run)).document["algorithm"]
    assert document["state"]["iteration"] == last
    assert document["options"]["train_batch_size"] == 128


def test_a_new_budget_is_remembered_for_the_next_time(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--resume", str(run), "--max-steps", "700", "--target", "400"]) in (0, 3)
    assert main(["train", "--resume", str(run)]) == 2
    assert "of its 700 steps. Give it more, such as --max-steps " in capsys.readouterr().err
    record = json.loads((run / "logs" / "run.json").read_text())
    assert (record["target"], record["max_env_steps"]) == (400.0, 700)


def test_a_better_checkpoint_from_before_is_not_overwritten(run: Path) -> None:
    def best() -> Any:
        return read_checkpoint(run).document["algorithm"]["kept_return"]

    before = best()
    assert main(["train", "--resume", str(run), "--max-steps", "1500", "--quiet"]) == 3
    assert best() >= before


def test_a_run_that_was_killed_goes_on_from_its_newest_checkpoint(run: Path) -> None:
    shutil.rmtree(run / "iterations" / "000005")
    log = run / "logs" / "metrics.jsonl"
    log.write_text(log.read_text()[:-20])
    assert main(["train", "--resume", str(run), "--max-steps", "600", "--quiet"]) == 3
    assert iterations(run)[:4] == [1, 2, 3, 4], "the half line of iteration 5 is gone"
    assert iterations(run)[4] == 4, "the newest checkpoint is that of iteration 3 or 4"


def test_the_directory_of_the_newest_checkpoint_stands_for_its_run(run: Path) -> None:
    assert main(["train", "--resume", str(run / "iterations" / "000005"), "--max-steps", "700", "--quiet"]) == 3
    assert kept(run)[-1] > "000005"
    assert not (run / "iterations" / "000005" / "logs").exists()


def test_a_checkpoint_that_is_not_the_newest_is_refused(run: Path, refused: Refused) -> None:
    err = refused(["train", "--resume", run / "iterations" / "000003"])
    assert "is not the newest checkpoint of its run" in err
    assert "copy" in err


def test_exact_runs_compute_what_one_that_was_never_stopped_computes(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = ["train", "--config", str(small), "--exact-resume", "--checkpoint-every", "2", "--quiet"]
    assert main([*start, "--out", "whole", "--max-steps", "700"]) == 3
    assert main([*start, "--out", "parts", "--max-steps", "385"]) == 3
    assert iterations(Path("parts"))[-1] == 4
    capsys.readouterr()
    assert main(["train", "--resume", "parts", "--max-steps", "700"]) == 3
    assert "Going on from iteration 4, " in (out := capsys.readouterr().out)
    assert "as if never stopped" in out
    whole, parts = (latest_checkpoint(name) for name in ("whole", "parts"))
    assert whole.name == parts.name
    assert {path.name: path.read_bytes() for path in whole.glob("*.safetensors")} == {
        path.name: path.read_bytes() for path in parts.glob("*.safetensors")
    }


def test_options_that_repeat_the_run_are_no_contradiction(run: Path) -> None:
    line = ["train", "ppo", "--resume", str(run), "--env", "CartPole-v1", "--seed", "0", "--num-envs", "4"]
    assert main([*line, "--framework", default_backend_name(), "--out", str(run), "--max-steps", "700", "--quiet"]) == 3


@pytest.mark.parametrize(
    "option",
    [
        "--env Acrobot-v1",
        "--preset ppo-cartpole",
        "--config small.toml",
        "--seed 1",
        "--num-envs 8",
        "--out elsewhere",
        "--exact-resume",
    ],
)
def test_options_that_contradict_the_run_are_named(option: str, run: Path, refused: Refused) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    err = refused(["train", "--resume", run, *option.split(), "--max-steps", "9999"])
    assert f"which these contradict: {option}" in err
    assert "only --framework, --target, --max-steps, --max-seconds and --checkpoint-every can change" in err
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_framework_that_cannot_train_leaves_the_run_as_it_is(run: Path, refused: Refused) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert "'numpy' only runs forwards" in refused(["train", "--resume", run, "--framework", "numpy"])
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_an_algorithm_that_contradicts_the_run_is_named(run: Path, refused: Refused) -> None:
    assert "ALGORITHM appo" in refused(["train", "appo", "--resume", run])


def test_where_there_is_no_run_the_path_is_named(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "file").write_text("")
    for name in ("missing", "file", "."):
        assert f"Expected the directory of a training run, got {name}" in refused(["train", "--resume", name])


def test_a_module_alone_is_refused_with_what_to_do(run: Path, refused: Refused) -> None:
    algorithm = Algorithm.from_checkpoint(latest_checkpoint(run))
    algorithm.get_module().save_to_checkpoint("module")
    algorithm.stop()
    err = refused(["train", "--resume", "module"])
    assert "module holds a module alone" in err
    assert "load_state_path='module'" in err


@pytest.mark.parametrize("damage", [lambda data: data[:99], lambda data: b"", lambda data: data.replace(b"0", b"1")])
def test_a_damaged_newest_checkpoint_is_named_with_the_way_out(run: Path, refused: Refused, damage: Any) -> None:
    newest = run / "iterations" / "000005"
    path = newest / "algorithm.json"
    path.write_bytes(damage(path.read_bytes()))
    err = refused(["train", "--resume", run, "--max-steps", "9999"])
    assert "000005/algorithm.json" in err
    assert "delete it and resume again" in err
    shutil.rmtree(newest)
    assert main(["train", "--resume", str(run), "--max-steps", "600", "--quiet"]) == 3


@pytest.mark.parametrize("text", ["{", "[]", '{"target": "x"}', ""])
def test_a_damaged_record_of_the_run_is_named_with_the_way_out(text: str, run: Path, refused: Refused) -> None:
    record = run / "logs" / "run.json"
    record.write_text(text)
    assert f"{record} cannot be read" in refused(["train", "--resume", run])
    record.unlink()
    assert main(["train", "--resume", str(run), "--max-steps", "700", "--quiet"]) == 3


def test_a_run_that_was_trained_in_python_goes_on_too(small_ppo: Any, tmp_path: Path) -> None:
    algorithm = small_ppo.build()
    algorithm.train_until(max_env_steps=1, checkpoint_dir=tmp_path / "mine")
    algorithm.stop()
    assert main(["train", "--resume", "mine", "--target", "501", "--max-steps", "300", "--quiet"]) == 3
    assert iterations(tmp_path / "mine")[:2] == [2, 3]


def test_an_environment_that_is_gone_is_named(small: Path, refused: Refused) -> None:
    gym.register("Gone-v0", "gymnasium.envs.classic_control.cartpole:CartPoleEnv", max_episode_steps=9)
    try:
        assert main(["train", "--config", str(small), "--env", "Gone-v0", "--out", "run", "--quiet"]) == 3
    finally:
        del gym.registry["Gone-v0"]
    assert "No environment 'Gone-v0' is registered" in refused(["train", "--resume", "run", "--max-steps", "9999"])
    assert "No environment 'Gone-v0' is registered" in refused(["evaluate", "run"])


def test_an_environment_that_would_import_a_module_must_be_repeated(small: Path, refused: Refused) -> None:
    env = "gymnasium.envs.classic_control:CartPole-v1"
    assert main(["train", "--config", str(small), "--env", env, "--out", "run", "--quiet"]) == 3
    err = refused(["train", "--resume", "run", "--max-steps", "700"])
    assert "would import the module before the colon" in err
    assert f"--env {env}" in err
    assert main(["train", "--resume", "run", "--max-steps", "700", "--env", env, "--quiet"]) == 3
