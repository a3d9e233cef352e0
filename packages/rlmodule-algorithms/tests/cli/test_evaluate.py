"""Playing episodes with a checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.envs.classic_control.pendulum import PendulumEnv

from rlmodule_algorithms.cli import main
from rlmodule_core import ActorCriticRLModule, SingleAgentRLModuleSpec
from rlmodule_core.checkpoint import SECTION, describe_modules, write_checkpoint
from rlmodule_core.module.resolve import resolve_module_class


def cartpole_module() -> Any:
    env = gym.make("CartPole-v1")
    return SingleAgentRLModuleSpec(
        module_class=resolve_module_class(ActorCriticRLModule, "numpy"),
        observation_space=env.observation_space,
        action_space=env.action_space,
        model_config_dict={"fcnet_hiddens": [8]},
        catalog_class="ppo",
    ).build()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("checkpoint")
    cartpole_module().save_to_checkpoint(directory)
    return directory


def algorithm_checkpoint(directory: Path, env: str | None, **description: Any) -> Path:
    section, payloads = describe_modules({"default_policy": cartpole_module()})
    document = {SECTION: section, "algorithm": {"name": "PPO", "options": {"env": env}, **description}}
    return write_checkpoint(directory, kind="algorithm", document=document, payloads=payloads)


def numbers_of(out: str) -> list[float]:
    return [float(cell) for cell in out.splitlines()[-1].split()[1:]]


def test_a_module_s_checkpoint_is_played_in_the_environment_given(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(checkpoint), "--env", "CartPole-v1", "--episodes", "6", "--verbose"]) == 0
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines() if line.strip()[:1].isdigit() and len(line.split()) == 4]
    assert [row[1] for row in rows] == [str(1000 + episode) for episode in range(6)]
    assert [row[2] for row in rows] == [row[3] for row in rows], "each step of CartPole is worth 1"
    returns = [float(row[2]) for row in rows]
    mean = sum(returns) / 6
    std = (sum((value - mean) ** 2 for value in returns) / 6) ** 0.5
    assert numbers_of(out) == pytest.approx([mean, std, min(returns), max(returns)], abs=0.06)


def test_a_checkpoint_without_an_environment_asks_for_one(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(checkpoint)]) == 2
    assert "records no environment id. Give one with --env ID." in capsys.readouterr().err


def test_the_recorded_environment_is_the_default(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    algorithm_checkpoint(tmp_path, "CartPole-v1")
    assert main(["evaluate", str(tmp_path), "--episodes", "2"]) == 0
    assert "on CartPole-v1" in capsys.readouterr().out


def test_a_recorded_environment_that_would_import_a_module_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    algorithm_checkpoint(tmp_path, "antigravity:CartPole-v1")
    assert main(["evaluate", str(tmp_path)]) == 2
    assert "--env antigravity:CartPole-v1" in capsys.readouterr().err
    assert main(["evaluate", str(tmp_path), "--env", "CartPole-v1", "--episodes", "1"]) == 0


def test_equal_seeds_give_equal_returns_even_when_exploring(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = []
    for seed in ("3", "3", "4"):
        line = f"--env CartPole-v1 --episodes 5 --explore --verbose --seed {seed}"
        assert main(["evaluate", str(checkpoint), *line.split()]) == 0
        outputs.append(capsys.readouterr().out.splitlines()[-1])
    assert outputs[0] == outputs[1] != outputs[2]


def test_an_environment_that_does_not_fit_is_named_with_both_spaces(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(checkpoint), "--env", "Acrobot-v1"]) == 2
    err = capsys.readouterr().err
    assert "(4,)" in err
    assert "(6,)" in err


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("evaluate {missing}", "Expected a checkpoint directory at"),
        ("evaluate {checkpoint} --env CartPol-v1", "Did you mean 'CartPole-v"),
        ("evaluate {checkpoint} --env CartPole-v1 --framework torch", "Install it: pip install rlmodule-torch"),
        ("evaluate {checkpoint} --env CartPole-v1 --framework tf2", "Install it: pip install rlmodule-tf"),
    ],
)
def test_wrong_input_is_one_line_with_the_next_step(
    line: str, expected: str, checkpoint: Path, tmp_path: Path, uninstall: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    uninstall(line.split()[-1])
    assert main(line.format(checkpoint=checkpoint, missing=tmp_path / "missing").split()) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert expected in err


def test_a_damaged_checkpoint_is_an_error_not_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    algorithm_checkpoint(tmp_path, "CartPole-v1")
    path = tmp_path / "algorithm.json"
    document = json.loads(path.read_text())
    document["algorithm"]["options"]["env"] = "MountainCar-v0"
    path.write_text(json.dumps(document))
    assert main(["evaluate", str(tmp_path)]) == 2
    assert "digest" in capsys.readouterr().err


def test_debugging_shows_the_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLMODULE_DEBUG", "1")
    with pytest.raises(ValueError, match="Expected a checkpoint directory"):
        main(["evaluate", str(tmp_path / "missing")])


def test_the_recorded_settings_are_those_of_the_recorded_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    algorithm_checkpoint(
        tmp_path, "CartPole-v1", options={"env": "CartPole-v1", "env_config": {"max_episode_steps": 4}}
    )
    for given in ([], ["--env", "CartPole-v1"]):
        assert main(["evaluate", str(tmp_path), "--episodes", "2", *given]) == 0
        out = capsys.readouterr().out
        assert "on CartPole-v1 with {'max_episode_steps': 4}" in out
        assert numbers_of(out) == [4.0, 0.0, 4.0, 4.0]
    gym.register("Other-v0", "gymnasium.envs.classic_control.cartpole:CartPoleEnv", max_episode_steps=5)
    try:
        assert main(["evaluate", str(tmp_path), "--episodes", "2", "--env", "Other-v0"]) == 0
    finally:
        del gym.registry["Other-v0"]
    out = capsys.readouterr().out
    assert "with" not in out
    assert numbers_of(out) == [5.0, 0.0, 5.0, 5.0]


def test_settings_that_could_not_be_stored_are_said_to_be_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    algorithm_checkpoint(tmp_path, "CartPole-v1", by_name={"env_config": "a mapping with g"})
    assert main(["evaluate", str(tmp_path), "--episodes", "1"]) == 0
    assert "could not be stored: the environment's defaults are used" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("description", "field"),
    [
        ({"options": {"env": "CartPole-v1", "env_config": [1]}}, "env_config"),
        ({"by_name": "no"}, "by_name"),
        ({"options": {"env": 3}}, "env"),
        ({"options": 3}, "options"),
    ],
)
def test_a_crafted_description_is_an_error_not_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], description: Any, field: str
) -> None:
    algorithm_checkpoint(tmp_path, "CartPole-v1", **description)
    assert main(["evaluate", str(tmp_path)]) == 2
    assert f"algorithm.{field} must be" in capsys.readouterr().err


def test_actions_must_have_the_bounds_that_they_were_trained_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stronger(PendulumEnv):
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            self.action_space = gym.spaces.Box(-4.0, 4.0, (1,))

    class Wider(PendulumEnv):
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            self.observation_space = gym.spaces.Box(-99.0, 99.0, (3,))

    env = PendulumEnv()
    spec = SingleAgentRLModuleSpec(
        module_class=resolve_module_class(ActorCriticRLModule, "numpy"),
        observation_space=env.observation_space,
        action_space=env.action_space,
        model_config_dict={"fcnet_hiddens": [8]},
        catalog_class="ppo",
    )
    spec.build().save_to_checkpoint(tmp_path)
    try:
        for entry_point in (Stronger, Wider):
            gym.register(f"{entry_point.__name__}-v0", entry_point, max_episode_steps=3)
        line = ["evaluate", str(tmp_path), "--episodes", "1", "--env"]
        assert main([*line, "Stronger-v0"]) == 2
        assert "made for actions in Box(-2.0, 2.0, (1,), float32), but those of Stronger-v0" in capsys.readouterr().err
        assert main([*line, "Wider-v0"]) == 0
    finally:
        del gym.registry["Stronger-v0"], gym.registry["Wider-v0"]
