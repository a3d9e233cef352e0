"""Everything that a summary tells of one module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from rlmodule_core.checkpoint.storable import Storable
from rlmodule_core.distributions import Descriptor
from rlmodule_core.errors import RLModuleError
from rlmodule_core.module.class_names import class_name
from rlmodule_core.module.resolve import has_standard_class
from rlmodule_core.specs.paths import leaf_paths, look_up
from rlmodule_core.summary.layer import LayerSummary, layers_of
from rlmodule_core.summary.names import dotted
from rlmodule_core.summary.spaces import row_dims, space_texts
from rlmodule_core.summary.specs import ForwardSummary, forward_summary
from rlmodule_core.summary.weights import WeightSummary, weight_summaries

PHASES = ("train", "exploration", "inference")


class Summarisable(Storable, Protocol):
    """The part of RLModule that a summary relies on, beside the specs and the distribution of each phase."""

    def get_initial_state(self) -> Mapping[str, Any]:
        """The recurrent state at an episode's start; empty for a stateless module."""


@dataclass(frozen=True)
class ModuleSummary:
    """A module in words and numbers, without the module.

    Attributes:
        class_name: "module:Qualname"; None for a standard class.
        architecture: the id under which standard classes of its structure are registered.
        framework: where its networks run; None for what is stored of one that runs on every backend.
        tied_by: what ties it to that framework; None for a module that runs on every backend.
        observations: each leaf of the observation space by its dotted keys; empty without a space.
        actions: the same of the action space.
        distributions: what actions are drawn from, by phase; empty where that is not known.
        forwards: what each phase takes and returns; empty where that is not known.
        state: shape and dtype of each part of the recurrent state; None where that is not known.
        layers: of the plans; empty for networks that no plan describes.
        weights: by name.
    """

    class_name: str | None
    architecture: str | None
    framework: str | None
    tied_by: str | None
    observations: Mapping[str, str]
    actions: Mapping[str, str]
    distributions: Mapping[str, str]
    forwards: Mapping[str, ForwardSummary]
    state: Mapping[str, str] | None
    layers: tuple[LayerSummary, ...]
    weights: Mapping[str, WeightSummary]


def summarise(module: Summarisable) -> ModuleSummary:
    """Tell of a module as it is now."""
    config, gap = module.config, module.non_portable_part()
    space = None if config is None else config.observation_space
    weights = weight_summaries(module.get_state(), untrained=module.backend.untrained_weights(module))
    return ModuleSummary(
        class_name=None if has_standard_class(module) else class_name(type(module)),
        architecture=module.architecture,
        framework=module.framework,
        tied_by=gap,
        observations=space_texts(space),
        actions={} if config is None else space_texts(config.action_space),
        distributions=_distributions(module),
        forwards={phase: _forward(module, phase) for phase in PHASES},
        state=_state(module),
        layers=() if gap is not None else tuple(layers_of(module.frozen_plans(), row_dims(space), weights)),
        weights=weights,
    )


def _distributions(module: Summarisable) -> dict[str, str]:
    try:
        classes = {phase: getattr(module, f"get_{phase}_action_dist_cls")() for phase in PHASES}
    except RLModuleError:
        # A module that returns actions of its own needs none.
        return {}
    # Of the class itself: a user's subclass inherits the descriptor, but computes something else.
    descriptors = {phase: vars(found).get("descriptor") for phase, found in classes.items()}
    return {
        phase: repr(found) if isinstance(found, Descriptor) else classes[phase].__name__
        for phase, found in descriptors.items()
    }


def _forward(module: Summarisable, phase: str) -> ForwardSummary:
    return forward_summary(getattr(module, f"input_specs_{phase}")(), getattr(module, f"output_specs_{phase}")())


def _state(module: Summarisable) -> dict[str, str]:
    state = module.get_initial_state()
    parts = {path: np.asarray(look_up(state, path)) for path in leaf_paths(state)}
    return {dotted(path): f"{list(part.shape)} {part.dtype.name}" for path, part in parts.items()}
