from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import gymnasium as gym
import pytest

from rlmodule_algorithms.cli import main
from rlmodule_core import backend as core_backend
from rlmodule_core import plugins

SMALL = """
[environment]
env = "CartPole-v1"
[env_runners]
num_envs_per_env_runner = 4
[training]
train_batch_size = 128
minibatch_size = 64
num_epochs = 1
model = { fcnet_hiddens = [8] }
[evaluation]
evaluation_interval = 2
evaluation_duration = 2
[checkpointing]
every = 3
[stop]
target = 501
max_steps = 600
"""
"""PPO on CartPole in five quick iterations: two evaluations, and a scheduled checkpoint at the third."""


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HATCH_ENV_ACTIVE", raising=False)


@pytest.fixture
def untargeted() -> Iterator[str]:
    """The id of an environment without a reward threshold, for which there is no preset."""
    env_id = "Untargeted-v0"
    gym.register(env_id, "gymnasium.envs.classic_control.pendulum:PendulumEnv", max_episode_steps=20)
    yield env_id
    del gym.registry[env_id]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A file of settings for a quick run."""
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


@pytest.fixture(scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("finished")
    (directory / "small.toml").write_text(SMALL)
    line = ["train", "--config", str(directory / "small.toml"), "--out", str(directory / "run"), "--quiet"]
    assert main(line) == 3
    return directory / "run"


@pytest.fixture
def run(_finished: Path, tmp_path: Path) -> Path:
    """A copy of a run of the small settings: the best in it, and iterations 3 and 5 below it."""
    return Path(shutil.copytree(_finished, tmp_path / "run"))


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[[Sequence[object]], str]:
    """Runs a command line that must end with 2 and an error; gives what stderr says."""

    def refuse(line: Sequence[object]) -> str:
        capsys.readouterr()
        assert main([str(part) for part in line]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("error: ")
        assert "Traceback" not in err
        return err

    return refuse


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Installs a distribution of one module with entry points, for this test."""

    def make(name: str, code: str, entry_points: Mapping[str, str]) -> None:
        site, module = tmp_path / name, name.replace("-", "_")
        info = site / f"{module}-2.5.dist-info"
        info.mkdir(parents=True)
        (site / f"{module}.py").write_text(code)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.5\n")
        lines = "".join(f"[{group}]\n{line}\n" for group, line in entry_points.items())
        (info / "entry_points.txt").write_text(lines)
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(sys.modules, module, raising=False)

    def forget() -> None:
        plugins.load.cache_clear()
        core_backend.get_backend.cache_clear()

    forget()
    yield make
    forget()
