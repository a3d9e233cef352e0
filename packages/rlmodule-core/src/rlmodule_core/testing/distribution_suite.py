"""The exam of action distributions in one backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from rlmodule_core.distributions import Categorical, Descriptor, DiagGaussian, Distribution
from rlmodule_core.testing.backend_exam import BackendExam
from rlmodule_core.testing.closed_form import closed_form
from rlmodule_core.testing.compare import Array, require, require_close, require_equal, require_same
from rlmodule_core.testing.distribution_gradients import differenced_gradients, input_gradients
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
            require(bound[0] is bound[1], f"{descriptor}.bind(): expected one class at every call, got two.")

    def test_the_input_width_is_the_descriptor_s(self) -> None:
        for descriptor, space in self.cases:
            width = descriptor.bind(self.backend.ops).required_input_dim(space)
            require_equal(width, descriptor.input_dim, f"{descriptor}: required_input_dim({space})")

    def test_draws_are_actions_of_the_space(self) -> None:
        for descriptor, space in self.cases:
            drawn = self._drawn(self._make(descriptor, _inputs(descriptor, (50,))))
            require_equal(drawn.shape, (50, *(space.shape or ())), f"{descriptor}: shape of draws")
            if isinstance(space, gym.spaces.Discrete):
                require_equal(drawn.dtype, np.dtype(np.int64), f"{descriptor}: dtype of draws")
                foreign = sorted({int(action) for action in drawn if not space.contains(action)})
                require(not foreign, f"{descriptor}: expected draws of {space}, got {foreign} among them.")

    def test_log_probabilities_are_those_of_the_closed_form(self) -> None:
        for descriptor, dist, exact in self._pairs():
            drawn = self._drawn(dist)
            logp = self.array(dist.logp(self.tensor(drawn)))
            require_close(logp, exact.logp(drawn), f"{descriptor}: logp")
            require_equal(logp.dtype, np.dtype(np.float32), f"{descriptor}: dtype of logp")

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
            require_equal(actions[0].dtype, self._drawn(dist).dtype, f"{descriptor}: dtype of the deterministic action")
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
        near = np.all(error <= allowed)
        require(near, f"{what} of {_DRAWS} draws: expected {expected} within {allowed}, got {found}.")

    def test_draws_come_from_the_given_generator_alone(self) -> None:
        for descriptor, _ in self.cases:
            dist = self._make(descriptor, _inputs(descriptor, (50,)))
            with global_generators_untouched(f"{descriptor}: sampling"):
                first = self._drawn(dist)
                dist.sample()
            require_same(self._drawn(dist), first, f"{descriptor}: draws of one seed")
            other = self._drawn(dist, 1)
            differ = not np.array_equal(other, first)
            require(differ, f"{descriptor}: expected other draws of another seed, got the same.")

    def test_sample_and_logp_agree_with_sample_and_with_logp(self) -> None:
        for descriptor, dist, _ in self._pairs():
            actions, logp = dist.sample_and_logp(rng=self.backend.rng(0))
            require_same(self.array(actions), self._drawn(dist), f"{descriptor}: sample_and_logp against sample")
            require_close(self.array(logp), self.array(dist.logp(actions)), f"{descriptor}: its logp against logp")

    def test_everything_is_finite_at_extremes(self) -> None:
        for descriptor, _ in self.cases:
            inputs = _extremes(descriptor)
            # Where numpy computes, a warning would come before the finding.
            with np.errstate(all="ignore"):
                results = self._results(self._make(descriptor, inputs), self._make(descriptor, inputs[::-1].copy()))
            for name, result in results.items():
                require_equal(len(result), len(inputs), f"{descriptor}: rows of {name}")
                finite = np.isfinite(result).reshape(len(inputs), -1).all(axis=1)
                first = int(np.argmin(finite))
                what = f"{descriptor}: {name} for inputs {inputs[first]}"
                require(finite.all(), f"{what}: expected finite numbers, got {result[first]}.")

    def _results(self, dist: Any, other: Any) -> dict[str, Array]:
        actions, logp = dist.sample_and_logp(rng=self.backend.rng(0))
        results = {
            "draws": actions,
            "logp of draws": logp,
            "entropy": dist.entropy(),
            "kl": dist.kl(other),
            "the deterministic action": dist.to_deterministic().sample(),
        }
        return {name: self.array(result) for name, result in results.items()}

    def test_reparameterised_draws_are_those_of_sample(self) -> None:
        for descriptor, dist, _ in self._pairs():
            if _reparameterises(dist):
                draws = self.array(dist.rsample(rng=self.backend.rng(0)))
                require_close(draws, self._drawn(dist), f"{descriptor}: rsample against sample, of one generator")

    def test_gradients_are_those_of_the_closed_form(self) -> None:
        for descriptor, _ in self.cases:
            for measure in ("logp", "entropy", "kl"):
                self._require_gradient(descriptor, measure)

    def _require_gradient(self, descriptor: Descriptor, measure: str) -> None:
        backend = self.training_backend
        inputs, others = (_inputs(descriptor, (5,), seed) for seed in (0, 1))
        actions = self._drawn(self._make(descriptor, inputs))

        def native(x: Any) -> Any:
            given = {"logp": [self.tensor(actions)], "entropy": [], "kl": [self._make(descriptor, others)]}
            return getattr(descriptor.bind(backend.ops).from_logits(x), measure)(*given[measure])

        def exact(x: Array) -> Array:
            given: dict[str, list[Any]] = {"logp": [actions], "entropy": [], "kl": [closed_form(descriptor, others)]}
            return np.asarray(getattr(closed_form(descriptor, x), measure)(*given[measure]))

        found, expected = input_gradients(backend, inputs, native), differenced_gradients(inputs, exact)
        require_close(found, expected, f"{descriptor}: the gradient of {measure}")

    def test_gradients_flow_through_reparameterised_draws_alone(self) -> None:
        for descriptor, _ in self.cases:
            found = self._gradient_of_draws(descriptor, "sample")
            require_close(found, np.zeros_like(found), f"{descriptor}: the gradient of sample()")
            if _reparameterises(self._make(descriptor, _inputs(descriptor, (1,)))):
                found = self._gradient_of_draws(descriptor, "rsample")
                require(found.any(), f"{descriptor}: expected a gradient of rsample(), got zeros.")

    def _gradient_of_draws(self, descriptor: Descriptor, method: str) -> Array:
        backend = self.training_backend

        def drawn(x: Any) -> Any:
            dist = descriptor.bind(backend.ops).from_logits(x)
            return backend.ops.cast(getattr(dist, method)(rng=backend.rng(0)), "float32")

        return input_gradients(backend, _inputs(descriptor, (5,)), drawn)


def _reparameterises(dist: Distribution) -> bool:
    return type(dist).rsample is not Distribution.rsample


def _inputs(descriptor: Descriptor, leading: tuple[int, ...], seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=(*leading, descriptor.input_dim)).astype(np.float32)


def _extremes(descriptor: Descriptor) -> Array:
    signs = np.random.default_rng(0).choice([-1, 0, 1], size=(40, descriptor.input_dim))
    return np.concatenate([signs * scale for scale in (1.0, 50.0, 1e4)]).astype(np.float32)
