from __future__ import annotations

import threading
from typing import Any

import pytest

from rlmodule_algorithms import PPOConfig
from rlmodule_algorithms.config.algorithm_config import FIELDS
from rlmodule_algorithms.config.options import ABSENT_GROUPS, RENAMED
from rlmodule_core import ConfigError, SingleAgentRLModuleSpec


@pytest.fixture
def config() -> PPOConfig:
    return PPOConfig().environment("CartPole-v1")


def test_every_group_sets_its_options_and_returns_the_config_itself(config: PPOConfig) -> None:
    spec = SingleAgentRLModuleSpec()
    assert config.environment("Pendulum-v1", env_config={"g": 9.81}) is config
    assert config.framework("torch") is config
    assert config.env_runners(num_envs_per_env_runner=2, act_with="module") is config
    assert config.training(lr=0.1, lambda_=0.9, _enable_learner_api=True) is config
    assert config.rl_module(rl_module_spec=spec, _enable_rl_module_api=True) is config
    assert config.evaluation(evaluation_interval=3) is config
    assert config.debugging(seed=7) is config
    found = (config.env, config.env_config, config.num_envs_per_env_runner, config.act_with, config.lr, config.lambda_)
    assert found == ("Pendulum-v1", {"g": 9.81}, 2, "module", 0.1, 0.9)
    assert (config.rl_module_spec, config.evaluation_interval, config.seed) == (spec, 3, 7)


def test_a_copy_is_independent(config: PPOConfig) -> None:
    other = config.copy().training(lr=0.5)
    assert (type(other), other.lr, config.lr) == (PPOConfig, 0.5, 3e-4)


def test_an_unknown_option_is_refused_with_the_nearest_name_and_all_names(config: PPOConfig) -> None:
    options: dict[str, Any] = {"gama": 0.9}
    with pytest.raises(ConfigError, match=r"\.training\(\) has no option 'gama'\. Did you mean 'gamma'\?") as error:
        config.training(**options)
    assert "lambda_, lr, minibatch_size" in str(error.value)


def test_an_option_of_another_group_says_which(config: PPOConfig) -> None:
    options: dict[str, Any] = {"lr": 0.1}
    with pytest.raises(ConfigError, match=r"It belongs to \.training\(lr=\.\.\.\)"):
        config.env_runners(**options)


@pytest.mark.parametrize("old", [name for name, new in RENAMED.items() if new.startswith("training")])
def test_the_name_that_other_systems_use_leads_to_ours(config: PPOConfig, old: str) -> None:
    options: dict[str, Any] = {old: 1}
    with pytest.raises(ConfigError) as error:
        config.training(**options)
    assert f"Here it is {RENAMED[old]}" in str(error.value)


def test_every_new_name_in_the_table_of_renamed_options_exists() -> None:
    for new in RENAMED.values():
        group, _, option = new.strip(".").removesuffix(")").partition("(")
        assert group in PPOConfig.groups
        assert option == "" or option.partition("=")[0] in PPOConfig.groups[group]


def test_every_option_is_a_field_with_a_default() -> None:
    for group, options in PPOConfig.groups.items():
        fields = {FIELDS.get(option, option) for option in options if not option.startswith("_enable")} - {"framework"}
        assert fields <= vars(PPOConfig()).keys(), group


def test_the_old_stack_cannot_be_chosen(config: PPOConfig) -> None:
    with pytest.raises(ConfigError, match="_enable_rl_module_api=False is not possible: algorithms here train RLM"):
        config.rl_module(_enable_rl_module_api=False)
    with pytest.raises(ConfigError, match="_enable_learner_api=False is not possible"):
        config.training(_enable_learner_api=False)


def test_changing_a_config_after_build_does_not_reach_the_algorithm(small_ppo: PPOConfig, build: Any) -> None:
    algorithm = build(small_ppo)
    small_ppo.training(lr=123.0)
    assert algorithm.config.lr == 3e-4


@pytest.mark.parametrize("when", ["build", "copy"])
def test_changing_a_mapping_that_a_config_was_given_does_not_reach_the_copy(
    scripted: Any, small_ppo: PPOConfig, build: Any, when: str
) -> None:
    env_config: dict[str, Any] = {"script": [(3, "terminated")]}
    model: dict[str, Any] = {"fcnet_hiddens": [8]}
    config = small_ppo.environment(scripted, env_config=env_config).training(model=model, lr=[(0, 0.1)])
    kept = build(config).config if when == "build" else config.copy()
    env_config["script"].append((1, "truncated"))
    model["fcnet_hiddens"][0] = 9
    config.lr.append((1, 0.2))  # type: ignore[union-attr]
    assert kept.env_config == {"script": [(3, "terminated")]}
    assert kept.model == {"fcnet_hiddens": [8]}
    assert kept.lr == [(0, 0.1)]


def test_what_cannot_be_copied_in_a_mapping_is_shared(config: PPOConfig) -> None:
    lock = threading.Lock()
    copied = config.environment(env_config={"locks": (lock,)}).copy()
    assert copied.env_config == {"locks": (lock,)}


def test_an_attribute_that_is_no_option_cannot_be_set(config: PPOConfig) -> None:
    attributes: Any = config
    with pytest.raises(ConfigError, match=r"PPOConfig has no option 'lrr' to set. Did you mean 'lr'?"):
        attributes.lrr = 3
    with pytest.raises(ConfigError, match=r"has no option 'num_sgd_iter' to set. Here it is training\(num_epochs="):
        attributes.num_sgd_iter = 3
    with pytest.raises(ConfigError, match="has no option 'training' to set"):
        attributes.training = {}
    attributes.lr, attributes._mine = 0.5, "kept"
    assert (config.lr, config.copy()._mine) == (0.5, "kept")  # type: ignore[attr-defined]


@pytest.mark.parametrize("group", sorted(ABSENT_GROUPS))
def test_a_group_that_other_systems_have_says_what_to_use(config: PPOConfig, group: str) -> None:
    assert group not in PPOConfig.groups
    with pytest.raises(AttributeError) as error:
        getattr(config, group)
    assert str(error.value) == f"PPOConfig has no attribute {group!r}. {ABSENT_GROUPS[group]}"


def test_a_group_with_a_new_name_and_a_typo_say_the_name(config: PPOConfig) -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'rollouts'. Here it is .env_runners\(\)"):
        config.rollouts(num_rollout_workers=2)
    with pytest.raises(AttributeError, match="Did you mean 'training'"):
        config.trainning(lr=0.1)
