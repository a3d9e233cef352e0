"""The returns of the episodes that sampling has finished."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np

_SMOOTHING = 100
"""Mean returns are over this many of the last episodes."""


class FinishedEpisodes:
    """How many episodes there were, and what the last 100 of them returned.

    Args:
        count: of earlier episodes.
        returns: of the last ones.
    """

    def __init__(self, *, count: int = 0, returns: Iterable[float] = ()) -> None:
        self.count = count
        self._recent: deque[float] = deque(map(float, returns), maxlen=_SMOOTHING)

    def add(self, returns: list[float]) -> None:
        """Episodes have finished, in this order."""
        self.count += len(returns)
        self._recent.extend(returns)

    @property
    def recent_returns(self) -> list[float]:
        """The returns of the last 100, the newest last."""
        return list(self._recent)

    def metrics(self) -> dict[str, float]:
        """Mean and greatest of the recent returns, NaN before the first; and the count."""
        returns = self._recent
        return {
            "episode_return_mean": float(np.mean(returns)) if returns else float("nan"),
            "episode_return_max": float(np.max(returns)) if returns else float("nan"),
            "num_episodes_lifetime": self.count,
        }
