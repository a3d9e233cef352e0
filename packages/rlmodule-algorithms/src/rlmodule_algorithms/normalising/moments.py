"""Mean and variance of data that come in parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Moments:
    """How many rows there were, and their mean and variance, in float64.

    Attributes:
        count: of rows.
        mean: the shape of one row.
        variance: likewise, the mean of the squared distances to the mean.
    """

    count: float
    mean: Array
    variance: Array

    @classmethod
    def of(cls, rows: Array) -> Moments:
        """The moments of rows `[N, ...]`; 0 where there are none.

        In two passes: mean squares less the squared mean would leave nothing of the variance of large numbers.
        """
        if len(rows) == 0:
            return cls(0.0, np.zeros(rows.shape[1:]), np.zeros(rows.shape[1:]))
        exact = np.asarray(rows, np.float64)
        mean = exact.mean(axis=0)
        return cls(float(len(rows)), np.asarray(mean), np.asarray(np.square(exact - mean).mean(axis=0)))

    def merged(self, other: Moments) -> Moments:
        """The moments of the rows of both together; in which order parts are merged makes no difference but rounding.

        Chan, Golub and LeVeque 1983, https://doi.org/10.1080/00031305.1983.10483115.
        """
        if self.count == 0 or other.count == 0:
            return self if other.count == 0 else other
        count = self.count + other.count
        share, distance = other.count / count, other.mean - self.mean
        within = (1.0 - share) * self.variance + share * other.variance
        between = share * (1.0 - share) * np.square(distance)
        return Moments(count, self.mean + share * distance, within + between)
