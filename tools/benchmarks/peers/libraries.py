"""Which libraries there are to compare, and which of them are installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from peers.trainer import Trainer


@dataclass(frozen=True)
class Library:
    """A way to train, imported when it is made.

    Attributes:
        package: what must be installed.
        module: where it is, in this folder.
        factory: the trainer's class there, or a function that makes one.
        options: the arguments of that, beside the seed.
    """

    package: str
    module: str
    factory: str
    options: Mapping[str, Any]

    @property
    def installed(self) -> bool:
        """Whether it can be made here."""
        return find_spec(self.package) is not None

    def make(self, seed: int) -> Trainer:
        """A trainer with fresh weights."""
        factory: Callable[..., Trainer] = getattr(import_module(f"peers.{self.module}"), self.factory)
        return factory(seed, **self.options)


OURS = "rlmodule, native"
OURS_PLAIN = "rlmodule, plain"
SB3 = "stable-baselines3"
SINGLE_FILE = "single-file loop"

LIBRARIES: Mapping[str, Library] = {
    OURS: Library("rlmodule_algorithms", "ours", "on_standard", {"native": True}),
    OURS_PLAIN: Library("rlmodule_algorithms", "ours", "on_standard", {"native": False}),
    SB3: Library("stable_baselines3", "sb3", "on_standard", {}),
    "skrl, native": Library("skrl", "skrl_ppo", "SkrlTrainer", {"native": True}),
    "skrl, plain": Library("skrl", "skrl_ppo", "SkrlTrainer", {"native": False}),
    SINGLE_FILE: Library("torch", "single_file", "SingleFileTrainer", {}),
}
"""By the name in the tables: "native" steps CartPole's own vector environment, all others eight single ones."""
