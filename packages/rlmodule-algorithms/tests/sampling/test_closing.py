from __future__ import annotations

import logging
import multiprocessing
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv

from rlmodule_algorithms.sampling import closing
from rlmodule_algorithms.sampling.closing import CLOSE_SECONDS, close_all, close_quietly
from rlmodule_algorithms.sampling.environments import make_vector_env

SCRIPT = [(2, "terminated")]
LIMIT = 0.2


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(closing, "CLOSE_SECONDS", LIMIT)
    caplog.set_level(logging.WARNING)


@pytest.fixture
def hanging(scripted: Any) -> Iterator[type[Any]]:
    """An environment whose `close` does not end before the test does."""
    over = threading.Event()

    class Hanging(scripted):
        def close(self) -> None:
            over.wait(30.0)

    yield Hanging
    over.set()


def seconds(call: Any) -> float:
    started = time.monotonic()
    call()
    return time.monotonic() - started


def test_users_wait_a_few_seconds_for_a_close_that_hangs() -> None:
    assert 2.0 <= CLOSE_SECONDS <= 10.0


def test_a_close_that_hangs_is_left_behind_with_a_warning_that_names_the_environment(
    hanging: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert LIMIT <= seconds(lambda: close_quietly(hanging(SCRIPT))) < 10 * LIMIT
    assert "The environment Hanging did not close within 0.2 seconds" in caplog.text


def test_one_that_hangs_keeps_no_other_open_and_many_take_no_longer_than_one(
    hanging: Any, scripted: Any, caplog: pytest.LogCaptureFixture
) -> None:
    envs = [scripted(SCRIPT), *(hanging(SCRIPT) for _ in range(20)), scripted(SCRIPT)]
    assert seconds(lambda: close_all(envs)) < 10 * LIMIT
    assert (envs[0].closed, envs[-1].closed) == (True, True)
    assert caplog.text.count("did not close within") == 20


def test_one_that_starts_late_behind_one_that_hangs_has_its_own_time(
    hanging: Any, scripted: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Slow(scripted):
        def close(self) -> None:
            time.sleep(LIMIT / 2)
            super().close()

    slow = Slow(SCRIPT)
    close_all([hanging(SCRIPT), slow])
    assert slow.closed
    assert "Slow" not in caplog.text


def test_environments_that_close_do_so_in_turn(scripted: Any) -> None:
    told: list[str] = []

    class Telling(scripted):
        def close(self) -> None:
            told.append("begins")
            time.sleep(0.01)
            told.append("ends")

    close_all([Telling(SCRIPT) for _ in range(3)])
    assert told == ["begins", "ends"] * 3


@pytest.mark.parametrize("maker", ["ours", "theirs", "subclass"])
def test_all_environments_of_a_vector_environment_are_closed_although_one_hangs_and_one_fails(
    hanging: Any, scripted: Any, caplog: pytest.LogCaptureFixture, maker: str
) -> None:
    class Failing(scripted):
        def close(self) -> None:
            raise OSError("already gone")

    singles = [hanging(SCRIPT), Failing(SCRIPT), scripted(SCRIPT)]
    factories = [lambda single=single: single for single in singles]

    class Own(SyncVectorEnv):
        def __init__(self, num_envs: int) -> None:
            super().__init__(factories)

    waiting = iter(singles)
    env = {
        "ours": lambda: make_vector_env(lambda env_config: next(waiting), None, 3),
        "theirs": lambda: make_vector_env(lambda env_config: SyncVectorEnv(factories), None, 3),
        "subclass": lambda: make_vector_env(Own, None, 3),
    }[maker]()
    assert seconds(lambda: close_quietly(env)) < 10 * LIMIT
    assert "The environment Hanging did not close within" in caplog.text
    assert "The environment Failing failed in close()" in caplog.text
    assert "already gone" in caplog.text
    assert singles[2].closed
    assert env.closed


def test_what_was_closed_or_left_behind_is_not_closed_again(hanging: Any, caplog: pytest.LogCaptureFixture) -> None:
    env = make_vector_env(hanging, {"script": SCRIPT}, 2)
    close_quietly(env)
    caplog.clear()
    assert seconds(lambda: close_quietly(env)) < LIMIT
    assert caplog.text == ""


def test_a_vector_environment_of_its_own_kind_that_hangs_is_named(caplog: pytest.LogCaptureFixture) -> None:
    over = threading.Event()

    class Native(CartPoleVectorEnv):
        def close(self, **settings: Any) -> None:
            over.wait(30.0)

    close_quietly(make_vector_env(Native, None, 2))
    over.set()
    assert "The environment Native did not close within" in caplog.text


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("daemon", [True, False])
def test_workers_whose_environment_hangs_are_ended(
    scripted: Any, caplog: pytest.LogCaptureFixture, daemon: bool
) -> None:
    class Hanging(scripted):
        def close(self) -> None:
            # Gymnasium makes and closes one in this process, to know the spaces.
            if multiprocessing.parent_process() is not None:
                time.sleep(30.0)

    made = AsyncVectorEnv([lambda: Hanging(SCRIPT)] * 2, daemon=daemon)
    close_quietly(make_vector_env(lambda env_config: made, None, 2))
    assert "AsyncVectorEnv did not close within" in caplog.text
    deadline = time.monotonic() + 10.0
    while any(process.is_alive() for process in made.processes) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(process.is_alive() for process in made.processes)


def test_a_window_is_closed_by_the_thread_that_opened_it(scripted: Any) -> None:
    threads: list[threading.Thread] = []

    class Shown(scripted):
        render_mode = "human"

        def close(self) -> None:
            threads.append(threading.current_thread())

    close_quietly(Shown(SCRIPT))
    assert threads == [threading.main_thread()]


def test_at_the_end_of_the_interpreter_where_no_thread_starts_environments_are_closed_all_the_same(
    scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    env = scripted(SCRIPT)
    close_quietly(env)
    assert env.closed


PROGRAM = """
import threading
import gymnasium as gym
from gymnasium.vector import AsyncVectorEnv
from rlmodule_algorithms.sampling import closing
from rlmodule_algorithms.sampling.environments import make_vector_env

class Hanging(gym.wrappers.TimeLimit):
    def close(self):
        threading.Event().wait()

def hanging(env_config):
    return Hanging(gym.make("CartPole-v1"), 5)

closing.CLOSE_SECONDS = 0.2
for make in (hanging, lambda env_config: gym.vector.SyncVectorEnv([lambda: hanging({})] * 2)):
    env = make_vector_env(make, None, 2)
    env.reset(seed=0)
    closing.close_quietly(env)
print("done")
"""


def test_the_process_ends_although_environments_hang() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout) == (0, "done\n"), run.stderr
    assert run.stderr.count("The environment CartPole-v1 did not close within 0.2 seconds") == 4
