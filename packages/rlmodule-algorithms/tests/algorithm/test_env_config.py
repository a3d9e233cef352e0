"""The settings of the environment in a checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlmodule_algorithms import PPOConfig


def described(config: PPOConfig, build: Any, directory: Path) -> tuple[Any, Any]:
    build(config).save(directory)
    description = json.loads((directory / "algorithm.json").read_text())["algorithm"]
    return description["options"].get("env_config"), "env_config" not in description["by_name"]


def test_the_settings_are_written_with_numpy_numbers_as_numbers(
    small_ppo: PPOConfig, build: Any, tmp_path: Path
) -> None:
    assert described(small_ppo.environment("Pendulum-v1"), build, tmp_path) == (None, True)
    config = small_ppo.environment("Pendulum-v1", env_config={"g": np.float64(3.5)})
    assert described(config, build, tmp_path) == ({"g": 3.5}, True)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"a": np.int64(3), "b": [np.bool_(True), (1, None)]}, ({"a": 3, "b": [True, [1, None]]}, True)),
        ({"a": object()}, (None, False)),
        ({"a": {"b": np.zeros(2)}}, (None, False)),
        ({"a": {1: 2}}, (None, False)),
        ({"a": float("inf")}, (None, False)),
    ],
)
def test_what_json_cannot_hold_is_flagged(
    scripted: Any, small_ppo: PPOConfig, build: Any, tmp_path: Path, settings: Any, expected: Any
) -> None:
    config = small_ppo.environment(lambda env_config: scripted([(1, "terminated")]), env_config=settings)
    assert described(config, build, tmp_path) == expected
