"""The RLModule: a neural-network container with one forward for each phase of reinforcement learning."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rlmodule_core import plugins
from rlmodule_core.backend import Backend, Tensor, get_backend
from rlmodule_core.checkpoint.module import load_module, save_module
from rlmodule_core.columns import DEFAULT_MODULE_ID, Columns
from rlmodule_core.distributions import Descriptor, Distribution, distribution_for
from rlmodule_core.errors import ConfigError
from rlmodule_core.module.config import RLModuleConfig
from rlmodule_core.module.identity import ModuleIdentity
from rlmodule_core.module.initial_state import carries_state
from rlmodule_core.module.plans import ModulePlans
from rlmodule_core.module.resolve import standard_class
from rlmodule_core.plans import Weights
from rlmodule_core.specs import AnyOf, SpecType, compile_check
from rlmodule_core.summary import headline, summarise, summary_text

Check = Callable[[object], None]
Forward = Callable[[Mapping[str, Any]], Mapping[str, Any]]
Enter = Callable[[Forward, Mapping[str, Any]], Mapping[str, Any]]

ACTION_RULE = AnyOf((Columns.ACTIONS, Columns.ACTION_DIST_INPUTS, Columns.ACTION_DIST))
"""What exploration and inference must return: actions, or what a distribution over them is made from."""


class RLModule(ModuleIdentity):
    """A container of networks with a forward for training, for exploration and for inference.

    Write a subclass of a framework's base (TorchRLModule, TfRLModule or NumpyRLModule). Override `setup` to build
    the networks and the three `_forward_*`; optionally the six spec methods, the three distribution getters,
    `get_initial_state` and `compute_loss`. An instance is not thread-safe.
    """

    config: RLModuleConfig | None
    _checks: dict[str, tuple[Check, Check]] | None
    _backend: Backend | None = None
    _stateful: bool | None = None

    def __init__(self, config: RLModuleConfig | None = None) -> None:
        if config is not None and not isinstance(config, RLModuleConfig):
            raise ConfigError(f"{type(self).__name__} is constructed from an RLModuleConfig or None, got {config!r}.")
        self.config = config
        self._checks = None
        self.setup()

    def setup(self) -> None:
        """Build the networks. Runs once, from the base constructor."""

    def forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        """Compute what the loss needs, with gradients.

        Raises:
            SpecCheckingError: the batch or the output does not fit its spec.
        """
        return self._checked("train", self._learning, self._forward_train, batch)

    def forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        """Act to collect data, without gradients.

        Raises:
            SpecCheckingError: the batch or the output does not fit its spec.
        """
        return self._checked("exploration", self._acting, self._forward_exploration, batch)

    def forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        """Act as well as possible, to serve or evaluate, without gradients.

        Raises:
            SpecCheckingError: the batch or the output does not fit its spec.
        """
        return self._checked("inference", self._acting, self._forward_inference, batch)

    def evaluate_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        """What `forward_train` computes, but without gradients and in evaluation mode: to estimate values.

        Raises:
            SpecCheckingError: the batch or the output does not fit its spec.
        """
        return self._checked("train", self._acting, self._forward_train, batch)

    def compute_loss(
        self, outputs: Mapping[str, Any], batch: Mapping[str, Any], coeffs: Mapping[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor]] | None:
        """The module's own loss in place of the algorithm's: the 0-d total, and metrics. None leaves it to the latter.

        Args:
            outputs: what `forward_train` returned.
            batch: the minibatch's columns `[B, ...]`.
            coeffs: the algorithm's numbers that change during training.
        """
        return None

    @abstractmethod
    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        """Compute what the loss needs."""

    @abstractmethod
    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return `actions` and/or `action_dist_inputs` to collect data with."""

    @abstractmethod
    def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return `actions` and/or `action_dist_inputs` to act greedily with."""

    def _learning(self, forward: Forward, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run a forward as training demands in this framework: in training mode."""
        return forward(batch)

    def _acting(self, forward: Forward, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run a forward as acting demands in this framework: without gradients, in evaluation mode."""
        return forward(batch)

    def compile(self) -> None:
        """Compile the three underscore forwards where the framework has a compiler; checks stay outside.

        The default has none, as in numpy, and leaves everything as it is.
        """

    def input_specs_train(self) -> SpecType:
        """What `forward_train` takes."""
        return [Columns.OBS]

    def output_specs_train(self) -> SpecType:
        """What `forward_train` returns: by default any mapping."""
        return []

    def input_specs_exploration(self) -> SpecType:
        """What `forward_exploration` takes."""
        return [Columns.OBS]

    def output_specs_exploration(self) -> SpecType:
        """What `forward_exploration` returns."""
        return ACTION_RULE

    def input_specs_inference(self) -> SpecType:
        """What `forward_inference` takes."""
        return [Columns.OBS]

    def output_specs_inference(self) -> SpecType:
        """What `forward_inference` returns."""
        return ACTION_RULE

    def invalidate(self) -> None:
        """Decide specs, phases and whether there is a state anew, after layers or specs have changed."""
        self._checks = None
        self._stateful = None

    def _checked(self, phase: str, enter: Enter, forward: Forward, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run a forward between the checks of its phase."""
        checks = self._checks
        if checks is None:
            # Not in the constructor: users add layers after super().__init__().
            checks = self._checks = self._decide()
        check_input, check_output = checks[phase]
        check_input(batch)
        output = enter(forward, batch)
        check_output(output)
        return output

    def _decide(self) -> dict[str, tuple[Check, Check]]:
        """What stays fixed from the first forward on: the compiled checks of each phase."""
        return {
            name: (self._compile_check("input", name), self._compile_check("output", name))
            for name in ("train", "exploration", "inference")
        }

    def _compile_check(self, side: str, phase: str) -> Check:
        spec: SpecType = getattr(self, f"{side}_specs_{phase}")()
        return compile_check(spec, where=f"{type(self).__name__}.forward_{phase} ({side})")

    def get_train_action_dist_cls(self) -> type[Distribution]:
        """The distribution of `forward_train`'s `action_dist_inputs`; by default the action space's."""
        return self._default_action_dist_cls()

    def get_exploration_action_dist_cls(self) -> type[Distribution]:
        """The distribution of `forward_exploration`'s `action_dist_inputs`; by default the action space's."""
        return self._default_action_dist_cls()

    def get_inference_action_dist_cls(self) -> type[Distribution]:
        """The distribution of `forward_inference`'s `action_dist_inputs`; by default the action space's."""
        return self._default_action_dist_cls()

    def _default_action_dist_cls(self) -> type[Distribution]:
        space = None if self.config is None else self.config.action_space
        if space is None:
            raise ConfigError(
                f"{type(self).__name__} has no action space to choose an action distribution by. Pass "
                "RLModuleConfig(action_space=...), or override get_train_action_dist_cls, "
                "get_exploration_action_dist_cls and get_inference_action_dist_cls."
            )
        return distribution_for(space).bind(self.backend.ops)

    def mask_descriptor(self) -> Descriptor | None:
        """What describes the inputs in which the forwards mask illegal actions; None where they mask nothing."""
        return None

    def get_initial_state(self) -> Mapping[str, Any]:
        """The unbatched recurrent state at an episode's start, in numpy; empty for a stateless module."""
        return {}

    def is_stateful(self) -> bool:
        """Whether the module carries a recurrent state; decided at the first call, and again after `invalidate()`.

        Raises:
            SpecCheckingError: `get_initial_state()` gives no mapping.
        """
        if self._stateful is None:
            # Kept, because it is asked at every action.
            self._stateful = carries_state(self, self.get_initial_state())
        return self._stateful

    @property
    def backend(self) -> Backend:
        """The backend of this module's framework."""
        if self._backend is None:
            # Kept, because forwards ask for it, and a compiler of forwards cannot follow the search for plugins.
            self._backend = self._find_backend()
        return self._backend

    def _find_backend(self) -> Backend:
        if self.framework is None:
            raise ConfigError(
                f"{type(self).__name__} names no framework. Derive it from TorchRLModule, TfRLModule or NumpyRLModule "
                "as well, or build it through a spec with a framework."
            )
        return get_backend(self.framework)

    def get_state(self) -> Weights:
        """Copies of all weights, by name."""
        return self.backend.get_weights(self)

    def set_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Copy weights into the module's own arrays, which stay the same objects.

        Raises:
            StateError: names are missing or unexpected, or arrays have another shape; nothing was changed.
        """
        self.backend.set_weights(self, state)

    def non_portable_part(self) -> str | None:
        """What ties this module to its framework, in words; None where other frameworks can run it."""
        return f"its class {type(self).__name__}, whose layers are its own"

    def frozen_plans(self) -> ModulePlans:
        """The plans of a portable module.

        Raises:
            ConfigError: the module is not portable; names the part.
        """
        raise ConfigError(f"{type(self).__name__} has no plans: not portable because of {self.non_portable_part()}.")

    def to_framework(self, name: str) -> RLModule:
        """The same module in another framework, with the same weights.

        Raises:
            ConfigError: the module is not portable; names the part.
        """
        config = RLModuleConfig() if self.config is None else self.config
        plans = self.frozen_plans()
        standard: type[RLModule] = standard_class(self.architecture, name)
        # With the catalog, though nobody asks it any more: both are saved as the same bytes.
        twin = standard(replace(config, plans=plans))
        twin.set_state(self.get_state())
        return twin

    def save_to_checkpoint(self, directory: str | Path) -> Path:
        """Write the module as a checkpoint directory: the old one there stays whole until the new one is.

        Raises:
            CheckpointError: it cannot be written.
        """
        return save_module(self, directory)

    @classmethod
    def from_checkpoint(
        cls,
        directory: str | Path,
        module_id: str | None = None,
        *,
        module_class: type[RLModule] | None = None,
        catalog_class: type[Any] | str | None = None,
    ) -> Self:
        """Build a module from a checkpoint of a module, of a container or of an algorithm.

        Called on a framework's class, the module is built in that framework; on RLModule, in the one that is on file.
        For a portable module none is, whoever wrote it: it is built in that of `module_class`, else in the first that
        is installed of "torch", "tf2", any other one that trains, and "numpy". A class that is named in the checkpoint
        is found where it is imported, and where this is called on it.

        Args:
            directory: the checkpoint.
            module_id: which module; the only one by default.
            module_class: the class, where it is not a standard one and not imported under the name on file.
            catalog_class: the catalog, where the networks are built by one that is neither registered nor imported.

        Raises:
            CheckpointError: the checkpoint is missing or damaged, or a class is not there.
            ConfigError: `module_class` is no RLModule class of that framework.
        """
        loaded: Self = load_module(
            directory,
            base=cls,
            framework=cls.framework,
            module_id=module_id,
            module_class=module_class,
            catalog_class=catalog_class,
        )
        return loaded

    def as_multi_agent(self) -> Any:
        """This very instance as the only module of a multi-agent container.

        Raises:
            PluginError: rlmodule-marl is not installed.
        """
        container = plugins.load(plugins.MULTI_AGENT, "default")()
        container.add_module(DEFAULT_MODULE_ID, self)
        return container

    def unwrapped(self) -> RLModule:
        """The module itself, inside any wrapper."""
        return self

    def summary(self) -> str:
        """Spaces, networks with shapes and sizes, specs, state and distributions, in lines of 80 columns."""
        return summary_text(summarise(self))

    def __repr__(self) -> str:
        return headline(self)

    def __getstate__(self) -> dict[str, Any]:
        # Compiled checks are closures, which pickle cannot take; they are made anew at the next forward. The backend is
        # one for the process, so that a copy must not bring its own.
        return {**self.__dict__, "_checks": None, "_backend": None}
