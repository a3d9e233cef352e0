"""Close environments without losing sight of what led there."""

from __future__ import annotations

import logging
from typing import Any

import gymnasium as gym

AnyEnv = gym.Env[Any, Any] | gym.vector.VectorEnv[Any, Any, Any]

_logger = logging.getLogger(__name__)


def close_quietly(env: AnyEnv) -> None:
    """Close the environment; a failure is logged, because it must not hide what led here."""
    try:
        env.close()
    except Exception:
        _logger.warning("The environment %s failed in close().", env_name(env), exc_info=True)


def env_name(env: AnyEnv) -> str:
    """The id of an environment, or its class where it has none."""
    first = env.envs[0] if isinstance(env, gym.vector.SyncVectorEnv) else env
    spec = first.unwrapped.spec
    return type(first.unwrapped).__name__ if spec is None else spec.id
