from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from rlmodule_core import (
    Categorical,
    CategoricalDistribution,
    DiagGaussianDistribution,
    JointDistribution,
    MultiCategoricalDistribution,
    SquashedGaussianDistribution,
)
from rlmodule_core.numpy_backend import NumpyOps
from rlmodule_core.testing import DistributionSuite

Patch = pytest.MonkeyPatch
AssertFails = Callable[[type[Any], Mapping[str, str]], None]


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
        loc, log_std = np.split(logits, 2, axis=-1)
        with np.errstate(all="ignore"):
            # Squashed ones have a limit of their own.
            dist = cls(loc, log_std if cls.log_std_max > 1 else log_std.clip(-20, cls.log_std_max))
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


def wider_when_reparameterised(patch: Patch) -> None:
    right = SquashedGaussianDistribution.rsample
    patch.setattr(SquashedGaussianDistribution, "sample", right)
    patch.setattr(SquashedGaussianDistribution, "rsample", lambda self, *, rng=None: 2 * right(self, rng=rng))


def logp_of_other_draws(patch: Patch) -> None:
    def sample_and_logp(self: Any, *, rng: Any = None) -> Any:
        return self.sample(rng=rng), self.logp(self.sample(rng=rng))

    patch.setattr(CategoricalDistribution, "sample_and_logp", sample_and_logp)


def draws_of_another_dtype(patch: Patch) -> None:
    right = MultiCategoricalDistribution._joined
    patch.setattr(MultiCategoricalDistribution, "_joined", lambda self, pieces: right(self, pieces).astype(np.int32))


def unsquashed_mean(patch: Patch) -> None:
    patch.setattr(SquashedGaussianDistribution, "to_deterministic", DiagGaussianDistribution.to_deterministic)


def slope_forgotten(patch: Patch) -> None:
    patch.setattr(SquashedGaussianDistribution, "entropy", DiagGaussianDistribution.entropy)


def last_part_left_out(patch: Patch) -> None:
    right = JointDistribution.entropy
    patch.setattr(JointDistribution, "entropy", lambda self: right(type(self)(dict(list(self.parts.items())[:-1]))))


def parts_in_another_order(patch: Patch) -> None:
    right = JointDistribution.from_logits.__func__
    patch.setattr(JointDistribution, "from_logits", classmethod(lambda cls, x: right(cls, np.roll(x, 1, axis=-1))))


LOGP, ENTROPY = "log_probabilities_are_those_of_the_closed_form", "the_entropy_is_that_of_the_closed_form"
KL, MOMENTS = "the_divergence_is_that_of_the_closed_form", "draws_have_the_moments_of_the_closed_form"
MODE, FINITE = "the_deterministic_action_is_the_mode_whatever_the_generator", "everything_is_finite_at_extremes"
AGREE, REPARAMETERISED = "sample_and_logp_agree_with_sample_and_with_logp", "reparameterised_draws_are_those_of_sample"

BROKEN_DISTRIBUTIONS: dict[Callable[[Patch], None], dict[str, str]] = {
    nothing: {},
    shifted_log_std: {
        LOGP: "normalize_actions=True): logp: 7 of 7 differ",
        ENTROPY: "normalize_actions=True): entropy: 7 of 7 differ",
        KL: "normalize_actions=True): kl: 7 of 7 differ",
        MOMENTS: "normalize_actions=True): variance of 20000 draws",
    },
    log_std_not_limited: {FINITE: "expected finite numbers, got"},
    entropy_with_the_wrong_sign: {ENTROPY: "Categorical(n=4, start=0): entropy"},
    divergence_the_wrong_way_round: {KL: "normalize_actions=True): kl"},
    first_action_forgotten: {
        "draws_are_actions_of_the_space": "expected draws of Discrete(3, start=-2), got [1, 2] among them",
        LOGP: "Categorical(n=3, start=-2): logp",
        MODE: "Categorical(n=3, start=-2): the deterministic action",
        MOMENTS: "Categorical(n=3, start=-2): mean of 20000 draws",
    },
    argmax_over_the_first_axis: {MODE: "the deterministic action: shape", FINITE: "rows of the deterministic action"},
    gather_off_by_one: {LOGP: "Categorical(n=4, start=0): logp"},
    another_class_each_time: {"equal_descriptors_bind_to_one_class": "expected one class at every call, got two"},
    one_input_too_many: {"the_input_width_is_the_descriptor_s": "required_input_dim(Discrete(4)): expected 4, got 5"},
    generator_ignored: {
        "draws_come_from_the_given_generator_alone": "draws of one seed",
        AGREE: "sample_and_logp against sample",
        REPARAMETERISED: "",
    },
    wider_when_reparameterised: {REPARAMETERISED: "rsample against sample, of one generator"},
    draws_of_another_dtype: {
        "draws_are_actions_of_the_space": "shape=None): dtype of draws: expected int64, got int32",
    },
    unsquashed_mean: {MODE: "SquashedGaussian(low=(-1.0,), high=(1.0,), shape=None): the deterministic action"},
    slope_forgotten: {ENTROPY: "SquashedGaussian(low=(-1.0,), high=(1.0,), shape=None): entropy"},
    last_part_left_out: {ENTROPY: "MultiDistribution("},
    parts_in_another_order: dict.fromkeys((LOGP, ENTROPY, KL, MODE, MOMENTS), "MultiDistribution("),
    logp_of_other_draws: {AGREE: "its logp against logp"},
}

FAKES = {DistributionSuite: [*BROKEN_DISTRIBUTIONS.values()]}


@pytest.mark.parametrize("broken", BROKEN_DISTRIBUTIONS, ids=lambda broken: broken.__name__)
def test_a_broken_distribution_fails(assert_fails: AssertFails, monkeypatch: Patch, broken: Callable[[Patch], None]):
    broken(monkeypatch)
    assert_fails(Distributions, BROKEN_DISTRIBUTIONS[broken])
