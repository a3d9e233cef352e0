"""Random inputs that suit a network: observations, and for one that remembers a state and what else it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlmodule_core.columns import Columns
from rlmodule_core.configs import ModelConfig
from rlmodule_core.plans import Chain, Plan
from rlmodule_core.testing.input_rows import input_rows
from rlmodule_core.testing.sequences import STEPS, warm_state


def network_inputs(config: ModelConfig, leading: tuple[int, ...]) -> Any:
    """What the network of a config is called with, in numpy.

    Args:
        config: of a head, which takes rows, or of an encoder, which takes columns.
        leading: the batch axes; a network that remembers takes two, the second of which is time.
    """
    plan, rng = config.plan(), np.random.default_rng(0)
    if isinstance(plan, Chain):
        return input_rows(plan, (*leading, *config.input_dims), rng)
    leading = leading_of(plan, leading)
    columns = _columns(config, plan, leading, rng)
    if not plan.state_shapes():
        return columns
    # Fewer steps than are to come, so that a memory is filled in part.
    seen = _columns(config, plan, (leading[0], 2), rng)
    return {**columns, Columns.STATE_IN: warm_state(plan, seen, leading[0])}


def leading_of(plan: Plan, leading: tuple[int, ...]) -> tuple[int, ...]:
    """The batch axes of a network's inputs and outputs, where `leading` are those of one that remembers nothing."""
    return leading if len(leading) > 1 or not plan.state_shapes() else (*leading, STEPS)


def _columns(config: ModelConfig, plan: Plan, leading: tuple[int, ...], rng: np.random.Generator) -> dict[str, Any]:
    extras: Mapping[str, tuple[int, ...]] = plan.extra_columns()
    return {
        Columns.OBS: input_rows(plan, (*leading, *config.input_dims), rng),
        **{name: rng.normal(size=(*leading, *dims)).astype(np.float32) for name, dims in extras.items()},
    }
