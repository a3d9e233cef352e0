from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from own_layers import TRAINING

from rlmodule_algorithms import PPOConfig
from workspace import ROOT

_BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)

sys.path.insert(0, str(Path(__file__).parent / "support"))


@pytest.fixture(params=TRAINING)
def framework(request: Any) -> str:
    """What the reader of the guide has chosen."""
    chosen: str = request.param
    return chosen


@pytest.fixture
def user(framework: str) -> ModuleType:
    """What a reader writes in that framework."""
    return import_module({"torch": "guide_torch", "tf2": "guide_tf"}[framework])


@pytest.fixture
def config(framework: str) -> PPOConfig:
    """PPO on CartPole with iterations of a split second."""
    return (
        PPOConfig()
        .framework(framework)
        .environment("CartPole-v1")
        .env_runners(num_envs_per_env_runner=2)
        .training(train_batch_size=64, minibatch_size=32, num_epochs=1)
        .debugging(seed=0)
    )


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], list[str]]:
    """Runs all blocks of a page in an empty directory; the lines that they print."""
    monkeypatch.chdir(tmp_path)

    def run(page: str) -> list[str]:
        names: dict[str, object] = {"__name__": "page"}
        for block in _BLOCK.findall((ROOT / "docs" / "pages" / page).read_text(encoding="utf-8")):
            # Not with the annotations of this file, which a reader does not have.
            exec(compile(block, page, "exec", dont_inherit=True), names)
        return capsys.readouterr().out.splitlines()

    return run
