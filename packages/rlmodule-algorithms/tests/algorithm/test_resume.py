"""Going on from a checkpoint."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_layers import EACH_TRAINING

from rlmodule_algorithms import Algorithm, PPOConfig, PPORLModule, latest_checkpoint
from rlmodule_core import CheckpointError, ConfigError, RLModule, SingleAgentRLModuleSpec
from rlmodule_core.checkpoint import read_checkpoint, write_checkpoint


def everything(algorithm: Algorithm) -> tuple[str, dict[str, bytes]]:
    """Counters and random states as text, weights and moments as bytes."""
    arrays = {"weights": algorithm.get_module().get_state(), **algorithm.learner.get_arrays()}
    flat = {f"{group}.{name}": array.tobytes() for group, named in arrays.items() for name, array in named.items()}
    return json.dumps(asdict(algorithm.get_state()), sort_keys=True), flat


def results(algorithm: Algorithm, iterations: int) -> str:
    """As text, because a mean return before any episode has ended is not a number."""
    found = [algorithm.train() for _ in range(iterations)]
    for result in found:
        del result["timers"]
    return str(found)


def run(algorithm: Algorithm, iterations: int, directory: Path) -> None:
    for _ in range(iterations):
        algorithm.train_until(max_env_steps=1, checkpoint_dir=directory)


@pytest.fixture
def exact(small_ppo: PPOConfig) -> PPOConfig:
    scheduled = {"lr": [(0, 1e-2), (2000, 1e-4)], "clip_param": [(0, 0.3), (2000, 0.1)], "entropy_coeff": [(0, 0.01)]}
    return small_ppo.training(**scheduled).checkpointing(exact_resume=True).evaluation(evaluation_interval=2)


@pytest.mark.parametrize("act_with", ["numpy", "module"])
@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1", "Acrobot-v1"])
def test_what_goes_on_and_what_resumes_compute_the_same_bits(
    exact: PPOConfig, build: Any, tmp_path: Path, env: str, act_with: str
) -> None:
    algorithm = build(exact.environment(env).env_runners(act_with=act_with))
    results(algorithm, 3)
    algorithm.save(tmp_path)
    resumed = Algorithm.from_checkpoint(tmp_path)
    assert everything(resumed) == everything(algorithm)
    assert results(resumed, 4) == results(algorithm, 4)
    assert everything(resumed) == everything(algorithm)
    resumed.stop()


@EACH_TRAINING
def test_the_module_goes_on_in_the_framework_of_the_options_whatever_the_default_is(
    exact: PPOConfig, build: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, framework: str
) -> None:
    algorithm = build(exact)
    algorithm.save(tmp_path)
    default = "rlmodule_core.checkpoint.stored_modules.default_backend_name"
    monkeypatch.setattr(default, lambda: pytest.fail("the default backend was asked for"))
    for config in (None, exact.copy()):
        resumed = Algorithm.from_checkpoint(tmp_path, config=config)
        assert resumed.get_module().framework == framework
        resumed.stop()


def test_another_process_goes_on_to_the_same_bits(exact: PPOConfig, build: Any, tmp_path: Path) -> None:
    algorithm = build(exact)
    results(algorithm, 2)
    algorithm.save(tmp_path / "first")
    script = (
        "import sys; from rlmodule_algorithms import Algorithm; algorithm = Algorithm.from_checkpoint(sys.argv[1]);"
        "[algorithm.train() for _ in range(3)]; algorithm.save(sys.argv[2])"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "first"), str(tmp_path / "second")]
    subprocess.run(command, check=True, timeout=120)
    results(algorithm, 3)
    algorithm.save(tmp_path / "third")
    second, third = (read_checkpoint(tmp_path / name) for name in ("second", "third"))
    assert second.document == third.document
    assert [path.name for path in sorted((tmp_path / "second").glob("state-*"))] == [
        path.name for path in sorted((tmp_path / "third").glob("state-*"))
    ], "payloads are named after their content"


def test_a_run_that_saves_on_schedule_is_resumed_exactly(exact: PPOConfig, build: Any, tmp_path: Path) -> None:
    config = exact.checkpointing(every=2, keep=10)
    whole = build(config)
    run(whole, 7, tmp_path / "whole")
    run(build(config), 5, tmp_path / "cut")
    newest = latest_checkpoint(tmp_path / "cut")
    assert newest == tmp_path / "cut" / "iterations" / "000004"
    resumed = Algorithm.from_checkpoint(newest)
    run(resumed, 3, tmp_path / "cut")
    assert everything(resumed) == everything(whole)
    resumed.stop()


def test_without_a_seed_a_run_is_resumed_exactly_too(exact: PPOConfig, build: Any, tmp_path: Path) -> None:
    algorithm = build(exact.debugging(seed=None))
    results(algorithm, 2)
    resumed = Algorithm.from_checkpoint(algorithm.save(tmp_path))
    assert results(resumed, 3) == results(algorithm, 3)
    resumed.stop()


def test_an_inexact_resume_goes_on_and_says_so(
    small_ppo: PPOConfig, build: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    algorithm = build(small_ppo)
    results(algorithm, 2)
    algorithm.save(tmp_path)
    with caplog.at_level(logging.WARNING):
        resumed = Algorithm.from_checkpoint(tmp_path)
    assert "is not exact: environments begin new episodes" in caplog.text
    assert everything(resumed) == everything(algorithm)
    assert resumed.train()["iteration"] == 3
    resumed.stop()


def test_an_exact_resume_says_nothing(
    exact: PPOConfig, build: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    build(exact).save(tmp_path)
    with caplog.at_level(logging.WARNING):
        Algorithm.from_checkpoint(tmp_path).stop()
    assert caplog.text == ""


def test_the_options_come_back(exact: PPOConfig, build: Any, tmp_path: Path) -> None:
    algorithm = build(exact.training(gamma=0.5, vf_clip_param=3.0).environment(env_config={"max_episode_steps": 9}))
    resumed = Algorithm.from_checkpoint(algorithm.save(tmp_path))
    before, after = (json.loads(json.dumps(vars(each.config))) for each in (algorithm, resumed))
    assert after == before
    resumed.stop()


def test_options_that_no_file_holds_are_all_listed_and_passed_again(
    scripted: Any, small_ppo: PPOConfig, build: Any, tmp_path: Path
) -> None:
    def report(algorithm: Any, result: Any) -> None:
        result["seen"] = True

    config = small_ppo.environment(scripted, env_config={"script": [(5, "terminated")]}).callbacks(
        on_train_result=report
    )
    algorithm = build(config)
    algorithm.train()
    algorithm.save(tmp_path)
    with pytest.raises(CheckpointError) as error:
        Algorithm.from_checkpoint(tmp_path)
    assert "env (" in str(error.value)
    assert "Scripted" in str(error.value)
    assert "on_train_result (" in str(error.value)
    assert "config=" in str(error.value)
    resumed = Algorithm.from_checkpoint(tmp_path, config=config)
    assert resumed.train()["seen"]
    resumed.stop()


def test_a_kept_best_is_not_replaced_by_a_worse_one_after_resuming(
    small_ppo: PPOConfig, build: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    def planned(algorithm: Any, scores: list[float]) -> None:
        left = iter(scores)
        monkeypatch.setattr(algorithm, "evaluate", lambda: {"episode_return_mean": next(left)})

    first = build(small_ppo.evaluation(evaluation_interval=1).checkpointing(every=1))
    planned(first, [10.0, 40.0, 20.0])
    first.train_until(max_env_steps=300, checkpoint_dir=tmp_path)
    best = (tmp_path / "algorithm.json").read_bytes()
    second = Algorithm.from_checkpoint(latest_checkpoint(tmp_path))
    planned(second, [30.0, 39.0])
    second.train_until(max_env_steps=600, checkpoint_dir=tmp_path)
    assert (tmp_path / "algorithm.json").read_bytes() == best
    third = Algorithm.from_checkpoint(tmp_path)
    assert third.iteration == 2
    planned(third, [41.0])
    third.train_until(max_env_steps=300, checkpoint_dir=tmp_path)
    assert (tmp_path / "algorithm.json").read_bytes() != best
    second.stop()
    third.stop()


def test_the_newest_checkpoints_of_iterations_stay(small_ppo: PPOConfig, build: Any, tmp_path: Path) -> None:
    (tmp_path / "iterations" / "notes").mkdir(parents=True)
    run(build(small_ppo.checkpointing(every=2, keep=2)), 9, tmp_path)
    assert sorted(path.name for path in (tmp_path / "iterations").iterdir()) == ["000006", "000008", "notes"]
    assert latest_checkpoint(tmp_path).name == "000008"


def test_going_on_from_an_earlier_iteration_deletes_no_later_one(
    small_ppo: PPOConfig, build: Any, tmp_path: Path
) -> None:
    run(build(small_ppo.checkpointing(every=1, keep=3)), 6, tmp_path)
    resumed = Algorithm.from_checkpoint(tmp_path / "iterations" / "000004")
    (tmp_path / "iterations" / "000005" / "algorithm.json").unlink()
    run(resumed, 1, tmp_path)
    resumed.stop()
    kept = sorted(path.parent.name for path in (tmp_path / "iterations").glob("*/algorithm.json"))
    assert kept == ["000004", "000005", "000006"]


def test_a_directory_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="Expected the directory of a training run"):
        latest_checkpoint(tmp_path)


def test_a_checkpoint_of_a_module_alone_cannot_go_on(small_ppo: PPOConfig, build: Any, tmp_path: Path) -> None:
    build(small_ppo).get_module().save_to_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=r"Expected algorithm\.json in .*, got rl_module\.json"):
        Algorithm.from_checkpoint(tmp_path)


def test_a_config_of_another_kind_is_refused(small_ppo: PPOConfig, build: Any, tmp_path: Path) -> None:
    build(small_ppo).save(tmp_path)
    with pytest.raises(ConfigError, match="config must be an algorithm's config"):
        Algorithm.from_checkpoint(tmp_path, config={"lr": 1.0})  # type: ignore[arg-type]


def test_another_environment_than_that_of_the_training_is_refused(
    small_ppo: PPOConfig, build: Any, tmp_path: Path
) -> None:
    build(small_ppo).save(tmp_path)
    with pytest.raises(ConfigError, match=r"was trained for observations in Box.*\(4,\).*\(6,\)"):
        Algorithm.from_checkpoint(tmp_path, config=small_ppo.copy().environment("Acrobot-v1"))


def test_other_model_settings_than_the_modules_are_refused(small_ppo: PPOConfig, build: Any, tmp_path: Path) -> None:
    build(small_ppo.training(model={"fcnet_hiddens": (8,)})).save(tmp_path)
    with pytest.raises(ConfigError, match=r"built with fcnet_hiddens=\[8\], but the config says \[16\]"):
        Algorithm.from_checkpoint(tmp_path, config=small_ppo.copy().training(model={"fcnet_hiddens": [16]}))
    Algorithm.from_checkpoint(tmp_path, config=small_ppo).stop()


def test_an_algorithm_that_was_stopped_saves_but_does_not_train(exact: PPOConfig, build: Any, tmp_path: Path) -> None:
    algorithm = build(exact)
    algorithm.stop()
    with pytest.raises(ConfigError, match=r"train\(\) was called after stop\(\)"):
        algorithm.train()
    Algorithm.from_checkpoint(algorithm.save(tmp_path)).stop()


def test_an_environment_that_would_import_is_passed_again_or_refused(
    small_ppo: PPOConfig, build: Any, tmp_path: Path
) -> None:
    config = small_ppo.environment("gymnasium.envs.classic_control:CartPole-v1")
    build(config).save(tmp_path)
    with pytest.raises(CheckpointError, match="which would import the module before the colon"):
        Algorithm.from_checkpoint(tmp_path)
    Algorithm.from_checkpoint(tmp_path, config=config).stop()


def test_a_module_of_the_users_own_goes_on_where_its_class_is_passed(
    small_ppo: PPOConfig, build: Any, tmp_path: Path
) -> None:
    class Own(PPORLModule):
        pass

    config = small_ppo.rl_module(rl_module_spec=SingleAgentRLModuleSpec(module_class=Own))
    algorithm = build(config)
    algorithm.train()
    algorithm.save(tmp_path)
    with pytest.raises(CheckpointError, match=r"Own.*An algorithm takes the class from its config"):
        Algorithm.from_checkpoint(tmp_path)
    resumed = Algorithm.from_checkpoint(tmp_path, config=config)
    assert isinstance(resumed.get_module(), Own)
    assert everything(resumed) == everything(algorithm)
    resumed.stop()


def test_a_class_that_a_config_names_by_itself_is_found(small_ppo: PPOConfig, build: Any, tmp_path: Path) -> None:
    class Own(PPORLModule):
        pass

    @dataclass
    class OwnConfig(PPOConfig):
        def default_module_spec(self) -> SingleAgentRLModuleSpec:
            return SingleAgentRLModuleSpec(module_class=Own, catalog_class="ppo")

    config = OwnConfig(**vars(small_ppo))
    build(config).save(tmp_path)
    resumed = Algorithm.from_checkpoint(tmp_path, config=config)
    assert isinstance(resumed.get_module(), Own)
    resumed.stop()


def test_moments_that_do_not_fit_are_an_error_of_the_checkpoint(
    small_ppo: PPOConfig, build: Any, tmp_path: Path
) -> None:
    stored = read_checkpoint(build(small_ppo).save(tmp_path / "whole"))
    payloads = {name: stored.payload(name) for name in stored.payload_names}
    payloads["learner.optimizer.default_policy"].popitem()
    write_checkpoint(tmp_path / "torn", kind="algorithm", document=stored.document, payloads=payloads)
    with pytest.raises(CheckpointError, match="cannot go on from what is stored: StateError"):
        Algorithm.from_checkpoint(tmp_path / "torn")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("learner", {}),
        ("acting_rng", {"bit_generator": "PCG64"}),
        ("recent_returns", ["x"]),
        ("entropy", "1"),
        ("entropy", -1),
    ],
)
def test_a_forged_state_is_an_error_of_the_checkpoint(
    small_ppo: PPOConfig, build: Any, tmp_path: Path, field: str, value: Any
) -> None:
    stored = read_checkpoint(build(small_ppo).save(tmp_path / "whole"))
    payloads = {name: stored.payload(name) for name in stored.payload_names}
    stored.document["algorithm"]["state"][field] = value
    write_checkpoint(tmp_path / "forged", kind="algorithm", document=stored.document, payloads=payloads)
    with pytest.raises(CheckpointError):
        Algorithm.from_checkpoint(tmp_path / "forged")


def test_the_weights_of_a_resumed_algorithm_are_served_as_before(
    small_ppo: PPOConfig, build: Any, tmp_path: Path
) -> None:
    algorithm = build(small_ppo)
    algorithm.train()
    resumed = Algorithm.from_checkpoint(algorithm.save(tmp_path / "first"))
    served = RLModule.from_checkpoint(resumed.save(tmp_path / "second")).get_state()
    expected = algorithm.get_module().get_state()
    assert all(np.array_equal(served[name], expected[name]) for name in expected)
    resumed.stop()
