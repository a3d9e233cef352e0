"""What a plan costs to run."""

from __future__ import annotations

from rlmodule_core.plans.composite import Composite
from rlmodule_core.plans.record import Dims, Plan, Record


def multiply_adds(plan: Plan, input_dims: Dims) -> int:
    """The multiply-adds that one row of shape `input_dims` costs; elementwise work counts as none."""
    if isinstance(plan, Record):
        return plan.multiply_adds(input_dims)
    if not isinstance(plan, Composite):
        return 0
    dims = plan.child_dims(input_dims)
    return sum(multiply_adds(child, dims[key]) for key, child in plan.children().items())
