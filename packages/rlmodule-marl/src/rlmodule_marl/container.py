"""The multi-agent container: modules by id, with the forwards of a single module."""

from __future__ import annotations

from collections.abc import Callable, Collection, ItemsView, Iterator, KeysView, Mapping, ValuesView
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from rlmodule_core import ConfigError, RLModule, SpecCheckingError, StateError, UnknownIdError, nearest
from rlmodule_core.checkpoint import ContainerEntry, StoredModules, class_name, save_modules
from rlmodule_marl.config import MultiAgentRLModuleConfig
from rlmodule_marl.loading import read_states
from rlmodule_marl.module_ids import check_module_id, check_module_ids
from rlmodule_marl.restoring import container_class, restore, setup_to_dict, stored_setup
from rlmodule_marl.state import State, check_state, require_one_value_each

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
        if config is not None and not isinstance(config, MultiAgentRLModuleConfig):
            raise ConfigError(
                f"{type(self).__name__} is constructed from a MultiAgentRLModuleConfig or None, got {config!r}. Pass "
                "MultiAgentRLModuleConfig({'red': spec}), or build it by MultiAgentRLModuleSpec(module_specs=...)."
            )
        self.config = MultiAgentRLModuleConfig() if config is None else config
        self._rl_modules: dict[str, RLModule] = {}
        self.setup()
        self._validate()
        self._set_up = dict(self._rl_modules)

    def setup(self) -> None:
        """Build the modules into `self._rl_modules`: by default each from its own spec."""
        for module_id, spec in self.config.modules.items():
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
            SpecCheckingError: the batch is no mapping, or a module's part does not fit its spec.
        """
        return self._forward_train(_by_module(batch))

    def forward_exploration(self, batch: Batch) -> dict[str, Mapping[str, Any]]:
        """Run `forward_exploration` of each module in the batch; see `forward_train`."""
        return self._forward_exploration(_by_module(batch))

    def forward_inference(self, batch: Batch) -> dict[str, Mapping[str, Any]]:
        """Run `forward_inference` of each module in the batch; see `forward_train`."""
        return self._forward_inference(_by_module(batch))

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
        return isinstance(module_id, str) and module_id in self._rl_modules

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
        if module_id in self and not override:
            raise ConfigError(f"There is already a module {module_id!r}. Pass override=True to replace it.")
        self._check(module_id, module)
        self._rl_modules[module_id] = module

    def remove_module(self, module_id: str, *, raise_err_if_not_found: bool = True) -> None:
        """Remove a module.

        Raises:
            UnknownIdError: there is none of that id, unless `raise_err_if_not_found=False`.
        """
        if module_id in self:
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
        chosen = self if module_ids is None else check_module_ids(module_ids, where="module_ids")
        return {module_id: self[module_id].get_state() for module_id in chosen}

    def set_state(self, state: State) -> None:
        """Copy weights into the named modules; modules that are not named keep theirs, except for what they share.

        Raises:
            UnknownIdError: the state names a module that is not here; nothing was changed.
            StateError: weights do not fit (names the module), or the state gives two values for what modules share;
                nothing was changed.
        """
        check_state(state)
        before = {module_id: self[module_id].get_state() for module_id in state}
        require_one_value_each(self._rl_modules, state)
        try:
            for module_id, weights in state.items():
                self._set_one(module_id, weights)
        except BaseException:
            for module_id, own in before.items():
                self[module_id].set_state(own)
            raise

    def _set_one(self, module_id: str, weights: Mapping[str, NDArray[np.generic]]) -> None:
        try:
            self[module_id].set_state(weights)
        except StateError as error:
            raise StateError(f"Module {module_id!r}: {error}") from error

    def load_state(self, directory: str | Path, *, modules_to_load: Collection[str] | None = None) -> None:
        """Copy weights of a checkpoint into the modules that are here; it may hold others too.

        Args:
            directory: a checkpoint of a container or an algorithm; of a single module, to load just one.
            modules_to_load: the ids to load; by default all that are here.

        Raises:
            ConfigError: there are no modules here, or `modules_to_load` is no collection of ids.
            UnknownIdError: there is no module of such an id here; nothing was changed.
            CheckpointError: the checkpoint is missing, damaged or lacks modules; nothing was changed.
            StateError: weights do not fit; names the module, and nothing was changed.
        """
        if modules_to_load is None and not self._rl_modules:
            raise ConfigError(
                f"This {type(self).__name__} has no modules to load weights into. Add them first, or call "
                f"{type(self).__name__}.from_checkpoint({str(directory)!r}), which builds them."
            )
        chosen = tuple(self)
        if modules_to_load is not None:
            chosen = check_module_ids(modules_to_load, where="modules_to_load")
        for module_id in chosen:
            if module_id not in self:
                raise UnknownIdError(self._not_here(module_id))
        try:
            self.set_state(read_states(directory, chosen))
        except StateError as error:
            raise StateError(f"The weights in {directory} cannot be loaded. {error}") from error

    def save_to_checkpoint(self, directory: str | Path) -> Path:
        """Write all modules as one checkpoint directory.

        Raises:
            CheckpointError: it cannot be written.
        """
        return save_modules(self._rl_modules, directory, container=self.container_entry())

    def container_entry(self) -> ContainerEntry:
        """What a checkpoint must record of the container, beside its modules; for what embeds it, such as an algorithm.

        A module that `setup` made is recorded with the id that it had then.
        """
        cls = type(self)
        name = None if cls is MultiAgentRLModule else class_name(cls)
        if not _has_own_setup(cls):
            return ContainerEntry(name, None)
        return ContainerEntry(name, setup_to_dict(self.config, set_up=self._set_up, modules=self._rl_modules))

    @classmethod
    def from_checkpoint(cls, directory: str | Path, *, config: MultiAgentRLModuleConfig | None = None) -> Self:
        """Build the container of a checkpoint: what was shared between modules is shared again.

        A container with a `setup` of its own is constructed from its config; then what was added, replaced and removed
        before saving is so again, and all get their weights. Called on MultiAgentRLModule, the class that wrote the
        checkpoint is taken, where it is imported. A module that was added later and has no config of its own cannot be
        built from a checkpoint: build such a container, and call `load_state`. Portable modules are built in the
        framework of the others; where all are portable, in the one that `RLModule.from_checkpoint` takes.

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
        setup = stored_setup(stored, chosen, config=config)
        container = chosen(setup.config)
        restore(container, stored, set_up_as=setup.set_up_as)
        return container

    def __repr__(self) -> str:
        inner = ", ".join(f"{module_id!r}: {type(module).__name__}" for module_id, module in self.items())
        return f"{type(self).__name__}({{{inner}}})"

    def _not_here(self, module_id: object) -> str:
        return (
            f"There is no module {module_id!r} (there are: {', '.join(self) or 'none'})."
            f"{nearest(str(module_id), list(self))} Add it with add_module()."
        )


def _by_module(batch: Batch) -> Batch:
    if isinstance(batch, Mapping):
        return batch
    raise SpecCheckingError(
        f"A container's batch is a dict of columns by module id, got a {type(batch).__name__}. Pass "
        "{'red': {'obs': ...}}, for example."
    )


def _has_own_setup(cls: type[MultiAgentRLModule]) -> bool:
    return cls.setup is not MultiAgentRLModule.setup
