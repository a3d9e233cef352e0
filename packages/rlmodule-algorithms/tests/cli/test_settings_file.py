"""Settings from TOML files, and what is said of wrong ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlmodule_algorithms import PPOConfig
from rlmodule_algorithms.cli.help_texts import TRAIN_EXAMPLES
from rlmodule_algorithms.cli.training.settings_file import SettingsFile, Stop, read_settings
from rlmodule_core import ConfigError

Refused = Callable[[Sequence[object]], str]


def written(directory: Path, text: str) -> Path:
    path = directory / "my.toml"
    path.write_text(text)
    return path


def test_every_group_of_the_configuration_is_a_table(tmp_path: Path) -> None:
    text = """
    algorithm = "PPO"
    framework = "torch"
    [environment]
    env = "Pendulum-v1"
    env_config = { g = 9.81 }
    [env_runners]
    num_envs_per_env_runner = 3
    act_with = "numpy"
    [training]
    lr = [[0, 1e-3], [100, 0]]
    train_batch_size = 300
    entropy_coeff = 0.01
    [training.model]
    fcnet_hiddens = [8, 8]
    [evaluation]
    evaluation_interval = 4
    [checkpointing]
    every = 7
    keep = 3
    exact_resume = true
    [debugging]
    seed = 5
    [stop]
    target = -200
    max_seconds = 0.5
    """
    file = read_settings(written(tmp_path, text))
    assert (file.algorithm, file.framework, file.preset) == ("PPO", "torch", None)
    assert file.stop == Stop(target=-200, max_seconds=0.5)
    config = PPOConfig()
    file.apply(config)
    expected = (
        PPOConfig()
        .environment("Pendulum-v1", env_config={"g": 9.81})
        .env_runners(num_envs_per_env_runner=3, act_with="numpy")
        .training(lr=[(0, 1e-3), (100, 0)], train_batch_size=300, entropy_coeff=0.01, model={"fcnet_hiddens": [8, 8]})
        .evaluation(evaluation_interval=4)
        .checkpointing(every=7, keep=3, exact_resume=True)
        .debugging(seed=5)
    )
    assert [list(point) for point in expected.lr] == config.lr  # type: ignore[union-attr]
    config.lr = expected.lr
    assert config == expected


def test_the_example_of_the_help_is_a_file_that_can_be_used(tmp_path: Path) -> None:
    example = TRAIN_EXAMPLES.partition("all of it is optional:\n")[2].partition("\n\n")[0]
    file = read_settings(written(tmp_path, dedent(example)))
    config = PPOConfig()
    file.apply(config)
    assert (file.preset, file.env, file.stop) == ("ppo-cartpole", "CartPole-v1", Stop(475, 500_000))
    assert config.model == {"fcnet_hiddens": [64, 64]}


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, "")
    assert read_settings(path) == SettingsFile(path)


WRONG = [
    ("x = ", r"my\.toml is no valid TOML: Invalid value"),
    ("[trainign]\nlr = 1", r"my\.toml cannot have \[trainign\]\. Did you mean 'training'\?"),
    ("[training]\nlrr = 1", r"my\.toml, \[training\]: .*no option 'lrr'\. Did you mean 'lr'\?"),
    ("[training]\nnum_envs_per_env_runner = 1", r"my\.toml, \[training\]: .* It belongs to \.env_runners\("),
    ("[training]\nnum_sgd_iter = 1", r"my\.toml, \[training\]: .* Here it is training\(num_epochs=\.\.\.\)"),
    ("[training]\nself = 1", r"my\.toml, \[training\]: .*no option 'self'"),
    ("[training]\nlr = 'fast'", r"my\.toml: The option 'lr' must be a number .*, got 'fast'"),
    ("[training]\nlr = -1", r"my\.toml: The option 'lr' must be a number of at least 0.0, got -1"),
    ("[training]\nlr = nan", r"my\.toml: The option 'lr' must be .*, got nan"),
    ("[training]\nlr = [[0, 1.0], [9, 'x']]", r"my\.toml: The option 'lr' must be a number or a list of"),
    ("[training]\nlr = [[5, 1.0]]", r"my\.toml: The schedule 'lr' must start at timestep 0"),
    ("[training]\ngamma = true", r"my\.toml: The option 'gamma' must be .*, got True"),
    ("[training]\nlr = 2020-01-01", r"my\.toml: The option 'lr' must be"),
    (f"[training]\nlr = {'9' * 400}", r"my\.toml has an integer of more than 64 bits, 99999"),
    ("[training]\nmodel = 3", r"my\.toml: The option 'model' must be a mapping, got 3"),
    ("[training.model]\nfcnet_hidden = [3]", r"'fcnet_hidden'\. Did you mean 'fcnet_hiddens'\?[^\n]*\nThe .*my\.toml"),
    ("[[training]]\nlr = 1", r"my\.toml: training = \[\{'lr': 1\}\] stands above all tables"),
    ("lr = 1", r"my\.toml: lr = 1 stands above all tables, where only algorithm, preset, framework can stand"),
    ("algoritm = 'PPO'", r"my\.toml: algoritm = 'PPO' .* Did you mean 'algorithm'\?"),
    ("algorithm = 3", r"my\.toml: algorithm must be a name in quotes, such as \"PPO\", got 3"),
    ("algorithm = 'PP'", r"No algorithm is named 'PP'\. Did you mean 'PPO'\?[^\n]*\nThe settings come from .*my\.toml"),
    ("preset = 'ppo-cartpol'", r"Did you mean 'ppo-cartpole'\?[^\n]*\nThe settings come from .*my\.toml"),
    ("framework = 'nix'", r"No backend named 'nix' is installed[^\n]*\nThe settings come from .*my\.toml"),
    ("[environment]\nenv = 3", r"my\.toml, \[environment\]: env must be the id of an environment, got 3"),
    ("[environment]\nenv = 'CartPol-v1'", r"Did you mean[^\n]*\nThe settings come from .*my\.toml"),
    ("[environment]\nenv_config = 3", r"my\.toml: The option 'env_config' must be a mapping, got 3"),
    ("[rl_module]\nrl_module_spec = 1", r"my\.toml cannot have \[rl_module\]\. It takes Python objects"),
    ("[callbacks]\non_train_result = 1", r"my\.toml cannot have \[callbacks\]\. It takes functions"),
    (
        "[checkpointing]\nevery = 0",
        r"my\.toml: The option 'checkpointing\(every\)' must be an integer of at least 1, got 0",
    ),
    ("[debugging]\nseed = 'one'", r"my\.toml: The option 'seed' must be an integer of at least 0, got 'one'"),
    ("[stop]\ntargets = 1", r"my\.toml, \[stop\]: unknown key 'targets'\. Did you mean 'target'\?"),
    ("[stop]\ntarget = 'high'", r"my\.toml, \[stop\]: target must be a number, got 'high'"),
    ("[stop]\nmax_steps = 1.5", r"my\.toml, \[stop\]: max_steps must be a whole number of at least 1, got 1\.5"),
    ("[stop]\nmax_steps = true", r"my\.toml, \[stop\]: max_steps must be"),
    ("[stop]\nmax_seconds = 0", r"my\.toml, \[stop\]: max_seconds must be a number above 0, got 0"),
    ("[stop]\nmax_seconds = inf", r"my\.toml, \[stop\]: max_seconds must be a number above 0, got inf"),
    ("stop = 3", r"my\.toml: stop = 3 stands above all tables"),
]


@pytest.mark.parametrize(("text", "expected"), WRONG, ids=[text.replace("\n", " ")[:40] for text, _ in WRONG])
def test_a_wrong_file_is_named_with_the_place_and_leaves_no_directory(
    text: str, expected: str, tmp_path: Path, refused: Refused
) -> None:
    err = refused(["train", "--max-steps", "1", "--out", "run", "--config", written(tmp_path, text)])
    assert re.search(expected, err), err
    assert [path.name for path in tmp_path.iterdir()] == ["my.toml"]


def test_what_is_no_text_file_is_named(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    assert "binary.toml is no valid TOML: 'utf-8' codec" in refused(["train", "--config", "binary.toml"])
    assert "TOML file at missing.toml, got FileNotFoundError" in refused(["train", "--config", "missing.toml"])
    assert f"TOML file at {tmp_path}, got IsADirectoryError" in refused(["train", "--config", tmp_path])


@contextmanager
def named_errors(name: str) -> Iterator[None]:
    """Within the block nothing is raised but our error, which has the name."""
    try:
        yield
    except ConfigError as error:
        named = name in str(error)
        assert named, error  # noqa: PT017


@given(data=st.binary(max_size=60))
def test_no_file_whatever_its_bytes_raises_anything_but_our_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("settings") / "any.toml"
    path.write_bytes(data)
    with named_errors("any.toml"):
        read_settings(path)


keys = st.sampled_from(["lr", "gamma", "model", "train_batch_size", "env", "seed", "every", "x"])
scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=3)
tables = st.sampled_from(["training", "environment", "debugging", "checkpointing", "evaluation", "nix"])


@given(groups=st.dictionaries(tables, st.dictionaries(keys, scalars | st.lists(scalars, max_size=2)), max_size=3))
def test_no_table_whatever_its_values_raises_anything_but_our_error(groups: Any) -> None:
    config = PPOConfig().environment("CartPole-v1")
    with named_errors("any.toml"):
        SettingsFile(Path("any.toml"), groups=groups).apply(config)
        config.validate()
