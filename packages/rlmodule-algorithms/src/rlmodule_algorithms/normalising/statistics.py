"""Keep the normalisers of modules up to date."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlmodule_algorithms.normalising.moments import Array, Moments
from rlmodule_algorithms.normalising.places import Place, places_of
from rlmodule_algorithms.sampling.rollout import Rollout
from rlmodule_core import Backend, RLModule
from rlmodule_core.plans import Weights, escape_key, join_name
from rlmodule_core.spaces import map_leaves

_LARGEST = float(np.finfo(np.float32).max)


class ObservationStatistics:
    """Merges the observations of rollouts into the statistics of all normalisers of several modules.

    The modules hold them in float32. What that rounds away is kept here, or else statistics of many steps would not
    move any more.

    Args:
        backend: of the modules.
        modules: by id; tensors that several share are updated once, by the rollouts of all of them.

    Raises:
        ConfigError: a normaliser is behind layers that learn.
    """

    def __init__(self, backend: Backend, modules: Mapping[str, RLModule]) -> None:
        self._modules = modules
        found = {module_id: places_of(module) for module_id, module in modules.items()}
        self._places = {module_id: places for module_id, places in found.items() if places}
        self._shared = backend.shared_tensors(modules) if self._places else {}
        self._exact: dict[str, Moments] = {}

    def merge(self, rollouts: Mapping[str, Rollout]) -> None:
        """Merge the observations that count, by the id of the module that they are of."""
        fresh = self._observed(rollouts)
        totals: dict[str, Moments] = {}
        for module_id, places in self._places.items():
            names = {place.name: self._key(module_id, place) for place in places}
            if not any(key in fresh for key in names.values()):
                continue
            module = self._modules[module_id]
            state = module.get_state()
            for name, key in names.items():
                if key in fresh:
                    if key not in totals:
                        totals[key] = self._known(key, name, state).merged(fresh[key])
                    state |= {join_name(name, leaf): array for leaf, array in _rounded(totals[key]).items()}
            module.set_state(state)
        self._exact |= totals

    def get_arrays(self) -> dict[str, Weights]:
        """What must be stored to go on exactly: one group of arrays, or none."""
        arrays = {f"{key}.{leaf}": array for key, it in self._exact.items() for leaf, array in _arrays(it).items()}
        return {_GROUP: arrays} if arrays else {}

    def set_arrays(self, arrays: Mapping[str, Weights]) -> None:
        """Go on from what `get_arrays` gave; without its group, from what the modules hold."""
        group: Mapping[str, Any] = arrays.get(_GROUP, {})
        keys = dict.fromkeys(name.rpartition(".")[0] for name in group)
        self._exact = {key: _moments(group, key) for key in keys}

    def _observed(self, rollouts: Mapping[str, Rollout]) -> dict[str, Moments]:
        fresh: dict[str, Moments] = {}
        for module_id, rollout in rollouts.items():
            # Actor and critic see the same.
            seen: dict[Any, Moments] = {}
            for place in self._places.get(module_id, ()):
                what, key = (place.path, place.before), self._key(module_id, place)
                if what not in seen:
                    obs = map_leaves(lambda leaf: leaf[:-1], rollout.obs)
                    seen[what] = Moments.of(place.rows(obs, rollout.valid))
                fresh[key] = fresh[key].merged(seen[what]) if key in fresh else seen[what]
        return fresh

    def _key(self, module_id: str, place: Place) -> str:
        """The same for normalisers that are one."""
        key = join_name(escape_key(module_id), place.name)
        return self._shared.get(f"{key}.mean", f"{key}.mean").removesuffix(".mean")

    def _known(self, key: str, name: str, state: Weights) -> Moments:
        """The statistics so far: the exact ones, unless somebody has set the module's weights to others."""
        exact, held = self._exact.get(key), _moments(state, name)
        if exact is None:
            return held
        rounded, arrays = _rounded(exact), _arrays(held)
        return exact if all(np.array_equal(arrays[leaf], rounded[leaf]) for leaf in arrays) else held


_GROUP = "normalisers"


def _moments(arrays: Mapping[str, Any], name: str) -> Moments:
    mean, variance = (np.array(arrays[f"{name}.{leaf}"], np.float64) for leaf in ("mean", "variance"))
    return Moments(float(arrays[f"{name}.count"]), mean, variance)


def _arrays(moments: Moments) -> dict[str, Array]:
    return {"mean": moments.mean, "variance": moments.variance, "count": np.asarray(moments.count)}


def _rounded(moments: Moments) -> dict[str, Array]:
    return {leaf: np.minimum(array, _LARGEST).astype(np.float32) for leaf, array in _arrays(moments).items()}
