"""The multi-agent container: modules by id, with the forwards of a single module."""

from __future__ import annotations

from collections.abc import Callable, Collection, ItemsView, Iterator, KeysView, Mapping, ValuesView
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from rlmodule_core import (
    ConfigError,
    RLModule,
    SingleAgentRLModuleSpec,
    StateError,
    UnknownIdError,
    nearest,
)
from rlmodule_core.checkpoint import ContainerEntry, StoredModules, class_name, save_modules
from rlmodule_marl.config import MultiAgentRLModuleConfig
from rlmodule_marl.module_ids import check_module_id
from rlmodule_marl.restoring import container_class, restore, stored_config

R = TypeVar("R")
D = TypeVar("D")
Batch = Mapping[str, Mapping[str, Any]]
"""`{module id: {column: [B, ...]}}`."""


class MultiAgentRLModule:
    """Modules by id. By default they are independent; a subclass may share networks between them.

    Override `setup` to build the modules yourself into `self._rl_modules`, from `self.config.modules`; override the
    `_forward_*` to let agents communicate. Batches and outputs are dicts by module id, and only the ids in the batch
    run. The container is neither an RLModule nor a native module.
    """

    def __init__(self, config: MultiAgentRLModuleConfig | None = None) -> None:
        self.config = MultiAgentRLModuleConfig() if config is None else config
        self._rl_modules: dict[str, RLModule] = {}
        self.setup()
        self._validate()

    def setup(self) -> None:
        """Build the modules into `self._rl_modules`: by default each from its own spec."""
        for module_id, spec in self.config.modules.items():
            if not isinstance(spec, SingleAgentRLModuleSpec):
                raise ConfigError(f"The spec of module {module_id!r} must be a SingleAgentRLModuleSpec, got {spec!r}.")
            self._rl_modules[module_id] = spec.build(framework=self.config.framework)

    def _validate(self) -> None:
        modules: Any = self._rl_modules
        if not isinstance(modules, Mapping):
            raise ConfigError(
                f"{type(self).__name__}.setup() must fill self._rl_modules with modules by id, found {modules!r}."
            )
        if not modules and (self.config.modules or _has_own_setup(type(self))):
            raise ConfigError(
                f"{type(self).__name__}.setup() left self._rl_modules empty. Store its modules there, "
                f"by id (the config names: {', '.join(self.config.modules) or 'none'})."
            )
        self._rl_modules = dict(modules)
        for module_id, module in modules.items():
            self._check(module_id, module)

    def _check(self, module_id: str, module: RLModule) -> None:
        check_module_id(module_id)
        if not isinstance(module, RLModule):
            raise ConfigError(f"Module {module_id!r} must be a single-agent RLModule, got a {type(module).__name__}.")
        framework = self.framework
        if framework is not None and module.framework != framework:
            raise ConfigError(
                f"All modules of a container share one framework: module {module_id!r} is of {module.framework!r}, the "
                f"others are of {framework!r}."
            )

    @property
    def framework(self) -> str | None:
        """The framework of all modules; None for an empty container."""
        return next((module.framework for module in self._rl_modules.values()), None)

    def forward_train(self, batch: Batch) -> dict[str, Mapping[str, Any]]:
        """Run `forward_train` of each module in the batch.

        Raises:
            UnknownIdError: the batch names a module that is not here.
        """
        return self._forward_train(batch)

    def forward_exploration(self, batch: Batch) -> dict[str, Mapping[str, Any]]:
        """Run `forward_exploration` of each module in the batch; see `forward_train`."""
        return self._forward_exploration(batch)

    def forward_inference(self, batch: Batch) -> dict[str, Mapping[str, Any]]:
        """Run `forward_inference` of each module in the batch; see `forward_train`."""
        return self._forward_inference(batch)

    def _forward_train(self, batch: Batch) -> dict[str, Mapping[str, Any]]:
        return {module_id: self[module_id].forward_train(columns) for module_id, columns in batch.items()}

    def _forward_exploration(self, batch: Batch) -> dict[str, Mapping[str, Any]]:
        return {module_id: self[module_id].forward_exploration(columns) for module_id, columns in batch.items()}

    def _forward_inference(self, batch: Batch) -> dict[str, Mapping[str, Any]]:
        return {module_id: self[module_id].forward_inference(columns) for module_id, columns in batch.items()}

    def __getitem__(self, module_id: str) -> RLModule:
        try:
            return self._rl_modules[module_id]
        except (KeyError, TypeError):
            raise UnknownIdError(self._not_here(module_id)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._rl_modules)

    def __len__(self) -> int:
        return len(self._rl_modules)

    def __contains__(self, module_id: object) -> bool:
        return module_id in self._rl_modules

    def keys(self) -> KeysView[str]:
        """The module ids."""
        return self._rl_modules.keys()

    def values(self) -> ValuesView[RLModule]:
        """The modules."""
        return self._rl_modules.values()

    def items(self) -> ItemsView[str, RLModule]:
        """The modules with their ids."""
        return self._rl_modules.items()

    def get(self, module_id: str, default: D) -> RLModule | D:
        """The module of that id, or `default`."""
        return self._rl_modules.get(module_id, default)

    def foreach_module(self, function: Callable[[str, RLModule], R]) -> dict[str, R]:
        """Call `function(module_id, module)` for each module; the results by id."""
        return {module_id: function(module_id, module) for module_id, module in self.items()}

    def add_module(self, module_id: str, module: RLModule, *, override: bool = False) -> None:
        """Add a module, or replace one with `override=True`.

        Raises:
            ConfigError: the id is illegal or taken, or the module is of another framework.
        """
        if module_id in self._rl_modules and not override:
            raise ConfigError(f"There is already a module {module_id!r}. Pass override=True to replace it.")
        self._check(module_id, module)
        self._rl_modules[module_id] = module

    def remove_module(self, module_id: str, *, raise_err_if_not_found: bool = True) -> None:
        """Remove a module.

        Raises:
            UnknownIdError: there is none of that id, unless `raise_err_if_not_found=False`.
        """
        if module_id in self._rl_modules:
            del self._rl_modules[module_id]
        elif raise_err_if_not_found:
            raise UnknownIdError(self._not_here(module_id))

    def as_multi_agent(self) -> Self:
        """The container itself."""
        return self

    def unwrapped(self) -> Self:
        """The container itself."""
        return self

    def get_initial_state(self) -> dict[str, Mapping[str, Any]]:
        """The initial recurrent state of each stateful module by id."""
        return {module_id: module.get_initial_state() for module_id, module in self.items() if module.is_stateful()}

    def is_stateful(self) -> bool:
        """Whether any module carries a recurrent state."""
        return any(module.is_stateful() for module in self.values())

    def get_state(self, module_ids: Collection[str] | None = None) -> dict[str, dict[str, NDArray[Any]]]:
        """Copies of the weights of these modules (by default of all) by id and name."""
        return {module_id: self[module_id].get_state() for module_id in (self if module_ids is None else module_ids)}

    def set_state(self, state: Mapping[str, Mapping[str, NDArray[np.generic]]]) -> None:
        """Copy weights into the named modules; modules that are not named keep theirs.

        Raises:
            UnknownIdError: the state names a module that is not here; nothing was changed.
            StateError: weights do not fit; names the module, and nothing was changed.
        """
        before = self.get_state(state)
        for module_id, weights in state.items():
            try:
                self[module_id].set_state(weights)
            except StateError as error:
                for done, own in before.items():
                    self[done].set_state(own)
                raise StateError(f"Module {module_id!r}: {error}") from error

    def save_to_checkpoint(self, directory: str | Path) -> Path:
        """Write all modules as one checkpoint directory.

        Raises:
            CheckpointError: it cannot be written.
        """
        own_class, own_setup = type(self) is not MultiAgentRLModule, _has_own_setup(type(self))
        entry = ContainerEntry(
            class_name(type(self)) if own_class else None, self.config.to_dict() if own_setup else None
        )
        return save_modules(self._rl_modules, directory, container=entry)

    @classmethod
    def from_checkpoint(cls, directory: str | Path, *, config: MultiAgentRLModuleConfig | None = None) -> Self:
        """Build the container of a checkpoint: what was shared between modules is shared again.

        A container with a `setup` of its own is constructed from its config, then given its weights. Called on
        MultiAgentRLModule, the class that wrote the checkpoint is taken, where it is imported.

        Args:
            directory: a checkpoint of a container, a module or an algorithm.
            config: what to construct the container from, in place of what is stored, which names classes that must be
                imported: the classes of a script, for example.

        Raises:
            CheckpointError: the checkpoint is missing or damaged, a class is not there, or the modules do not share
                what they shared when they were saved.
        """
        stored = StoredModules.read(directory)
        chosen = container_class(stored, cls) if cls is MultiAgentRLModule else cls
        if config is None and not _has_own_setup(chosen):
            container: Self = chosen()
            for module_id, module in stored.build_all().items():
                container.add_module(module_id, module)
            return container
        container = chosen(stored_config(stored, chosen) if config is None else config)
        restore(container, stored)
        return container

    def __repr__(self) -> str:
        inner = ", ".join(f"{module_id!r}: {type(module).__name__}" for module_id, module in self.items())
        return f"{type(self).__name__}({{{inner}}})"

    def _not_here(self, module_id: object) -> str:
        return (
            f"There is no module {module_id!r} (there are: {', '.join(self) or 'none'})."
            f"{nearest(str(module_id), list(self))} Add it with add_module()."
        )


def _has_own_setup(cls: type[MultiAgentRLModule]) -> bool:
    return cls.setup is not MultiAgentRLModule.setup
