"""Whether stored plans and stored weights belong together, by arithmetic alone: before anything is allocated."""

from __future__ import annotations

from rlmodule_core.errors import CheckpointError, ConfigError, StateError
from rlmodule_core.module.config import RLModuleConfig
from rlmodule_core.plans import Weights, join_name, match_weights, weight_shapes


def require_plans_fit(config: RLModuleConfig | None, weights: Weights, *, where: str) -> None:
    """Refuse plans whose weights are not exactly those that were stored, or that cannot take the observations.

    Raises:
        CheckpointError: as said; names the weights.
    """
    plans = None if config is None else config.plans
    if config is None or plans is None:
        return
    parts = {"encoder": plans.encoder, "pi": plans.pi, "vf": plans.vf}
    shapes = {
        join_name(part, name): shape for part, plan in parts.items() for name, shape in weight_shapes(plan).items()
    }
    space = config.observation_space
    try:
        match_weights(shapes, weights, where=where)
        if space is not None and space.shape is not None:
            # Not all layers have weights: without this a OneHot could have any size.
            latents = plans.encoder.output_dims(space.shape)
            for head in (plans.pi, plans.vf):
                head.output_dims(latents)
    except (StateError, ConfigError, IndexError) as error:
        raise CheckpointError(f"The plans stored for {where} do not fit what is stored with them. {error}") from error
