"""Close environments without losing sight of what led there."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Sequence
from typing import Any

import gymnasium as gym

AnyEnv = gym.Env[Any, Any] | gym.vector.VectorEnv[Any, Any, Any]

CLOSE_SECONDS = 5.0
"""How long environments may take to close before they are left behind."""

_logger = logging.getLogger(__name__)


def close_quietly(env: AnyEnv) -> None:
    """Close the environment; a failure is logged, because it must not hide what led here.

    So is a `close` that does not end within `CLOSE_SECONDS`: it goes on in a thread that ends with the process.
    """
    close_all([env])


def close_all(envs: Sequence[AnyEnv]) -> None:
    """Close environments as `close_quietly` does: in turn, but nobody waits for one behind one that hangs."""
    closings = [_Closing(part) for env in envs for part in _parts(env)]
    hung = False
    for closing in closings:
        closing.start()
        hung = hung or closing.hangs()
    for closing in closings:
        closing.report()
    for env in envs:
        if isinstance(env, gym.vector.VectorEnv):
            # Closing again, as the garbage collector might, would hang again.
            env.closed = True


def env_name(env: AnyEnv) -> str:
    """The id of an environment, or its class where it has none."""
    base = env.unwrapped
    if base.spec is None and isinstance(base, gym.vector.SyncVectorEnv):
        base = base.envs[0].unwrapped
    return type(base).__name__ if base.spec is None else base.spec.id


class _Closing:
    """One `close` in a thread of its own."""

    def __init__(self, env: AnyEnv) -> None:
        self._env = env
        self._error: Exception | None = None
        self._deadline = math.inf
        self._thread = threading.Thread(target=self._run, name=f"close {type(env).__name__}", daemon=True)

    def start(self) -> None:
        self._deadline = time.monotonic() + CLOSE_SECONDS
        if self._env.render_mode == "human":
            # A window belongs to the thread that opened it.
            self._run()
            return
        try:
            self._thread.start()
        except RuntimeError:
            # At the end of the interpreter there are no new threads.
            self._run()

    def hangs(self) -> bool:
        """Whether it has not ended in its time, which this waits for."""
        if self._thread.is_alive():
            self._thread.join(max(0.0, self._deadline - time.monotonic()))
        return self._thread.is_alive()

    def report(self) -> None:
        if self.hangs():
            _logger.warning(
                "The environment %s did not close within %g seconds and is left behind.",
                env_name(self._env),
                CLOSE_SECONDS,
            )
        elif self._error is not None:
            _logger.warning("The environment %s failed in close().", env_name(self._env), exc_info=self._error)
        else:
            return
        _end_workers(self._env)

    def _run(self) -> None:
        try:
            self._env.close()
        except Exception as error:
            self._error = error


def _parts(env: AnyEnv) -> Sequence[AnyEnv]:
    """What to close one by one: where it makes no difference, the environments of a vector environment."""
    if isinstance(env, gym.vector.VectorEnv) and env.closed:
        return ()
    if isinstance(env, gym.vector.SyncVectorEnv) and _closes_like(env, gym.vector.SyncVectorEnv):
        return env.envs
    return (env,)


def _closes_like(env: gym.vector.SyncVectorEnv, base: type[gym.vector.SyncVectorEnv]) -> bool:
    return type(env).close is base.close and type(env).close_extras is base.close_extras


def _end_workers(env: AnyEnv) -> None:
    """End the processes of an AsyncVectorEnv, for which the interpreter would wait at its end."""
    base = env.unwrapped
    if isinstance(base, gym.vector.AsyncVectorEnv):
        for process in base.processes:
            process.kill()
