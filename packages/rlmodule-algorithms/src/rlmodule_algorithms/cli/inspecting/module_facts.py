"""What a checkpoint says of one module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rlmodule_core import ModulePlans, space_from_dict
from rlmodule_core.checkpoint import StoredModules
from rlmodule_core.plans import ActorCritic, Plan


@dataclass(frozen=True)
class ModuleFacts:
    """A module.

    Attributes:
        same_as: the id that has the very same module, where an earlier one has.
        architecture: the id under which standard classes of its structure are registered.
        class_name: its class, where it is no standard one.
        framework: where its networks ran.
        portable: it runs on every backend.
        tied_by: the part that ties it to its framework, where one does.
        layers: the layers of each network, where they are known; empty for networks of the user's own.
        distribution: what actions are drawn from, where that is known.
        num_weights: numbers that were learned or may be, shared ones included.
        weights: shape and dtype of each array, by name.
    """

    id: str
    same_as: str | None
    architecture: str | None
    class_name: str | None
    framework: str
    portable: bool
    tied_by: str | None
    observation_space: str | None
    action_space: str | None
    layers: Mapping[str, tuple[str, ...]]
    distribution: str | None
    num_weights: int
    weights: Mapping[str, str]


def module_facts(stored: StoredModules, module_id: str) -> ModuleFacts:
    """Describe one module.

    Raises:
        CheckpointError: there is no such module, or its description is damaged.
    """
    weights = stored.weights(module_id)
    owner = stored.section.owners[module_id]
    entry = stored.section.entries[owner]
    config: Mapping[str, Any] = {} if entry.config is None else entry.config
    plans = None if config.get("plans") is None else ModulePlans.from_json(config["plans"])
    return ModuleFacts(
        id=module_id,
        same_as=None if owner == module_id else owner,
        architecture=entry.architecture,
        class_name=entry.class_name,
        framework=entry.framework,
        portable=entry.class_name is None and entry.non_portable_part is None,
        tied_by=entry.non_portable_part,
        observation_space=_space(config.get("observation_space")),
        action_space=_space(config.get("action_space")),
        layers={} if plans is None else {name: _lines(plan) for name, plan in _networks(plans)},
        distribution=None if plans is None else repr(plans.train),
        num_weights=sum(array.size for array in weights.values()),
        weights={name: f"{array.dtype} {list(array.shape)}" for name, array in weights.items()},
    )


def _space(stored: Mapping[str, Any] | None) -> str | None:
    # numpy breaks and aligns what the spaces print.
    return None if stored is None else " ".join(str(space_from_dict(stored)).split())


def _networks(plans: ModulePlans) -> Iterator[tuple[str, Plan]]:
    if isinstance(plans.encoder, ActorCritic):
        for key, plan in plans.encoder.children().items():
            yield f"encoder.{key}", plan
    else:
        yield "encoder", plans.encoder
    yield "pi", plans.pi
    yield "vf", plans.vf


def _lines(plan: Plan) -> tuple[str, ...]:
    return tuple(repr(plan).splitlines())
