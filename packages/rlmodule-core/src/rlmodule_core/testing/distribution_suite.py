"""The exam of action distributions in one backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from rlmodule_core.distributions import Categorical, Descriptor, DiagGaussian
from rlmodule_core.testing.backend_exam import BackendExam
from rlmodule_core.testing.closed_form import closed_form
from rlmodule_core.testing.compare import Array, require, require_close, require_same
from rlmodule_core.testing.global_generators import global_generators_untouched

Case = tuple[Descriptor, gym.Space[Any]]

_DRAWS = 20_000
_SIGMAS = 5.0


class DistributionSuite(BackendExam):
    """Distributions keep their contract; a subclass names the backend as `backend_name`.

    Attributes:
        cases: the descriptors to examine, each with an action space that it describes.
    """

    cases: ClassVar[Sequence[Case]] = (
        (Categorical(4), gym.spaces.Discrete(4)),
        (Categorical(3, start=-2), gym.spaces.Discrete(3, start=-2)),
        (DiagGaussian(1), gym.spaces.Box(-1.0, 1.0, (1,))),
        (DiagGaussian(3), gym.spaces.Box(-1.0, 1.0, (3,))),
    )

    def _make(self, descriptor: Descriptor, inputs: Array) -> Any:
        return descriptor.bind(self.backend.ops).from_logits(self.tensor(inputs))

    def _pairs(self) -> Iterator[tuple[Descriptor, Any, Any]]:
        """Each descriptor, with its distributions and their closed forms, for inputs of several shapes."""
        for descriptor, _ in self.cases:
            for leading in ((7,), (2, 3), (1,)):
                inputs = _inputs(descriptor, leading)
                yield descriptor, self._make(descriptor, inputs), closed_form(descriptor, inputs)

    def _drawn(self, dist: Any, seed: int = 0) -> Array:
        return self.array(dist.sample(rng=self.backend.rng(seed)))

    def test_equal_descriptors_bind_to_one_class(self) -> None:
        for descriptor, _ in self.cases:
            bound = [descriptor.bind(self.backend.ops) for _ in range(2)]
            require(bound[0] is bound[1], f"{descriptor} was bound to two classes.")

    def test_the_input_width_is_the_descriptor_s(self) -> None:
        for descriptor, space in self.cases:
            width = descriptor.bind(self.backend.ops).required_input_dim(space)
            require(width == descriptor.input_dim, f"{descriptor}: required_input_dim({space}) is {width}.")

    def test_draws_are_actions_of_the_space(self) -> None:
        for descriptor, space in self.cases:
            drawn = self._drawn(self._make(descriptor, _inputs(descriptor, (50,))))
            expected = (50, *(space.shape or ()))
            require(drawn.shape == expected, f"{descriptor}: expected draws {expected}, got {drawn.shape}.")
            if isinstance(space, gym.spaces.Discrete):
                require(drawn.dtype == np.int64, f"{descriptor}: drew {drawn.dtype}.")
                require(all(space.contains(action) for action in drawn), f"{descriptor}: drew {drawn} for {space}.")

    def test_log_probabilities_are_those_of_the_closed_form(self) -> None:
        for descriptor, dist, exact in self._pairs():
            drawn = self._drawn(dist)
            logp = self.array(dist.logp(self.tensor(drawn)))
            require_close(logp, exact.logp(drawn), f"{descriptor}: logp")
            require(logp.dtype == np.float32, f"{descriptor}: logp is {logp.dtype}.")

    def test_the_entropy_is_that_of_the_closed_form(self) -> None:
        for descriptor, dist, exact in self._pairs():
            require_close(self.array(dist.entropy()), exact.entropy(), f"{descriptor}: entropy")

    def test_the_divergence_is_that_of_the_closed_form(self) -> None:
        for descriptor, _ in self.cases:
            one, other = (_inputs(descriptor, (7,), seed) for seed in (0, 1))
            dist, second = (self._make(descriptor, inputs) for inputs in (one, other))
            exact, exact_second = (closed_form(descriptor, inputs) for inputs in (one, other))
            require_close(self.array(dist.kl(second)), exact.kl(exact_second), f"{descriptor}: kl")
            require_close(self.array(dist.kl(dist)), np.zeros(7), f"{descriptor}: kl to itself")

    def test_the_deterministic_action_is_the_mode_whatever_the_generator(self) -> None:
        for descriptor, dist, exact in self._pairs():
            certain = dist.to_deterministic()
            actions = [self._drawn(certain, seed) for seed in (0, 1)]
            require_close(actions[0], exact.mode(), f"{descriptor}: the deterministic action")
            require_same(actions[1], actions[0], f"{descriptor}: the deterministic action with another generator")
            require(actions[0].dtype == self._drawn(dist).dtype, f"{descriptor}: deterministic {actions[0].dtype}.")
            logp = self.array(certain.logp(self.tensor(actions[0])))
            require_close(logp, np.zeros(exact.entropy().shape), f"{descriptor}: logp of the deterministic action")

    def test_draws_have_the_moments_of_the_closed_form(self) -> None:
        for descriptor, _ in self.cases:
            inputs = np.tile(_inputs(descriptor, (1,)), (_DRAWS, 1))
            drawn = self._drawn(self._make(descriptor, inputs)).astype(np.float64)
            mean, variance = (moment[0] for moment in closed_form(descriptor, inputs).moments())
            fourth = ((drawn - mean) ** 4).mean(axis=0)
            spread = np.square(drawn - mean)
            self._require_near(drawn.mean(axis=0), mean, variance, f"{descriptor}: mean")
            self._require_near(spread.mean(axis=0), variance, fourth - variance**2, f"{descriptor}: variance")

    def _require_near(self, found: Array, expected: Array, variance: Array, what: str) -> None:
        error, allowed = np.abs(found - expected), _SIGMAS * np.sqrt(np.maximum(variance, 0) / _DRAWS)
        require(np.all(error <= allowed), f"{what} of the draws is {found}, expected {expected} within {allowed}.")

    def test_draws_come_from_the_given_generator_alone(self) -> None:
        for descriptor, _ in self.cases:
            dist = self._make(descriptor, _inputs(descriptor, (50,)))
            with global_generators_untouched(f"{descriptor}: sampling"):
                first = self._drawn(dist)
                dist.sample()
            require_same(self._drawn(dist), first, f"{descriptor}: draws of one seed")
            require(not np.array_equal(self._drawn(dist, 1), first), f"{descriptor}: two seeds, the same draws.")

    def test_sample_and_logp_agree_with_sample_and_with_logp(self) -> None:
        for descriptor, dist, _ in self._pairs():
            actions, logp = dist.sample_and_logp(rng=self.backend.rng(0))
            require_same(self.array(actions), self._drawn(dist), f"{descriptor}: sample_and_logp against sample")
            require_close(self.array(logp), self.array(dist.logp(actions)), f"{descriptor}: its logp against logp")

    def test_everything_is_finite_at_extremes(self) -> None:
        for descriptor, _ in self.cases:
            inputs = _extremes(descriptor)
            dist, other = self._make(descriptor, inputs), self._make(descriptor, inputs[::-1].copy())
            actions, logp = dist.sample_and_logp(rng=self.backend.rng(0))
            for name, result in (
                ("draws", actions),
                ("logp of draws", logp),
                ("entropy", dist.entropy()),
                ("kl", dist.kl(other)),
                ("deterministic action", dist.to_deterministic().sample()),
            ):
                finite = np.isfinite(self.array(result)).reshape(len(inputs), -1).all(axis=1)
                require(finite.all(), f"{descriptor}: {name} not finite for the inputs {inputs[~finite]}.")


def _inputs(descriptor: Descriptor, leading: tuple[int, ...], seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=(*leading, descriptor.input_dim)).astype(np.float32)


def _extremes(descriptor: Descriptor) -> Array:
    signs = np.random.default_rng(0).choice([-1, 0, 1], size=(40, descriptor.input_dim))
    return np.concatenate([signs * scale for scale in (1.0, 50.0, 1e4)]).astype(np.float32)
