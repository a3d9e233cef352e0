"""Hooks of a learner that return what they should not: an error of ours that names the hook."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_layers import EACH_TRAINING

from rlmodule_algorithms import AlgorithmConfig, Learner
from rlmodule_core import ConfigError

OBS = np.zeros((4, 2), np.float32)


class _Plain(Learner):
    def compute_loss_for_module(self, module_id: str, outputs: Any, batch: Any, coeffs: Any) -> Any:
        loss = self.backend.ops.mean(outputs["action_dist_inputs"])
        return loss, {"mean": loss}


@pytest.fixture
def algorithm_with(bandit: Any, build: Any, framework: str) -> Callable[..., Any]:
    def made(**hooks: Any) -> Any:
        class Config(AlgorithmConfig):
            algorithm = "Mine"
            learner_class = type("Mine", (_Plain,), hooks)

        config = Config().framework(framework).environment(bandit).env_runners(num_envs_per_env_runner=2)
        return build(config.training(train_batch_size=8, minibatch_size=8, model={"fcnet_hiddens": [4]}))

    return made


def _with_metrics(metrics: Any) -> Callable[..., Any]:
    """The loss beside these metrics."""
    return lambda self, *given: (_Plain.compute_loss_for_module(self, *given)[0], metrics)


@EACH_TRAINING
@pytest.mark.parametrize(
    ("returned", "named"),
    [
        (lambda *_: None, "NoneType"),
        (lambda *_: (1.0, {}), "float as 'loss'"),
        (lambda *_: (np.float32(1), {}), "float32 of shape () as 'loss'"),
        (lambda _, __, out, *___: (out["action_dist_inputs"], {}), "of shape (8, "),
        (_with_metrics({"a": 1}), "as 'a'"),
        (_with_metrics([1]), "tuple"),
    ],
)
def test_a_loss_that_is_something_else_is_named(algorithm_with: Callable[..., Any], returned: Any, named: str) -> None:
    with pytest.raises(ConfigError) as raised:
        algorithm_with(compute_loss_for_module=returned).train()
    assert "Mine.compute_loss_for_module() must return" in str(raised.value)
    assert named in str(raised.value)


@pytest.mark.parametrize(
    ("hook", "returned", "named"),
    [
        ("configure_optimizer", lambda *_: None, "NoneType"),
        ("make_batch", lambda *_: None, "NoneType"),
        ("make_batch", lambda *_: ({"obs": OBS},), "tuple"),
        ("required_columns", lambda *_: "obs", "str"),
        ("required_outputs", lambda *_: None, "NoneType"),
        ("coefficients", lambda *_: None, "NoneType"),
        ("coefficients", lambda *_: {"clip": "0.2"}, "str as 'clip'"),
        ("after_iteration", lambda *_: None, "NoneType"),
        ("after_iteration", lambda *_: {"found": [1]}, "list as 'found'"),
    ],
)
def test_a_hook_that_returns_something_else_is_named(
    algorithm_with: Callable[..., Any], hook: str, returned: Any, named: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        algorithm_with(**{hook: returned}).train()
    assert f"Mine.{hook}() must return" in str(raised.value)
    assert named in str(raised.value)


@pytest.mark.parametrize("column", [3, np.array(3), np.zeros(4, object), np.array(list("abcd")), "abcd"])
def test_a_column_that_is_no_array_of_numbers_is_named(algorithm_with: Callable[..., Any], column: Any) -> None:
    algorithm = algorithm_with(make_batch=lambda *_: ({"obs": OBS, "wrong": column}, {}))
    with pytest.raises(ConfigError, match=r"must be arrays of numbers .* got 'wrong' \("):
        algorithm.train()


@pytest.mark.parametrize(
    ("hook", "returned"),
    [
        ("get_arrays", None),
        ("get_arrays", {"flat": np.zeros(3)}),
        ("get_arrays", {3: {"a": np.zeros(3)}}),
        ("get_state", None),
    ],
)
def test_what_could_not_be_resumed_is_not_saved(
    algorithm_with: Callable[..., Any], tmp_path: Path, hook: str, returned: Any
) -> None:
    algorithm = algorithm_with()
    algorithm.save(tmp_path)
    whole = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    setattr(algorithm.learner, hook, lambda: returned)
    with pytest.raises(ConfigError, match=rf"Mine\.{hook}\(\) must return"):
        algorithm.save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == whole
