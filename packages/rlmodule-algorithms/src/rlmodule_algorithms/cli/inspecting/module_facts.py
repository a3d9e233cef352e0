"""What a checkpoint says of one module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rlmodule_core import plugins, space_from_dict
from rlmodule_core.checkpoint import ModuleEntry, StoredModules
from rlmodule_core.summary import ModuleSummary, WeightSummary, space_texts, summarise, weight_summaries


@dataclass(frozen=True)
class ModuleFacts:
    """A module.

    Attributes:
        same_as: the id that has the very same module, where an earlier one has.
        summary: what it is; which weights are trained is not stored.
    """

    id: str
    same_as: str | None
    summary: ModuleSummary


def module_facts(stored: StoredModules, module_id: str) -> ModuleFacts:
    """Describe one module.

    Raises:
        CheckpointError: there is no such module, or its description is damaged.
    """
    weights = weight_summaries(stored.weights(module_id))
    owner = stored.section.owners[module_id]
    entry = stored.section.entries[owner]
    summary = _of_twin(stored, module_id, entry, weights) if _has_twin(entry) else _of_entry(entry, weights)
    return ModuleFacts(module_id, None if owner == module_id else owner, summary)


def _has_twin(entry: ModuleEntry) -> bool:
    return entry.portable and f"{entry.architecture}.numpy" in plugins.names(plugins.MODULES)


def _of_twin(
    stored: StoredModules, module_id: str, entry: ModuleEntry, weights: Mapping[str, WeightSummary]
) -> ModuleSummary:
    """What the module is in numpy, which needs no framework, it is in every one."""
    summary = summarise(stored.build(module_id, framework="numpy"))
    # No file says what a user has frozen; what no optimizer may change, the plan does.
    layers = tuple(replace(layer, trained=None) if layer.trained else layer for layer in summary.layers)
    return replace(summary, framework=entry.framework, layers=layers, weights=weights)


def _of_entry(entry: ModuleEntry, weights: Mapping[str, WeightSummary]) -> ModuleSummary:
    config: Mapping[str, Any] = {} if entry.config is None else entry.config
    return ModuleSummary(
        class_name=entry.class_name,
        architecture=entry.architecture,
        framework=entry.framework,
        tied_by=entry.non_portable_part,
        observations=_space(config.get("observation_space")),
        actions=_space(config.get("action_space")),
        distributions={},
        forwards={},
        state=None,
        layers=(),
        weights=weights,
    )


def _space(stored: Mapping[str, Any] | None) -> dict[str, str]:
    return {} if stored is None else space_texts(space_from_dict(stored))
