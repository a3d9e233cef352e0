from __future__ import annotations

from typing import Any

import pytest
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv

from rlmodule_algorithms import PPOConfig
from rlmodule_core import BackendNotFoundError, ConfigError

COUNT, NUMBER = "an integer of at least 1", "a number of at least 0.0"
ILLEGAL: list[tuple[str, str, Any, str]] = [
    ("env_runners", "num_env_runners", 2, "0 (sampling runs in this process)"),
    ("env_runners", "num_envs_per_env_runner", 0, COUNT),
    ("env_runners", "rollout_fragment_length", "all", "a positive integer or 'auto'"),
    ("env_runners", "rollout_fragment_length", 0, "a positive integer or 'auto'"),
    ("env_runners", "act_with", "jax", "one of 'auto', 'numpy', 'module'"),
    ("training", "train_batch_size", 2048.0, COUNT),
    ("training", "minibatch_size", True, COUNT),
    ("training", "num_epochs", -1, COUNT),
    ("training", "gamma", 1.5, "a number from 0.0 to 1.0"),
    ("training", "gamma", float("nan"), "a number from 0.0 to 1.0"),
    ("training", "lambda_", -0.1, "a number from 0.0 to 1.0"),
    ("training", "lr", "fast", NUMBER),
    ("training", "lr", -1e-3, NUMBER),
    ("training", "lr", None, NUMBER),
    ("training", "lr", 10**400, NUMBER),
    ("training", "grad_clip", 0, "a positive number"),
    ("training", "grad_clip", -1.0, "a positive number"),
    ("training", "grad_clip_by", "median", "one of 'global_norm', 'norm', 'value'"),
    ("training", "model", ["fcnet_hiddens"], "a mapping"),
    ("training", "clip_param", -0.2, NUMBER),
    ("training", "entropy_coeff", -0.01, NUMBER),
    ("training", "vf_clip_param", -1, NUMBER),
    ("training", "vf_loss_coeff", "x", NUMBER),
    ("training", "kl_coeff", -1, NUMBER),
    ("training", "kl_target", None, NUMBER),
    ("training", "use_kl_loss", "no", "one of True, False"),
    ("rl_module", "rl_module_spec", 3, "a SingleAgentRLModuleSpec"),
    ("environment", "env_config", 3, "a mapping"),
    ("evaluation", "evaluation_interval", 0, COUNT),
    ("evaluation", "evaluation_duration", "long", COUNT),
    ("debugging", "seed", -1, "an integer of at least 0"),
    ("debugging", "seed", 1.0, "an integer of at least 0"),
]


@pytest.mark.parametrize(("group", "option", "value", "expected"), ILLEGAL, ids=lambda item: str(item)[:24])
def test_an_illegal_value_is_refused_at_build_by_option_expectation_and_value(
    group: str, option: str, value: Any, expected: str
) -> None:
    config = PPOConfig().environment("CartPole-v1")
    getattr(config, group)(**{option: value})
    with pytest.raises(ConfigError) as error:
        config.build()
    assert str(error.value) == f"The option {option!r} must be {expected}, got {value!r}."


@pytest.mark.parametrize("option", ["lr", "clip_param", "entropy_coeff"])
def test_every_value_of_a_schedule_is_checked(option: str) -> None:
    config = PPOConfig().environment("CartPole-v1")
    config.training(**{option: [(0, 0.1), (10, -0.5)]})  # type: ignore[misc]
    with pytest.raises(ConfigError, match=f"The option '{option}' must be a number of at least 0.0, got -0.5"):
        config.validate()


def test_legal_extremes_pass() -> None:
    config = PPOConfig().environment("CartPole-v1").debugging(seed=0)
    config.training(gamma=1.0, lambda_=0, lr=0, grad_clip=None, vf_clip_param=None, entropy_coeff=[(0, 0.1), (5, 0)])
    config.validate()


def test_without_an_environment_the_error_says_what_to_call() -> None:
    with pytest.raises(ConfigError, match=r'No environment is set. Call .environment\("CartPole-v1"\)'):
        PPOConfig().build()


def test_a_minibatch_larger_than_the_batch_is_refused_with_both_numbers() -> None:
    config = PPOConfig().environment("CartPole-v1").training(train_batch_size=128, minibatch_size=129)
    with pytest.raises(ConfigError, match=r"minibatch_size=129 is larger than train_batch_size=128. Lower minibatch"):
        config.build()


def test_an_inexact_fragment_prints_the_product() -> None:
    config = PPOConfig().environment("CartPole-v1").training(train_batch_size=1000)
    config.env_runners(num_envs_per_env_runner=8, rollout_fragment_length=100)
    with pytest.raises(ConfigError, match=r"=8, which is 800. Set train_batch_size=800") as error:
        config.build()
    assert "train_batch_size=1000 does not fit rollout_fragment_length=100" in str(error.value)


def test_an_auto_fragment_that_does_not_divide_the_batch_prints_the_product() -> None:
    config = PPOConfig().environment("CartPole-v1").training(train_batch_size=1001, minibatch_size=7)
    with pytest.raises(ConfigError, match="rollout_fragment_length=125 times num_envs_per_env_runner=8, which is 1000"):
        config.build()


def test_an_auto_fragment_divides_the_batch_among_the_environments() -> None:
    config = PPOConfig().training(train_batch_size=2048).env_runners(num_envs_per_env_runner=16)
    assert config.fragment_length == 128


@pytest.mark.parametrize(("framework", "package"), [("torch", "rlmodule-torch"), ("tf2", "rlmodule-tf")])
def test_a_framework_that_is_not_installed_says_what_to_install(
    small_ppo: PPOConfig, framework: str, package: str, uninstall: Any
) -> None:
    uninstall(framework)
    ending = rf"pip install {package}(, or take what is installed: framework '\w+')?$"
    with pytest.raises(BackendNotFoundError, match=rf"Install it: {ending}"):
        small_ppo.framework(framework).build()


def test_numpy_cannot_train(small_ppo: PPOConfig) -> None:
    packages = r"Train with rlmodule-torch \(framework 'torch'\) or rlmodule-tf \(framework 'tf2'\): pip install one"
    with pytest.raises(ConfigError, match=rf"'numpy' only runs forwards\. {packages}"):
        small_ppo.framework("numpy").build()


def test_an_unknown_model_setting_is_refused_with_the_nearest_name(small_ppo: PPOConfig) -> None:
    with pytest.raises(ConfigError, match=r"Unknown model setting 'fcnet_hidens'. Did you mean 'fcnet_hiddens'"):
        small_ppo.training(model={"fcnet_hidens": [8]}).build()


@pytest.mark.parametrize("framework", [[], None, 3])
def test_a_framework_that_is_no_name_is_refused(small_ppo: PPOConfig, framework: Any) -> None:
    with pytest.raises(ConfigError, match="The option 'framework' must be the name of a backend, such as 'torch', go"):
        small_ppo.framework(framework).build()


def test_a_vector_environment_class_cannot_be_evaluated_in(small_ppo: PPOConfig) -> None:
    config = small_ppo.environment(CartPoleVectorEnv)
    config.validate()
    with pytest.raises(ConfigError, match="vector environment class CartPoleVectorEnv cannot make") as error:
        config.evaluation(evaluation_interval=2).build()
    assert "leave evaluation_interval at None" in str(error.value)
