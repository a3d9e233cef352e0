"""From what a module returns to actions: one rule for every framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rlmodule_core.backend.ops import Rng, Tensor
from rlmodule_core.columns import Columns
from rlmodule_core.distributions import Descriptor, Distribution
from rlmodule_core.errors import SpecCheckingError
from rlmodule_core.module.actor_critic import descriptor_of
from rlmodule_core.module.recurrent import one_step
from rlmodule_core.module.rl_module import RLModule
from rlmodule_core.spaces import batch_misfit, holds_keys, is_nested, leaves_of, to_mappings


def compute_actions(
    module: RLModule, batch: Mapping[str, Any], *, explore: bool, rng: Rng | None = None
) -> dict[str, Any]:
    """Run the module's exploration or inference forward and settle the actions.

    Actions that the module returns are used as they are. Otherwise they are drawn from the distribution that the
    module returns as `action_dist_inputs` (or `action_dist`), which inference first makes deterministic. Exploration
    adds `action_logp` and `action_prob` of the actions `[B]` wherever there is a distribution, in place of what the
    module may have returned under these keys. Everything else that the module returns passes through. A stateful
    module gets and returns `[B, 1, ...]`; the time axis is added and taken off here.

    Args:
        module: a single-agent module.
        batch: columns `[B, ...]`, as numpy arrays or as the module's native tensors; for a stateful module also
            `state_in`, a tree of `[B, ...]`, without which every row is at an episode's start.
        explore: True runs `forward_exploration`, False `forward_inference`.
        rng: the generator to draw from, made by the module's backend.

    Returns:
        The module's outputs and `actions` `[B, ...]`, as native tensors; for a stateful module also `state_out`.
        Actions of a Dict or Tuple space are nested dicts by key, a Tuple's with the keys "0", "1", ...

    Raises:
        SpecCheckingError: the batch does not fit the module, or it returned neither actions nor a distribution.
        StateError: `state_in` does not fit the module.
    """
    output = run_acting(module, batch, explore=explore)
    return _explored(module, output, rng) if explore else _inferred(module, output, rng)


def run_acting(module: RLModule, batch: Mapping[str, Any], *, explore: bool) -> Mapping[str, Any]:
    """What the exploration or inference forward returns for `batch`; see `compute_actions`, which settles actions."""
    if not holds_keys(batch):
        raise SpecCheckingError(
            f"{type(module).__name__} acts for a dict of columns such as {{'obs': ...}}, got a {type(batch).__name__}."
        )
    backend = module.backend
    space = None if module.config is None else module.config.observation_space
    inputs = {
        name: backend.batch(space if name == Columns.OBS else None, column, like=module)
        for name, column in batch.items()
    }
    if module.is_stateful():
        return one_step(module, inputs, explore=explore)
    return module.forward_exploration(inputs) if explore else module.forward_inference(inputs)


def acting_descriptor(module: RLModule, output: Mapping[str, Any], *, explore: bool) -> Descriptor | None:
    """What says how actions are mapped to the environment: None where the module chose them without a distribution.

    Args:
        module: the module that acted.
        output: what `compute_actions` returned.
        explore: as it was called.
    """
    if Columns.ACTION_DIST in output:
        return descriptor_of(type(output[Columns.ACTION_DIST]))
    if Columns.ACTION_DIST_INPUTS not in output:
        return None
    getter = module.get_exploration_action_dist_cls if explore else module.get_inference_action_dist_cls
    return descriptor_of(getter())


def distribution_of(
    module: RLModule, output: Mapping[str, Any], get_class: Callable[[], type[Distribution]]
) -> Distribution | None:
    """The distribution in what a module returned; None where there is none.

    Args:
        module: the module that acted.
        output: what its forward returned, `[B, ...]`.
        get_class: gives the class that `action_dist_inputs` are for.

    Raises:
        SpecCheckingError: `action_dist` is no distribution, or `action_dist_inputs` do not fit the class.
    """
    if Columns.ACTION_DIST in output:
        given = output[Columns.ACTION_DIST]
        if not isinstance(given, Distribution):
            raise SpecCheckingError(
                f"{type(module).__name__} must return a rlmodule Distribution as 'action_dist', got a "
                f"{type(given).__name__}. Return its parameters as 'action_dist_inputs' instead."
            )
        return given
    if Columns.ACTION_DIST_INPUTS in output:
        dist_cls = get_class()
        inputs: Tensor = output[Columns.ACTION_DIST_INPUTS]
        _require_inputs(module, dist_cls, inputs)
        return dist_cls.from_logits(inputs)
    return None


def _explored(module: RLModule, output: Mapping[str, Any], rng: Rng | None) -> dict[str, Any]:
    result = dict(output)
    if Columns.ACTIONS in output:
        result[Columns.ACTIONS] = _inside(module, output[Columns.ACTIONS])
    dist = distribution_of(module, output, module.get_exploration_action_dist_cls)
    if dist is None:
        _require_actions(module, output)
        return result
    if Columns.ACTIONS in output:
        logp = dist.logp(result[Columns.ACTIONS])
    else:
        actions, logp = dist.sample_and_logp(rng=rng)
        result[Columns.ACTIONS] = _inside(module, actions)
    rows = len(leaves_of(result[Columns.ACTIONS])[0])
    if tuple(logp.shape) != (rows,):
        raise SpecCheckingError(
            f"{type(dist).__name__}.logp must give one number a row, shape ({rows},), got {tuple(logp.shape)}. Sum "
            "over the parts of an action."
        )
    result[Columns.ACTION_LOGP] = logp
    result[Columns.ACTION_PROB] = module.backend.ops.exp(logp)
    return result


def _inferred(module: RLModule, output: Mapping[str, Any], rng: Rng | None) -> dict[str, Any]:
    if Columns.ACTIONS in output:
        return {**output, Columns.ACTIONS: _inside(module, output[Columns.ACTIONS])}
    dist = distribution_of(module, output, module.get_inference_action_dist_cls)
    if dist is None:
        _require_actions(module, output)
        return dict(output)
    return {**output, Columns.ACTIONS: _inside(module, dist.to_deterministic().sample(rng=rng))}


def _inside(module: RLModule, actions: Any) -> Any:
    """Actions of a Dict or Tuple space as nested dicts of tensors `[B, ...]`; others as they are."""
    space = None if module.config is None else module.config.action_space
    if space is None or not is_nested(space):
        return actions
    fault = batch_misfit(Columns.ACTIONS, space, actions)
    if fault is not None:
        raise SpecCheckingError(
            f"{type(module).__name__} gave actions that are not of its action space {space}: expected {fault}. Return "
            "them by key, a Tuple's by '0', '1', ..., each with a batch axis."
        )
    return to_mappings(space, actions)


def _require_inputs(module: RLModule, dist_cls: type[Distribution], inputs: Tensor) -> None:
    space = None if module.config is None else module.config.action_space
    width = None if space is None else dist_cls.required_input_dim(space)
    shape = tuple(getattr(inputs, "shape", ()))
    native = isinstance(inputs, module.backend.ops.tensor_type)
    if not native or len(shape) != 2 or width not in (None, shape[-1]):
        raise SpecCheckingError(
            f"{type(module).__name__} must return 'action_dist_inputs' of shape (B, {'A' if width is None else width}) "
            f"as {dist_cls.__name__} needs for {space}, as a {module.framework} tensor; got a "
            f"{type(inputs).__name__} of shape {shape}."
        )


def _require_actions(module: RLModule, output: Mapping[str, Any]) -> None:
    # The default output spec has said so already; a module may have replaced it, or checks may be off.
    if Columns.ACTIONS not in output:
        raise SpecCheckingError(
            f"{type(module).__name__} must return 'actions' and/or 'action_dist_inputs' (or an 'action_dist' object) "
            f"from its exploration and inference forwards; it returned {sorted(output)}."
        )
