"""Build the module that an algorithm trains: the user's spec, filled from the environment and the defaults."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from rlmodule_algorithms.config.settings import AlgorithmSettings
from rlmodule_algorithms.sampling.environments import VectorEnv
from rlmodule_catalogs import Catalog
from rlmodule_core import (
    DEFAULT_MODULE_ID,
    CheckpointError,
    ConfigError,
    RLModule,
    SingleAgentRLModuleSpec,
    get_training_backend,
)
from rlmodule_core.checkpoint import StoredModules, class_name
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


def stored_module(config: AlgorithmSettings, env: VectorEnv, stored: StoredModules) -> RLModule:
    """The module of a checkpoint, in the config's framework; its spec says the class where no file can.

    Raises:
        CheckpointError: the module cannot be built, or there is another than the one that algorithms train.
        ConfigError: it was made for other spaces than the environment's.
    """
    if stored.ids != (DEFAULT_MODULE_ID,):
        raise CheckpointError(
            f"Expected one module {DEFAULT_MODULE_ID!r} in {stored.checkpoint.directory}, got "
            f"{', '.join(stored.ids) or 'none'}. Load them with MultiAgentRLModule.from_checkpoint."
        )
    module = _built(config, stored)
    _require_settings(config, module)
    if module.config is not None:
        known = ((module.config.observation_space, env.single_observation_space, "observations"),)
        for expected, got, what in (*known, (module.config.action_space, env.single_action_space, "actions")):
            if expected is not None and expected != got:
                raise ConfigError(
                    f"The module of {stored.checkpoint.directory} was trained for {what} in {expected}, but those of "
                    f"the environment are in {got}. Go on in the environment that it was trained in."
                )
    return module


def _built(config: AlgorithmSettings, stored: StoredModules) -> RLModule:
    backend = get_training_backend(config.framework_name)
    given = SingleAgentRLModuleSpec() if config.rl_module_spec is None else config.rl_module_spec
    recorded, known = stored.section.entries[DEFAULT_MODULE_ID].class_name, config.default_module_spec().module_class
    chosen = given.module_class
    if chosen is None and known is not None and class_name(known) == recorded:
        chosen = known
    try:
        module: RLModule = stored.build(
            DEFAULT_MODULE_ID, framework=backend.name, module_class=chosen, catalog_class=given.catalog_class
        )
    except CheckpointError as error:
        if recorded is None or chosen is not None:
            raise
        raise CheckpointError(
            f"{error} An algorithm takes the class from its config: Algorithm.from_checkpoint(directory, config=...), "
            "with .rl_module(rl_module_spec=SingleAgentRLModuleSpec(module_class=...))."
        ) from error
    return module


def _require_settings(config: AlgorithmSettings, module: RLModule) -> None:
    kept = None if module.config is None else module.config.model_config_dict
    if kept is None:
        return
    for setting, wanted in _chosen_settings(config, config.rl_module_spec).items():
        # A file has lists where a program may have tuples.
        if setting in kept and json.dumps(kept[setting], default=str) != json.dumps(wanted, default=str):
            raise ConfigError(
                f"The stored module was built with {setting}={kept[setting]!r}, but the config says {wanted!r}. Go on "
                "with the settings that it was built with, or build a new algorithm."
            )


def _chosen_settings(config: AlgorithmSettings, spec: SingleAgentRLModuleSpec | None) -> dict[str, Any]:
    """The model settings that someone chose; those in the spec are nearer to the module than `training(model=...)`."""
    in_spec = None if spec is None else spec.model_config_dict
    layers = (config.default_model, config.model, in_spec)
    return {key: value for layer in layers if layer is not None for key, value in layer.items()}


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
    if isinstance(catalog_class, type) and issubclass(catalog_class, Catalog):
        defaults = asdict(catalog_class.settings_class())
    return spec.update(SingleAgentRLModuleSpec(model_config_dict={**defaults, **_chosen_settings(config, spec)}))
