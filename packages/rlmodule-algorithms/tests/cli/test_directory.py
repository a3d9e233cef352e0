"""Where a run is saved."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rlmodule_algorithms.cli.training.directory import claim_directory, default_directory
from rlmodule_core import ConfigError


def test_the_default_names_environment_algorithm_and_seed() -> None:
    assert default_directory("CartPole-v1", "PPO", 3) == Path("runs/cartpole-v1-ppo-3")


def test_the_default_stays_inside_runs_whatever_the_id() -> None:
    assert default_directory("ALE/Pong-v5", "PPO", 0) == Path("runs/ale-pong-v5-ppo-0")
    assert default_directory("../../etc:Env", "PPO", 0).parent == Path("runs")


def test_a_taken_directory_is_left_alone_and_the_next_number_is_used(tmp_path: Path) -> None:
    wanted = tmp_path / "run"
    wanted.mkdir()
    (wanted / "precious").write_text("data")
    assert [claim_directory(wanted).name for _ in range(3)] == ["run-2", "run-3", "run-4"]
    assert (wanted / "precious").read_text() == "data"
    assert [path.name for path in wanted.iterdir()] == ["precious"]


def test_an_empty_directory_is_used(tmp_path: Path) -> None:
    wanted = tmp_path / "made-before"
    wanted.mkdir()
    assert claim_directory(wanted) == wanted


def test_a_file_of_that_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    assert claim_directory(tmp_path / "run") == tmp_path / "run-2"
    assert (tmp_path / "run").read_text() == "a file"


def test_runs_that_start_at_once_get_different_directories(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(lambda _: claim_directory(tmp_path / "run"), range(24)))
    assert len(set(claimed)) == 24


def test_a_directory_that_cannot_be_made_is_an_error_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"file/run.*Give another one with --out"):
        claim_directory(tmp_path / "file" / "run")


@pytest.mark.parametrize("wanted", ["", ".", "..", "/"])
def test_a_taken_directory_without_a_name_to_number_is_refused(
    wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "precious").write_text("data")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"is not empty. Give a new one with --out DIR"):
        claim_directory(Path(wanted))
