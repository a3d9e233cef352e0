"""The specs of a container's modules: checked, and merged."""

from __future__ import annotations

from collections.abc import Mapping

from rlmodule_core import ConfigError, SingleAgentRLModuleSpec
from rlmodule_marl.module_ids import check_module_id

SpecsById = Mapping[str, SingleAgentRLModuleSpec]


def check_specs(specs: object, *, where: str) -> dict[str, SingleAgentRLModuleSpec]:
    """A copy of a mapping from module ids to specs.

    Raises:
        ConfigError: it is no mapping, an id is illegal, or a value is no spec; names the id.
    """
    if not isinstance(specs, Mapping):
        raise ConfigError(
            f"{where} must be a dict of SingleAgentRLModuleSpecs by module id, got {specs!r}. "
            "Pass {'red': SingleAgentRLModuleSpec(...)}, for example."
        )
    for module_id, spec in specs.items():
        check_module_id(module_id)
        if not isinstance(spec, SingleAgentRLModuleSpec):
            raise ConfigError(
                f"{where}: the spec of module {module_id!r} must be a SingleAgentRLModuleSpec, got {spec!r}. A module "
                "that is built already goes in with add_module()."
            )
    return dict(specs)


def merge_specs(
    own: SpecsById | SingleAgentRLModuleSpec, other: SpecsById | SingleAgentRLModuleSpec, *, overwrite: bool
) -> SpecsById | SingleAgentRLModuleSpec:
    """Both in one, where a single spec stands for every id.

    Args:
        own: what is there.
        other: what comes in.
        overwrite: whether a spec that comes in replaces the one that is there, instead of updating it.
    """
    if isinstance(own, SingleAgentRLModuleSpec) and isinstance(other, SingleAgentRLModuleSpec):
        return _merge(own, other, overwrite)
    ids = [module_id for specs in (own, other) if isinstance(specs, Mapping) for module_id in specs]
    return {module_id: _merge(_of(own, module_id), _of(other, module_id), overwrite) for module_id in ids}


def _of(specs: SpecsById | SingleAgentRLModuleSpec, module_id: str) -> SingleAgentRLModuleSpec | None:
    return specs.get(module_id) if isinstance(specs, Mapping) else specs


def _merge(
    own: SingleAgentRLModuleSpec | None, other: SingleAgentRLModuleSpec | None, overwrite: bool
) -> SingleAgentRLModuleSpec:
    if own is None or other is None:
        return next(spec for spec in (own, other) if spec is not None)
    return other if overwrite else own.update(other)
