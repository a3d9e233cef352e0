"""Compiled forwards, which run uncompiled where compiling fails."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from rlmodule_core import ConfigError, nearest

Forward = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True)
class CompileSettings:
    """The arguments of `torch.compile` that a module takes, under the same names."""

    backend: str | Callable[..., Any] = "inductor"
    mode: str | None = None
    dynamic: bool | None = None

    def __post_init__(self) -> None:
        if not callable(self.backend):
            _require_known("backend", self.backend, torch.compiler.list_backends(()))
        if self.mode is None:
            return
        if self.backend != "inductor":
            raise ConfigError(f"compile(mode=...) is for the backend 'inductor' alone, got {self.backend!r}. Omit it.")
        _require_known("mode", self.mode, list(torch._inductor.list_mode_options()))


class CompiledForwards:
    """The forwards of one module by what they are compiled from; none any more once compiling one has failed.

    Args:
        forwards: the module's underscore forwards. Torch compiles each at its first call.
        settings: how to compile.
        name: the module, for the warning.
    """

    def __init__(self, forwards: Sequence[Forward], settings: CompileSettings, *, name: str) -> None:
        self.settings = settings
        self._name = name
        self._compiled: dict[Forward, Forward] = {}
        try:
            for forward in forwards:
                self._compiled[forward] = torch.compile(
                    forward, backend=settings.backend, mode=settings.mode, dynamic=settings.dynamic
                )
        except RuntimeError as error:
            self._give_up(error)

    def run(self, forward: Forward, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run the forward as it is compiled; one that was replaced since runs as it is."""
        compiled = self._compiled.get(forward)
        if compiled is None:
            return forward(batch)
        try:
            return compiled(batch)
        # By its full path, because torch loads its compiler, which takes a second, when that is first named.
        except torch._dynamo.exc.TorchDynamoException as error:
            # Where the forward itself is at fault, it raises its own error here.
            output = forward(batch)
            self._give_up(error)
            return output

    def _give_up(self, error: Exception) -> None:
        self._compiled.clear()
        # What follows an empty line is torch's advice on how to report its bugs.
        reason = " ".join(str(error).partition("\n\n")[0].split())
        warnings.warn(
            f"{self._name} runs uncompiled from here on, because torch.compile failed: {reason} (The backend "
            "'inductor' needs a C++ compiler: install g++ or clang. Without compile() there is no such warning.)",
            RuntimeWarning,
            stacklevel=2,
        )


def _require_known(option: str, value: object, known: Sequence[str]) -> None:
    if value not in known:
        raise ConfigError(
            f"compile({option}=...) must be one of {', '.join(known)}; got {value!r}.{nearest(str(value), known)}"
        )
