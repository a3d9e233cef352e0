"""The base of all torch modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from rlmodule_core import ConfigError, RLModule, RLModuleConfig
from rlmodule_torch.compiling import CompiledForwards, CompileSettings, Forward
from rlmodule_torch.layers import Layer
from rlmodule_torch.networks import Container

Check = Callable[[object], None]
Enter = Callable[[Forward, Mapping[str, Any]], Mapping[str, Any]]

_PHASE_FREE: tuple[type[nn.Module], ...] = (
    Layer,
    Container,
    nn.Linear,
    nn.Sequential,
    nn.ModuleList,
    nn.ModuleDict,
    nn.Identity,
    nn.Flatten,
    nn.Embedding,
    nn.LayerNorm,
    nn.Conv1d,
    nn.Conv2d,
    nn.ReLU,
    nn.Tanh,
    nn.Sigmoid,
    nn.ELU,
    nn.SiLU,
    nn.GELU,
    nn.Softplus,
)
"""Layers known to compute the same in training and evaluation mode; any other may differ."""


class TorchRLModule(RLModule, nn.Module):
    """An RLModule that is an nn.Module: layers assigned in `setup` are registered, trained and saved."""

    framework = "torch"

    def __init__(self, config: RLModuleConfig | None = None) -> None:
        nn.Module.__init__(self)
        self._phase_dependent = True
        self._compiled: CompiledForwards | None = None
        RLModule.__init__(self, config)

    def forward(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run `forward_train`, so that calling the nn.Module trains."""
        return self.forward_train(batch)

    def compile(
        self,
        *,
        backend: str | Callable[..., Any] = "inductor",
        mode: str | None = None,
        dynamic: bool | None = None,
    ) -> None:
        """Compile the three underscore forwards by `torch.compile`, each at its first call; checks stay outside.

        Weights may be set as before. Copies of the module, and what is loaded from its checkpoints, are not compiled.
        Where compiling fails, a RuntimeWarning says why, once, and the module runs uncompiled. At batch 1 a small
        network is slower compiled than not.

        Args:
            backend: as torch's; "inductor" takes some seconds, and needs a C++ compiler.
            mode: as torch's, for "inductor": "reduce-overhead", "max-autotune" ...
            dynamic: as torch's: True expects batches of many sizes; None, after it has seen two.

        Raises:
            ConfigError: torch knows no such backend or mode.
        """
        settings = CompileSettings(backend, mode, dynamic)
        if self._compiled is None or self._compiled.settings != settings:
            forwards = (self._forward_train, self._forward_exploration, self._forward_inference)
            self._compiled = CompiledForwards(forwards, settings, name=type(self).__name__)

    def _decide(self) -> dict[str, tuple[Check, Check]]:
        self._require_registered()
        layers = [module for module in self.modules() if module is not self]
        self._phase_dependent = any(type(layer) not in _PHASE_FREE for layer in layers)
        if self._phase_dependent and any(layer.training is not self.training for layer in layers):
            self.train(self.training)
        return super()._decide()

    def _require_registered(self) -> None:
        known = {id(item) for item in (*self.modules(), *self.parameters())}
        for name, value in vars(self).items():
            items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
            hidden = [item for item in items if isinstance(item, nn.Module | nn.Parameter) and id(item) not in known]
            if hidden and not name.startswith("_"):
                raise ConfigError(
                    f"{type(self).__name__}.{name} hides a {type(hidden[0]).__name__} in a {type(value).__name__}, "
                    "where torch neither trains nor saves it. Use nn.ModuleList, nn.ModuleDict or nn.ParameterList."
                )

    def _checked(self, phase: str, enter: Enter, forward: Forward, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        if torch.compiler.is_compiling():
            # Within a larger function that its user compiles, a check would cut the graph in two.
            return enter(forward, batch)
        return super()._checked(phase, enter, forward, batch)

    def _learning(self, forward: Forward, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        if not self.training:
            self._enter(training=True)
        return forward(batch) if self._compiled is None else self._compiled.run(forward, batch)

    def _acting(self, forward: Forward, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.training:
            self._enter(training=False)
        with torch.no_grad():
            return forward(batch) if self._compiled is None else self._compiled.run(forward, batch)

    def _enter(self, *, training: bool) -> None:
        if self._phase_dependent:
            self.train(training)
        else:
            # The user's forward may still ask `self.training`; walking the layers would cost as much as they do.
            self.training = training

    def __str__(self) -> str:
        # print(module) shows the layers, as of any nn.Module.
        return nn.Module.__repr__(self)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_compiled": None}
