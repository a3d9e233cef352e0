"""Build the module that an algorithm trains: the user's spec, filled from the environment and the defaults."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rlmodule_algorithms.config.settings import AlgorithmSettings
from rlmodule_algorithms.sampling.environments import VectorEnv
from rlmodule_catalogs import Catalog
from rlmodule_core import RLModule, SingleAgentRLModuleSpec, get_training_backend
from rlmodule_core.plugins import CATALOGS, load


def build_module(config: AlgorithmSettings, env: VectorEnv, seed: int) -> RLModule:
    """The module, with first weights that follow from `seed`.

    Raises:
        ConfigError: the framework cannot train, or the spec does not fit.
        UnsupportedSpaceError: the environment has a space without a default.
    """
    backend = get_training_backend(config.framework_name)
    spec = complete_spec(config, env)
    with backend.initialising(seed):
        return spec.build(framework=backend.name)


def complete_spec(config: AlgorithmSettings, env: VectorEnv) -> SingleAgentRLModuleSpec:
    """The user's spec with the fields that are None filled in, and the defaults of the catalog's settings."""
    spec = config.default_module_spec()
    if config.rl_module_spec is not None:
        spec = spec.update(config.rl_module_spec)
    spaces = SingleAgentRLModuleSpec(
        observation_space=env.single_observation_space, action_space=env.single_action_space
    )
    spec = spaces.update(spec)
    catalog_class = load(CATALOGS, spec.catalog_class) if isinstance(spec.catalog_class, str) else spec.catalog_class
    defaults: dict[str, Any] = {}
    # Settings in the spec are nearer to the module than those of .training(model=...).
    layers = (config.default_model, config.model, spec.model_config_dict)
    chosen = {key: value for layer in layers if layer is not None for key, value in layer.items()}
    if isinstance(catalog_class, type) and issubclass(catalog_class, Catalog):
        defaults = asdict(catalog_class.settings_class())
    return spec.update(SingleAgentRLModuleSpec(model_config_dict={**defaults, **chosen}))
