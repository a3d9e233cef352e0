"""Independent Gaussians, squashed between bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import gymnasium as gym
import numpy as np

from rlmodule_core.backend.ops import Ops, Rng, Tensor
from rlmodule_core.distributions.base import Distribution
from rlmodule_core.distributions.descriptor import Descriptor, bound_class
from rlmodule_core.distributions.deterministic import point_mass
from rlmodule_core.distributions.diag_gaussian import DiagGaussianDistribution
from rlmodule_core.distributions.event_shape import Shape, to_event, to_flat
from rlmodule_core.errors import ConfigError, UnsupportedSpaceError

SQUASHED_LOG_STD_MAX = 1.0
"""The upper limit of log standard deviations: wider Gaussians put their mass on the bounds, and nowhere else."""

_NEAREST = 1.0 - 2.0**-24
"""How near to a bound, which is 1 here, draws are told apart: float32 knows no number between."""

_LARGEST = float(np.finfo(np.float32).max)

_STEP, _STEPS = 0.3, 18
_NODES = tuple(_STEP * k for k in range(-_STEPS, _STEPS + 1))
_WEIGHTS = tuple(_STEP * math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) for z in _NODES)


class SquashedGaussianDistribution(DiagGaussianDistribution):
    """Actions `[..., *shape]` between bounds: `tanh` of Gaussian draws, stretched; inputs are those of a DiagGaussian.

    `kl` is that of the Gaussians, which squashing keeps. The entropy has no closed form: it is the Gaussians' entropy
    plus the expected logarithm of the slope, by the trapezoid rule over 37 points (error below 1e-5 a number).
    Draws that come nearer to a bound than float32 can tell count as if they lay that near.
    The deterministic action is the squashed mean, the median of the draws.
    """

    log_std_max = SQUASHED_LOG_STD_MAX

    @cached_property
    def _described(self) -> SquashedGaussian:
        size, described = self.loc.shape[-1], self.descriptor
        return SquashedGaussian((-1.0,) * size, (1.0,) * size) if described is None else described

    def rsample(self, *, rng: Rng | None = None) -> Tensor:
        return self._squashed(self.loc + self.scale * self.ops.random_normal(rng, self.loc))

    def logp(self, value: Tensor) -> Tensor:
        # In float64: near a bound, float32 would round away how near.
        ops, shape = self.ops, self._shape
        loc, log_std, flat = (ops.cast(x, "float64") for x in (self.loc, self.log_std, to_flat(ops, value, shape)))
        middles, half_spans = (
            ops.constant(values, flat) for values in (self._described.middles, self._described.half_spans)
        )
        unit = ops.clip((flat - middles) / half_spans, -_NEAREST, _NEAREST)
        above, below = ops.log(1.0 + unit), ops.log(1.0 - unit)
        standardised = (0.5 * (above - below) - loc) * ops.exp(-log_std)
        gaussian = -0.5 * ops.square(standardised) - log_std - 0.5 * math.log(2.0 * math.pi)
        density = gaussian - (above + below) - ops.log(half_spans)
        return ops.cast(ops.sum(density, axis=-1), ops.dtype_name(self.loc))

    def entropy(self) -> Tensor:
        ops, deeper = self.ops, (*self.loc.shape, 1)
        # The logarithm of the slope of tanh, 1 - tanh², is 2 (log 2 - x - softplus(-2 x)), without cancellation. Only
        # its last term needs the points.
        loc, scale = ops.reshape(-2.0 * self.loc, deeper), ops.reshape(-2.0 * self.scale, deeper)
        bent = ops.softplus(loc + scale * ops.constant(_NODES, loc)) * ops.constant(_WEIGHTS, loc)
        log_slope = 2.0 * (math.log(2.0) - self.loc - ops.sum(bent, axis=-1))
        return super().entropy() + ops.sum(log_slope, axis=-1) + self._described.log_half_span

    def to_deterministic(self) -> Distribution:
        return point_mass(self.ops, self._squashed(self.loc), event_rank=len(self._shape))

    def _squashed(self, flat: Tensor) -> Tensor:
        ops, own = self.ops, self._described
        wanted = (own.low, own.high, own.middles, own.half_spans)
        low, high, middles, half_spans = (ops.constant(values, flat) for values in wanted)
        # The product may be rounded to beyond a bound.
        return to_event(ops, ops.clip(middles + half_spans * ops.tanh(flat), low, high), self._shape)


@dataclass(frozen=True)
class SquashedGaussian(Descriptor):
    """Describes real numbers between finite bounds.

    Attributes:
        low: the lower bounds, in C order of the action's axes.
        high: the upper bounds.
        shape: the shape of an action; None is one axis.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        for field in ("low", "high"):
            object.__setattr__(self, field, tuple(getattr(self, field)))
        object.__setattr__(self, "shape", None if self.shape is None else tuple(self.shape))
        if self.shape == (len(self.low),):
            object.__setattr__(self, "shape", None)
        sizes = {len(self.low), len(self.high), math.prod(self.event_shape)}
        if len(sizes) > 1 or not self.low:
            raise ConfigError(
                "SquashedGaussian needs at least one number, and as many lower as upper bounds and entries of the "
                f"shape; got {len(self.low)}, {len(self.high)} and the shape {self.shape}."
            )
        for low, high in zip(self.low, self.high, strict=True):
            if not -_LARGEST <= low < high <= _LARGEST:
                raise ConfigError(
                    f"SquashedGaussian needs bounds that are finite in float32, low below high, got {low} and {high}."
                )

    @property
    def event_shape(self) -> Shape:
        """The shape of one action."""
        return (len(self.low),) if self.shape is None else self.shape

    @cached_property
    def half_spans(self) -> tuple[float, ...]:
        """Half of what lies between the bounds."""
        return tuple(0.5 * high - 0.5 * low for low, high in zip(self.low, self.high, strict=True))

    @cached_property
    def middles(self) -> tuple[float, ...]:
        """The means of both bounds."""
        return tuple(0.5 * low + 0.5 * high for low, high in zip(self.low, self.high, strict=True))

    @cached_property
    def log_half_span(self) -> float:
        """The logarithms of `half_spans`, summed."""
        return sum(map(math.log, self.half_spans))

    @property
    def input_dim(self) -> int:
        return 2 * len(self.low)

    def fits(self, space: gym.Space[Any]) -> bool:
        if not isinstance(space, gym.spaces.Box) or space.shape != self.event_shape:
            return False
        return self.low == tuple(space.low.ravel().tolist()) and self.high == tuple(space.high.ravel().tolist())

    @classmethod
    def for_space(cls, space: gym.Space[Any]) -> SquashedGaussian:
        """The descriptor of a Box's actions.

        Raises:
            UnsupportedSpaceError: the space is no Box of floats with finite bounds, low below high.
        """
        if not isinstance(space, gym.spaces.Box) or not np.issubdtype(space.dtype, np.floating):
            raise UnsupportedSpaceError(f"Squashed actions are those of a Box of floats, got {space}.")
        low, high = space.low.astype(np.float64), space.high.astype(np.float64)
        if not ((low >= -_LARGEST) & (low < high) & (high <= _LARGEST)).all():
            raise UnsupportedSpaceError(
                f"Squashed actions need bounds finite in float32, low below high on every axis, got {space}. Use "
                "DiagGaussian, which takes unbounded axes, or bound the space with a Gymnasium wrapper."
            )
        return cls(tuple(low.ravel().tolist()), tuple(high.ravel().tolist()), space.shape)

    def bind(self, ops: Ops) -> type[SquashedGaussianDistribution]:
        return bound_class(SquashedGaussianDistribution, self, ops)
