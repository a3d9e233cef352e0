from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rlmodule_core import Categorical, CategoricalDistribution, DiagGaussianDistribution
from rlmodule_core.numpy_backend import NumpyOps
from rlmodule_core.testing import DistributionSuite

Patch = pytest.MonkeyPatch
Failing = Callable[[type[Any]], set[str]]


class Distributions(DistributionSuite):
    backend_name = "numpy"


def argmax_over_the_first_axis(patch: Patch) -> None:
    patch.setattr(NumpyOps, "argmax", lambda self, x: x.argmax(axis=0))


def gather_off_by_one(patch: Patch) -> None:
    right = NumpyOps.gather
    patch.setattr(NumpyOps, "gather", lambda self, x, index: right(self, np.roll(x, 1, axis=-1), index))


def generator_ignored(patch: Patch) -> None:
    right = NumpyOps.random_normal
    patch.setattr(NumpyOps, "random_normal", lambda self, rng, like: right(self, None, like))


def shifted_log_std(patch: Patch) -> None:
    def from_logits(cls: Any, logits: Any) -> Any:
        loc, log_std = np.split(logits, 2, axis=-1)
        return cls(loc, log_std.clip(-20, 20) + np.float32(0.1))

    patch.setattr(DiagGaussianDistribution, "from_logits", classmethod(from_logits))


def log_std_not_limited(patch: Patch) -> None:
    def from_logits(cls: Any, logits: Any) -> Any:
        with np.errstate(all="ignore"):
            dist = cls(*np.split(logits, 2, axis=-1))
            _ = dist.scale
        return dist

    patch.setattr(DiagGaussianDistribution, "from_logits", classmethod(from_logits))


def entropy_with_the_wrong_sign(patch: Patch) -> None:
    right = CategoricalDistribution.entropy
    patch.setattr(CategoricalDistribution, "entropy", lambda self: -right(self))


def divergence_the_wrong_way_round(patch: Patch) -> None:
    right = DiagGaussianDistribution.kl
    patch.setattr(DiagGaussianDistribution, "kl", lambda self, other: right(other, self))


def first_action_forgotten(patch: Patch) -> None:
    patch.setattr(CategoricalDistribution, "_start", 0)


def nothing(patch: Patch) -> None:
    """The sound ones pass."""


def another_class_each_time(patch: Patch) -> None:
    patch.setattr(Categorical, "bind", lambda self, ops: type("Own", (CategoricalDistribution,), _own(self, ops)))


def _own(descriptor: Categorical, ops: Any) -> dict[str, Any]:
    return {"ops": ops, "descriptor": descriptor}


def one_input_too_many(patch: Patch) -> None:
    patch.setattr(CategoricalDistribution, "required_input_dim", staticmethod(lambda space: int(space.n) + 1))


BROKEN_DISTRIBUTIONS: dict[Callable[[Patch], None], set[str]] = {
    nothing: set(),
    shifted_log_std: {
        "log_probabilities_are_those_of_the_closed_form",
        "the_entropy_is_that_of_the_closed_form",
        "the_divergence_is_that_of_the_closed_form",
        "draws_have_the_moments_of_the_closed_form",
    },
    log_std_not_limited: {"everything_is_finite_at_extremes"},
    entropy_with_the_wrong_sign: {"the_entropy_is_that_of_the_closed_form"},
    divergence_the_wrong_way_round: {"the_divergence_is_that_of_the_closed_form"},
    first_action_forgotten: {
        "draws_are_actions_of_the_space",
        "log_probabilities_are_those_of_the_closed_form",
        "the_deterministic_action_is_the_mode_whatever_the_generator",
        "draws_have_the_moments_of_the_closed_form",
    },
    argmax_over_the_first_axis: {
        "the_deterministic_action_is_the_mode_whatever_the_generator",
        "everything_is_finite_at_extremes",
    },
    gather_off_by_one: {"log_probabilities_are_those_of_the_closed_form"},
    another_class_each_time: {"equal_descriptors_bind_to_one_class"},
    one_input_too_many: {"the_input_width_is_the_descriptor_s"},
    generator_ignored: {
        "draws_come_from_the_given_generator_alone",
        "sample_and_logp_agree_with_sample_and_with_logp",
    },
}


@pytest.mark.parametrize("broken", BROKEN_DISTRIBUTIONS, ids=lambda broken: broken.__name__)
def test_a_broken_distribution_fails(failing: Failing, monkeypatch: Patch, broken: Callable[[Patch], None]):
    broken(monkeypatch)
    assert failing(Distributions) == BROKEN_DISTRIBUTIONS[broken]
