"""How far a run has come, from the results of its iterations."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from rlmodule_algorithms.cli.limits import Limits

_RATE_WINDOW = 10.0


class Progress:
    """Collects results; everything that a display shows is read from here.

    Attributes:
        mean_return: of the last training episodes, which explore.
        greedy_return: of the last evaluation, which the target is about.
        kl: mean divergence of the last update; None where the algorithm does not compute it.
        stopping: the user asked to stop.

    Args:
        limits: when training ends.
        env_steps: taken before this start.
        clock: seconds, monotonic.
    """

    def __init__(self, limits: Limits, *, env_steps: int = 0, clock: Callable[[], float] = time.perf_counter) -> None:
        self.limits = limits
        self.iterations = 0
        self.env_steps = env_steps
        self.mean_return: float | None = None
        self.greedy_return: float | None = None
        self.best_return: float | None = None
        self.entropy: float | None = None
        self.kl: float | None = None
        self.returns: list[float] = []
        self.stopping = False
        self._clock = clock
        self._start = clock()
        self._recent = deque([(self._start, env_steps)])

    def update(self, result: Mapping[str, Any]) -> None:
        """Take in what `Algorithm.train()` returned."""
        runners = result["env_runners"]
        self.iterations += 1
        self.env_steps = int(runners["num_env_steps_sampled_lifetime"])
        learner: Mapping[str, float] = next(iter(result["learners"].values()), {})
        self.entropy, self.kl = learner.get("entropy"), learner.get("mean_kl_loss")
        mean = float(runners["episode_return_mean"])
        # Not a number until the first episode ends.
        if math.isfinite(mean):
            self.mean_return = mean
            self.returns.append(mean)
        if "evaluation" in result:
            self.greedy_return = float(result["evaluation"]["episode_return_mean"])
            if self.best_return is None or self.greedy_return > self.best_return:
                self.best_return = self.greedy_return
        now = self._clock()
        self._recent.append((now, self.env_steps))
        while len(self._recent) > 2 and now - self._recent[1][0] > _RATE_WINDOW:
            self._recent.popleft()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._start

    @property
    def steps_per_second(self) -> float | None:
        """Over the last seconds; None before the first iteration."""
        (start, first), (end, last) = self._recent[0], self._recent[-1]
        return (last - first) / (end - start) if end > start else None

    @property
    def seconds_left(self) -> float | None:
        """Until the nearer budget is spent at the present speed; None when that cannot be told.

        Meeting the target ends training earlier, so this is a bound.
        """
        bounds = []
        if self.limits.max_seconds is not None:
            bounds.append(self.limits.max_seconds - self.elapsed)
        if self.limits.max_env_steps is not None and self.steps_per_second:
            age = self._clock() - self._recent[-1][0]
            bounds.append((self.limits.max_env_steps - self.env_steps) / self.steps_per_second - age)
        return max(0.0, min(bounds)) if bounds else None
