"""From what a module returns to actions: one rule for every framework."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlmodule_core.backend.ops import Rng
from rlmodule_core.columns import Columns
from rlmodule_core.distributions import Distribution
from rlmodule_core.errors import ConfigError, SpecCheckingError
from rlmodule_core.module.rl_module import RLModule


def compute_actions(
    module: RLModule, batch: Mapping[str, Any], *, explore: bool, rng: Rng | None = None
) -> dict[str, Any]:
    """Run the module's exploration or inference forward and settle the actions.

    Actions that the module returns are used as they are. Otherwise they are drawn from the distribution that the
    module returns as `action_dist_inputs` (or `action_dist`), which inference first makes deterministic. Exploration
    adds `action_logp` and `action_prob` of the actions `[B]` wherever there is a distribution, in place of what the
    module may have returned under these keys. Everything else that the module returns passes through.

    Args:
        module: a single-agent module.
        batch: columns `[B, ...]`, as numpy arrays or as the module's native tensors.
        explore: True runs `forward_exploration`, False `forward_inference`.
        rng: the generator to draw from, made by the module's backend.

    Returns:
        The module's outputs and `actions`, as native tensors.

    Raises:
        SpecCheckingError: the batch does not fit the module, or it returned neither actions nor a distribution.
    """
    space = None if module.config is None else module.config.observation_space
    inputs = {
        name: module.backend.batch(space if name == Columns.OBS else None, column, like=module)
        for name, column in batch.items()
    }
    if explore:
        return _explored(module, module.forward_exploration(inputs), rng)
    return _inferred(module, module.forward_inference(inputs), rng)


def require_stateless(module: RLModule) -> None:
    """Refuse a module that carries a recurrent state, which would silently be lost here.

    Raises:
        ConfigError: `get_initial_state()` is not empty.
    """
    if module.is_stateful():
        raise ConfigError(
            f"{type(module).__name__} carries a recurrent state ({', '.join(module.get_initial_state())}), which "
            "runners and policies of this version do not keep. Call its forwards yourself, or "
            "make get_initial_state() empty."
        )


def _explored(module: RLModule, output: Mapping[str, Any], rng: Rng | None) -> dict[str, Any]:
    result = dict(output)
    dist = _distribution(output, module.get_exploration_action_dist_cls)
    if dist is None:
        _require_actions(module, output)
        return result
    if Columns.ACTIONS in output:
        logp = dist.logp(output[Columns.ACTIONS])
    else:
        result[Columns.ACTIONS], logp = dist.sample_and_logp(rng=rng)
    result[Columns.ACTION_LOGP] = logp
    result[Columns.ACTION_PROB] = module.backend.ops.exp(logp)
    return result


def _inferred(module: RLModule, output: Mapping[str, Any], rng: Rng | None) -> dict[str, Any]:
    if Columns.ACTIONS in output:
        return dict(output)
    dist = _distribution(output, module.get_inference_action_dist_cls)
    if dist is None:
        _require_actions(module, output)
        return dict(output)
    return {**output, Columns.ACTIONS: dist.to_deterministic().sample(rng=rng)}


def _distribution(output: Mapping[str, Any], get_class: Any) -> Distribution | None:
    if Columns.ACTION_DIST in output:
        given: Distribution = output[Columns.ACTION_DIST]
        return given
    if Columns.ACTION_DIST_INPUTS in output:
        made: Distribution = get_class().from_logits(output[Columns.ACTION_DIST_INPUTS])
        return made
    return None


def _require_actions(module: RLModule, output: Mapping[str, Any]) -> None:
    # The default output spec has said so already; a module may have replaced it, or checks may be off.
    if Columns.ACTIONS not in output:
        raise SpecCheckingError(
            f"{type(module).__name__} must return 'actions' and/or 'action_dist_inputs' (or an 'action_dist' object) "
            f"from its exploration and inference forwards; it returned {sorted(output)}."
        )
