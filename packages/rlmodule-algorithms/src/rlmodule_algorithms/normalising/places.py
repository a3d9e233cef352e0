"""Where a module normalises observations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlmodule_algorithms.normalising.moments import Array
from rlmodule_core import Columns, ConfigError, RLModule, get_backend
from rlmodule_core.plans import (
    ActorCritic,
    Branches,
    Chain,
    Encoder,
    Fusion,
    Normalise,
    Plan,
    Recurrent,
    escape_key,
    join_name,
    walk_records,
)
from rlmodule_core.spaces import holds_keys, show_leaf

_Path = tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """A normaliser behind nothing but records without weights.

    Attributes:
        name: its canonical name in the module.
        path: the keys of the part of the observation that it normalises.
        before: the records in front of it.
        record: the normaliser.
    """

    name: str
    path: _Path
    before: Chain
    record: Normalise

    def rows(self, obs: Any, valid: Array) -> Array:
        """What it normalises `[N, size]` of observations `[T, B, ...]`, where `valid [T, B]`.

        Raises:
            ConfigError: the observations have no such part.
        """
        leaf = obs
        for key in self.path:
            leaf = leaf.get(key) if holds_keys(leaf) else None
        if not isinstance(leaf, np.ndarray):
            raise ConfigError(
                f"{self.name} normalises {show_leaf(Columns.OBS, self.path)!r}, which is no array of the observations. "
                "Let the encoder have them as they are, or override Learner.update_statistics."
            )
        self.record.output_dims(self.before.output_dims(leaf.shape[2:]))
        entering: Array = get_backend("numpy").lower(self.before)(leaf[valid])
        return entering.reshape(-1, self.record.size)


def places_of(module: RLModule) -> tuple[Place, ...]:
    """The normalisers of the encoders among a module's attributes; a user's own module may have some too.

    Raises:
        ConfigError: a normaliser is behind layers that learn, so that no observations tell its statistics.
    """
    places: list[Place] = []
    for part in dict.fromkeys(name.partition(".")[0] for name in sorted(module.backend.untrained_weights(module))):
        plan = module.backend.plan_of(getattr(module, part, None))
        if plan is None:
            continue
        found = list(_places(plan, part, ())) if isinstance(plan, ActorCritic | Encoder | Recurrent) else []
        _require_all(module, part, plan, {place.name for place in found})
        places += found
    return tuple(places)


def _places(plan: Plan, name: str, path: _Path) -> Iterator[Place]:
    if isinstance(plan, Chain):
        yield from _in_chain(plan, name, path)
    elif isinstance(plan, Fusion):
        yield from _places(plan.inputs, join_name(name, "inputs"), path)
    elif isinstance(plan, Branches):
        for key, net in plan.children().items():
            yield from _places(net, join_name(name, escape_key(key)), (*path, key))
    elif isinstance(plan, Recurrent):
        yield from _places(plan.tokenizer, join_name(name, "tokenizer"), path)
    elif isinstance(plan, ActorCritic | Encoder):
        for key, child in plan.children().items():
            yield from _places(child, join_name(name, escape_key(key)), path)


def _in_chain(chain: Chain, name: str, path: _Path) -> Iterator[Place]:
    for index, record in enumerate(chain.records):
        if isinstance(record, Normalise):
            yield Place(join_name(name, str(index)), path, Chain(chain.records[:index]), record)
        if record.weight_shapes():
            return


def _require_all(module: RLModule, part: str, plan: Plan, found: set[str]) -> None:
    there = [name for name, record in walk_records(plan, part) if isinstance(record, Normalise)]
    lost = [name for name in there if name not in found]
    if lost:
        raise ConfigError(
            f"{type(module).__name__} has normalisers that do not take observations: {', '.join(lost)}. Their "
            "statistics would never be updated. Put Normalise into an encoder, in front of all layers with weights; "
            "behind them LayerNorm does."
        )
