"""Learning: the PPO loss of every family has the same gradients, and five updates lead to the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from comparing import (
    require_changes_agree,
    require_losses_agree,
    require_losses_and_gradients_agree,
    require_metrics_agree,
    weight_changes,
)
from double_precision import central_differences, exact_loss
from native_gradients import loss_and_gradients
from parity_families import BOTH, EACH_FAMILY, EACH_TRAINING, FAMILIES, TRAINING, Family
from ppo_batches import COEFFS, five_batches, loss_of, ppo_columns, with_padding

from rlmodule_core import Columns
from rlmodule_core.testing.compare import require_close

PROBES = 5
# Tracing an update takes longest of all: the other families are combined in these.
LEARNERS = (
    "two encoders",
    "image",
    "masked",
    "lstm of two encoders",
    "gru",
    "attention",
    "normalised",
    "free log std",
    "squashed",
    "nested",
    "nested with memory",
)
EACH_LEARNER = pytest.mark.parametrize("family", [FAMILIES[name] for name in LEARNERS], ids=LEARNERS)


@BOTH
@EACH_FAMILY
def test_gradients_of_the_ppo_loss_are_the_same_in_both(family: Family) -> None:
    modules = [family.module(framework) for framework in TRAINING]
    require_losses_and_gradients_agree(modules, ppo_columns(modules[0]))


@EACH_FAMILY
def test_gradients_of_the_ppo_loss_are_those_of_central_differences(family: Family) -> None:
    modules = [family.module(framework) for framework in TRAINING]
    columns = ppo_columns(modules[0])
    run, weights = exact_loss(modules[0], columns, COEFFS)
    trained = set(weights) - modules[0].backend.untrained_weights(modules[0])
    expected = {name: central_differences(lambda: run()["total"], weights[name], probes=PROBES) for name in trained}
    for module in modules:
        losses, gradients = loss_and_gradients(module, loss_of(module), columns, COEFFS)
        require_losses_agree(losses, run(), str(module.framework))
        assert gradients.keys() == expected.keys()
        for name, (indices, derivatives) in expected.items():
            what = f"the gradient of {name!r} in {module.framework}"
            require_close(gradients[name].reshape(-1)[indices], derivatives, what)


@EACH_TRAINING
@pytest.mark.parametrize("name", ["lstm", "lstm of two encoders", "gru", "attention", "nested with memory"])
def test_what_lies_behind_a_sequence_has_no_part_in_the_loss(framework: str, name: str) -> None:
    module = FAMILIES[name].module(framework)
    columns, rng = ppo_columns(module), np.random.default_rng(9)
    assert not columns[Columns.LOSS_MASK].all()

    def noise(leaf: Any) -> Any:
        return rng.normal(size=leaf.shape) if np.issubdtype(leaf.dtype, np.floating) else np.ones_like(leaf)

    loss = loss_of(module)
    one, other = (loss_and_gradients(module, loss, each, COEFFS) for each in (columns, with_padding(columns, noise)))
    require_losses_agree(other[0], one[0], framework)
    for weight, gradient in one[1].items():
        require_close(other[1][weight], gradient, f"the gradient of {weight!r}", tolerance=1e-6)


@BOTH
@EACH_LEARNER
def test_weight_changes_of_five_updates_agree(family: Family) -> None:
    batches, modules = five_batches(family.module("numpy")), [family.module(framework) for framework in TRAINING]
    (expected, trusted), (found, metrics) = (weight_changes(module, batches) for module in modules)
    require_changes_agree(found, expected, untrained=modules[0].backend.untrained_weights(modules[0]))
    for one, other in zip(metrics, trusted, strict=True):
        require_metrics_agree(one, other)


@BOTH
def test_weight_changes_agree_however_gradients_are_clipped() -> None:
    family = FAMILIES["gaussian"]
    batches, seen = five_batches(family.module("numpy")), []
    for limit, by in ((None, "global_norm"), (0.05, "global_norm"), (0.05, "norm"), (0.01, "value")):
        changes = [weight_changes(family.module(name), batches, clip=limit, by=by)[0] for name in TRAINING]
        require_changes_agree(changes[1], changes[0])
        seen.append(changes[0])
    for index, change in enumerate(seen):
        for other in seen[:index]:
            with pytest.raises(AssertionError, match="apart by"):
                require_changes_agree(other, change)
