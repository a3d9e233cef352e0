"""The exam of action distributions in one backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from rlmodule_core.distributions import Descriptor, Distribution, JointDistribution, to_env_actions
from rlmodule_core.spaces import leaf_spaces
from rlmodule_core.testing.backend_exam import BackendExam
from rlmodule_core.testing.closed_form import closed_form
from rlmodule_core.testing.compare import Array, leaves, require, require_close, require_equal, require_same
from rlmodule_core.testing.distribution_cases import CASES, Case, extremes_of, inputs_of, masked_of
from rlmodule_core.testing.distribution_gradients import differenced_gradients, input_gradients
from rlmodule_core.testing.examining import examining
from rlmodule_core.testing.global_generators import global_generators_untouched

_DRAWS = 20_000
_SIGMAS = 5.0


class DistributionSuite(BackendExam):
    """Distributions keep their contract; a subclass names the backend as `backend_name`.

    Attributes:
        cases: the descriptors to examine, each with an action space that it describes.
    """

    cases: ClassVar[Sequence[Case]] = CASES

    def _make(self, descriptor: Descriptor, inputs: Array) -> Any:
        return descriptor.bind(self.backend.ops).from_logits(self.tensor(inputs))

    def _pairs(self) -> Iterator[tuple[Descriptor, Any, Any]]:
        """Each descriptor, with its distributions and their closed forms, for inputs of several shapes."""
        for descriptor, _ in self.cases:
            for leading in ((7,), (2, 3), (1,)):
                inputs = inputs_of(descriptor, leading)
                yield descriptor, self._make(descriptor, inputs), closed_form(descriptor, inputs)

    def _drawn(self, dist: Any, seed: int = 0) -> Any:
        """Draws in numpy, an array or nested mappings of arrays."""
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
            drawn = self._drawn(self._make(descriptor, inputs_of(descriptor, (50,))))
            by_path = dict(leaves(drawn, ""))
            for keys, part in leaf_spaces(space):
                path = "".join(f".{key}" for key in keys)
                require(path in by_path, f"{descriptor}: expected draws with the part {path!r}, got {list(by_path)}.")
                self._require_actions(by_path[path], part, f"{descriptor}: {{}} of draws{path}")
            reaching = to_env_actions(descriptor, space, drawn)
            foreign = [row for row in range(50) if not space.contains(_row(reaching, row))]
            require(not foreign, f"{descriptor}: expected actions of {space} for the environment, got {reaching}.")

    def _require_actions(self, drawn: Array, space: gym.Space[Any], what: str) -> None:
        require_equal(drawn.shape, (50, *(space.shape or ())), what.format("shape"))
        floats = isinstance(space, gym.spaces.Box)
        require_equal(drawn.dtype, np.dtype(np.float32 if floats else np.int64), what.format("dtype"))
        foreign = [] if floats else [row for row in drawn if not space.contains(np.asarray(row, space.dtype))]
        # Each once, so that the text stays short.
        shown = np.unique(foreign, axis=0).tolist()
        require(not foreign, f"{what.format('entries')}: expected draws of {space}, got {shown} among them.")

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
            one, other = (inputs_of(descriptor, (7,), seed=seed) for seed in (0, 1))
            dist, second = (self._make(descriptor, inputs) for inputs in (one, other))
            exact, exact_second = (closed_form(descriptor, inputs) for inputs in (one, other))
            require_close(self.array(dist.kl(second)), exact.kl(exact_second), f"{descriptor}: kl")
            require_close(self.array(dist.kl(dist)), np.zeros(7), f"{descriptor}: kl to itself")

    def test_the_deterministic_action_is_the_mode_whatever_the_generator(self) -> None:
        for descriptor, dist, exact in self._pairs():
            certain = dist.to_deterministic()
            actions = [self._drawn(certain, seed) for seed in (0, 1)]
            what, drawn = f"{descriptor}: the deterministic action", self._drawn(dist)
            _compare(require_close, actions[0], exact.mode(), what)
            _compare(require_same, actions[1], actions[0], f"{what} with another generator")
            for (path, action), (_, draw) in _pairs(actions[0], drawn, what):
                require_equal(action.dtype, draw.dtype, f"{descriptor}: dtype of the deterministic action{path}")
            logp = self.array(certain.logp(self.tensor(actions[0])))
            require_close(logp, np.zeros(exact.entropy().shape), f"{descriptor}: logp of the deterministic action")

    def test_draws_have_the_moments_of_the_closed_form(self) -> None:
        for descriptor, _ in self.cases:
            inputs = inputs_of(descriptor, (1,))
            drawn = self._drawn(self._make(descriptor, np.tile(inputs, (_DRAWS, 1))))
            means, variances = closed_form(descriptor, inputs).moments()
            by_path = dict(leaves(variances, ""))
            for (path, values), (_, mean) in _pairs(drawn, means, f"{descriptor}: draws"):
                self._require_moments(values, mean[0], by_path[path][0], f"{descriptor}: {{}}{path}")

    def _require_moments(self, drawn: Array, mean: Array, variance: Array, what: str) -> None:
        spread = np.square(drawn.astype(np.float64) - mean)
        fourth = np.square(spread).mean(axis=0)
        self._require_near(drawn.astype(np.float64).mean(axis=0), mean, variance, what.format("mean"))
        self._require_near(spread.mean(axis=0), variance, fourth - variance**2, what.format("variance"))

    def _require_near(self, found: Array, expected: Array, variance: Array, what: str) -> None:
        error, allowed = np.abs(found - expected), _SIGMAS * np.sqrt(np.maximum(variance, 0) / _DRAWS)
        near = np.all(error <= allowed)
        require(near, f"{what} of {_DRAWS} draws: expected {expected} within {allowed}, got {found}.")

    def test_draws_come_from_the_given_generator_alone(self) -> None:
        for descriptor, _ in self.cases:
            dist = self._make(descriptor, inputs_of(descriptor, (50,)))
            with global_generators_untouched(f"{descriptor}: sampling"):
                first = self._drawn(dist)
                dist.sample()
            _compare(require_same, self._drawn(dist), first, f"{descriptor}: draws of one seed")
            other = self._drawn(dist, 1)
            for (path, one), (_, another) in _pairs(first, other, f"{descriptor}: draws"):
                differ = not np.array_equal(one, another)
                require(differ, f"{descriptor}: expected other draws{path} of another seed, got the same.")

    def test_sample_and_logp_agree_with_sample_and_with_logp(self) -> None:
        for descriptor, dist, _ in self._pairs():
            actions, logp = dist.sample_and_logp(rng=self.backend.rng(0))
            what = f"{descriptor}: sample_and_logp against sample"
            _compare(require_same, self.array(actions), self._drawn(dist), what)
            require_close(self.array(logp), self.array(dist.logp(actions)), f"{descriptor}: its logp against logp")

    def test_everything_is_finite_at_extremes(self) -> None:
        for descriptor, _ in self.cases:
            inputs = extremes_of(descriptor)
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
        whole = {name: self.array(result) for name, result in results.items()}
        return {f"{name}{path}": leaf for name, tree in whole.items() for path, leaf in leaves(tree, "")}

    def test_reparameterised_draws_are_those_of_sample(self) -> None:
        for descriptor, dist, _ in self._pairs():
            if _reparameterises(dist):
                draws = self.array(dist.rsample(rng=self.backend.rng(0)))
                what = f"{descriptor}: rsample against sample, of one generator"
                _compare(require_close, draws, self._drawn(dist), what)

    def test_gradients_are_those_of_the_closed_form(self) -> None:
        for descriptor, _ in self.cases:
            for measure in ("logp", "entropy", "kl"):
                self._require_gradient(descriptor, measure)

    def _require_gradient(self, descriptor: Descriptor, measure: str) -> None:
        backend = self.training_backend
        inputs, others = (inputs_of(descriptor, (5,), seed=seed) for seed in (0, 1))
        actions = self._drawn(self._make(descriptor, inputs))

        def native(x: Any) -> Any:
            given = {"logp": [self.tensor(actions)], "entropy": [], "kl": [self._make(descriptor, others)]}
            return getattr(descriptor.bind(backend.ops).from_logits(x), measure)(*given[measure])

        def exact(x: Array) -> Array:
            given: dict[str, list[Any]] = {"logp": [actions], "entropy": [], "kl": [closed_form(descriptor, others)]}
            return np.asarray(getattr(closed_form(descriptor, x), measure)(*given[measure]))

        found, expected = input_gradients(backend, inputs, native), differenced_gradients(inputs, exact)
        require_close(found, expected, f"{descriptor}: the gradient of {measure}")

    def test_gradients_are_finite_where_actions_are_masked(self) -> None:
        for descriptor, _ in self.cases:
            for measure in ("logp", "entropy", "kl", "kl by the second"):
                found = self._gradient_where_masked(descriptor, measure)
                what = f"{descriptor}: the gradient of {measure} with inputs of -1e9"
                require(np.isfinite(found).all(), f"{what}: expected finite numbers, got {found}.")

    def _gradient_where_masked(self, descriptor: Descriptor, measure: str) -> Array:
        backend = self.training_backend
        other = self._make(descriptor, masked_of(descriptor, 1))
        actions = other.sample(rng=backend.rng(0))

        def measured(x: Any) -> Any:
            dist = descriptor.bind(backend.ops).from_logits(x)
            if measure == "kl by the second":
                return other.kl(dist)
            return getattr(dist, measure)(*{"logp": [actions], "entropy": [], "kl": [other]}[measure])

        with examining(f"{descriptor}: the gradient of {measure} with inputs of -1e9"):
            return input_gradients(backend, masked_of(descriptor, 0), measured)

    def test_gradients_flow_through_reparameterised_draws_alone(self) -> None:
        for descriptor, _ in self.cases:
            found = self._gradient_of_draws(descriptor, "sample")
            require_close(found, np.zeros_like(found), f"{descriptor}: the gradient of sample()")
            if _reparameterises(self._make(descriptor, inputs_of(descriptor, (1,)))):
                found = self._gradient_of_draws(descriptor, "rsample")
                require(found.any(), f"{descriptor}: expected a gradient of rsample(), got zeros.")

    def _gradient_of_draws(self, descriptor: Descriptor, method: str) -> Array:
        backend = self.training_backend

        def drawn(x: Any) -> Any:
            dist = descriptor.bind(backend.ops).from_logits(x)
            drawn = [leaf for _, leaf in leaves(getattr(dist, method)(rng=backend.rng(0)))]
            return sum(backend.ops.sum(backend.ops.cast(leaf, "float32")) for leaf in drawn)

        return input_gradients(backend, inputs_of(descriptor, (5,)), drawn)


def _reparameterises(dist: Distribution) -> bool:
    if isinstance(dist, JointDistribution):
        return all(map(_reparameterises, dist.parts.values()))
    return type(dist).rsample is not Distribution.rsample


def _pairs(found: Any, expected: Any, what: str) -> Iterator[tuple[tuple[str, Array], tuple[str, Array]]]:
    """The leaves of two trees side by side, each with its path."""
    one, other = list(leaves(found, "")), list(leaves(expected, ""))
    require_equal([path for path, _ in one], [path for path, _ in other], f"{what}: parts")
    yield from zip(one, other, strict=True)


def _compare(compare: Callable[[Any, Any, str], None], found: Any, expected: Any, what: str) -> None:
    for (path, leaf), (_, wanted) in _pairs(found, expected, what):
        compare(leaf, wanted, f"{what}{path}")


def _row(actions: Any, row: int) -> Any:
    """One of the actions that an environment takes, in the form of the space."""
    if isinstance(actions, dict):
        return {key: _row(part, row) for key, part in actions.items()}
    return tuple(_row(part, row) for part in actions) if isinstance(actions, tuple) else np.asarray(actions[row])
