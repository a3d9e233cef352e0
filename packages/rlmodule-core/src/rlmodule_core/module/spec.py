"""A recipe for a single-agent module."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import gymnasium as gym

from rlmodule_core.checkpoint.module import read_weights
from rlmodule_core.errors import ConfigError
from rlmodule_core.module.class_names import class_name, find_class
from rlmodule_core.module.config import RLModuleConfig
from rlmodule_core.module.resolve import resolve_module_class
from rlmodule_core.module.rl_module import RLModule
from rlmodule_core.stored import from_fields

_NEXT_STEP = {
    "module_class": "Pass a subclass of RLModule, such as PPOTorchRLModule.",
    "observation_space": "Pass env.observation_space.",
    "action_space": "Pass env.action_space.",
    "model_config_dict": "Pass {} for the defaults.",
}


@dataclass(frozen=True)
class SingleAgentRLModuleSpec:
    """What a module is built from; an algorithm fills the fields that are None.

    Attributes:
        load_state_path: a checkpoint directory whose weights the built module starts with.
    """

    module_class: type[RLModule] | None = None
    observation_space: gym.Space[Any] | None = None
    action_space: gym.Space[Any] | None = None
    model_config_dict: Mapping[str, Any] | None = None
    catalog_class: type[Any] | str | None = None
    load_state_path: str | Path | None = None

    def build(self, *, framework: str | None = None) -> RLModule:
        """Build the module.

        Args:
            framework: needed where `module_class` is neutral, such as ActorCriticRLModule.

        Raises:
            ConfigError: a field is missing; names the first.
            CheckpointError: `load_state_path` cannot be read.
            StateError: its weights do not fit.
        """
        for field, next_step in _NEXT_STEP.items():
            if getattr(self, field) is None:
                raise ConfigError(
                    f"SingleAgentRLModuleSpec.{field} must be set before build(), got None. {next_step} "
                    "(Inside an algorithm the environment and the configuration fill it.)"
                )
        module_class = self.module_class
        if not (isinstance(module_class, type) and issubclass(module_class, RLModule)):
            raise ConfigError(f"SingleAgentRLModuleSpec.module_class must be an RLModule class, got {module_class!r}.")
        resolved, config = resolve_module_class(module_class, framework), self.get_rl_module_config()
        _require_takes_a_config(resolved, config)
        module: RLModule = resolved(config)
        if self.load_state_path is not None:
            module.set_state(read_weights(self.load_state_path))
        return module

    def get_rl_module_config(self) -> RLModuleConfig:
        """The constructor argument of the module."""
        return RLModuleConfig(self.observation_space, self.action_space, self.model_config_dict, self.catalog_class)

    def update(self, other: SingleAgentRLModuleSpec) -> SingleAgentRLModuleSpec:
        """This spec with every field that is not None in `other` replaced, so `{}` can replace a dict.

        Raises:
            ConfigError: `other` is no SingleAgentRLModuleSpec.
        """
        if not isinstance(other, SingleAgentRLModuleSpec):
            raise ConfigError(f"A spec can only be updated by a SingleAgentRLModuleSpec, got {other!r}.")
        given = {field.name: value for field in fields(other) if (value := getattr(other, field.name)) is not None}
        return replace(self, **given)

    @classmethod
    def from_module(cls, module: RLModule) -> SingleAgentRLModuleSpec:
        """The spec that builds a module like this one, with fresh weights.

        Raises:
            ConfigError: the module is no single-agent module.
        """
        if not isinstance(module, RLModule):
            raise ConfigError(f"from_module() takes a single RLModule, got a {type(module).__name__}.")
        config = RLModuleConfig() if module.config is None else module.config
        return cls(
            type(module),
            config.observation_space,
            config.action_space,
            config.model_config_dict,
            config.catalog_class,
        )

    def to_dict(self) -> dict[str, Any]:
        """The spec as JSON-able data; classes are recorded by name."""
        return {
            "module_class": None if self.module_class is None else class_name(self.module_class),
            "module_config": self.get_rl_module_config().to_dict(),
            "load_state_path": None if self.load_state_path is None else str(self.load_state_path),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, where: str = "A SingleAgentRLModuleSpec") -> SingleAgentRLModuleSpec:
        """Rebuild a spec that `to_dict` wrote; its classes must already be imported.

        Args:
            data: the stored spec.
            where: the place of the data in the document, for error texts.

        Raises:
            CheckpointError: the data are damaged, or a class is not there.
        """
        stored = from_fields(_Stored, data, where=where)
        config = RLModuleConfig.from_dict(stored.module_config, where=f"{where}.module_config")
        name = stored.module_class
        return cls(
            None if name is None else find_class(name, argument="module_class"),
            config.observation_space,
            config.action_space,
            config.model_config_dict,
            config.catalog_class,
            stored.load_state_path,
        )


def _require_takes_a_config(module_class: type[RLModule], config: RLModuleConfig) -> None:
    # Asked before the call: what the class itself raises is to be seen as it is.
    try:
        inspect.signature(module_class).bind(config)
    except TypeError as error:
        raise ConfigError(
            f"{module_class.__name__}.__init__ does not take an RLModuleConfig alone ({error}), so a spec cannot build "
            "it. Take what it needs from self.config in setup(), or construct it in the setup() of a container."
        ) from error


@dataclass(frozen=True)
class _Stored:
    """The fields that `to_dict` writes."""

    module_class: str | None
    module_config: Mapping[str, Any]
    load_state_path: str | None
