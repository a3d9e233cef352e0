"""An elementwise nonlinearity, by name."""

from __future__ import annotations

from dataclasses import dataclass

from rlmodule_core.errors import ConfigError, nearest
from rlmodule_core.plans.record import Dims, Record

ACTIVATIONS = ("relu", "tanh", "elu", "silu", "sigmoid", "softplus")
"""The names that every backend knows; "linear" stands for no activation, "swish" for "silu"."""


@dataclass(frozen=True, repr=False)
class Activation(Record):
    """Apply the nonlinearity `name` to each element."""

    name: str

    def __post_init__(self) -> None:
        if self.name not in ACTIVATIONS:
            raise ConfigError(
                f"Activation.name must be one of {', '.join(ACTIVATIONS)}, got {self.name!r}."
                f"{nearest(str(self.name), ACTIVATIONS)}"
            )

    def output_dims(self, input_dims: Dims) -> Dims:
        return input_dims


def activation_records(name: str | None) -> tuple[Activation, ...]:
    """The records for an activation setting: none for None and "linear"."""
    if name is None or name == "linear":
        return ()
    return (Activation("silu" if name == "swish" else name),)
