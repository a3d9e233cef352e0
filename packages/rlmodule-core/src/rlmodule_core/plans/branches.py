"""Several inputs by key, each with a network of its own, and what becomes of them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rlmodule_core.errors import ConfigError
from rlmodule_core.plans.composite import Chain, Children, Composite, indented
from rlmodule_core.plans.native import Latents
from rlmodule_core.plans.record import Dims, Plan


@dataclass(frozen=True)
class Branches(Composite):
    """One network for each key of a mapping: `{key: [..., *dims[i]]}` to the list of their vectors `[..., d_i]`.

    A branch may be `Branches` again, over the mapping under its key; its vectors join the list. Keys of the mapping
    without a branch are left alone. Made by `Branches.of`.

    Attributes:
        keys: of the mapping.
        nets: the network of each key, which yields vectors.
        dims: the shape of one row of each input; `()` for nested branches, which hold their own.
    """

    keys: tuple[str, ...]
    nets: tuple[Plan, ...]
    dims: tuple[Dims, ...]

    @classmethod
    def of(cls, branches: Mapping[str, tuple[Plan, Dims]]) -> Branches:
        """The branches by key, each with the shape of one row of its input."""
        nets, dims = zip(*branches.values(), strict=True) if branches else ((), ())
        return cls(tuple(branches), nets, dims)

    def __post_init__(self) -> None:
        for name in ("keys", "nets", "dims"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not len(self.keys) == len(self.nets) == len(self.dims) or not self.keys:
            raise ConfigError(
                f"Branches needs a network and the shape of its input for each key, and one key at least; got "
                f"{len(self.keys)} keys, {len(self.nets)} networks and {len(self.dims)} shapes."
            )
        if "" in self.keys or len(set(self.keys)) < len(self.keys):
            raise ConfigError(f"The keys of Branches must be different texts, none of them empty; got {self.keys}.")
        for key, net in zip(self.keys, self.nets, strict=True):
            if not isinstance(net, Chain | Branches | Latents):
                raise ConfigError(
                    f"The branch {key!r} must be a Chain or Branches, got {type(net).__name__}. Take the plan inside."
                )

    def children(self) -> dict[str, Plan]:
        return dict(zip(self.keys, self.nets, strict=True))

    def child_dims(self, input_dims: Dims) -> dict[str, Dims]:
        return dict(zip(self.keys, self.dims, strict=True))

    def route(self, children: Children, inputs: Mapping[str, Any]) -> list[Any]:
        vectors: list[Any] = []
        for key in self.keys:
            out = children[key](inputs[key])
            vectors += out if isinstance(out, list) else [out]
        return vectors

    def output_dims(self, input_dims: Dims) -> Dims:
        """The width of all vectors together, whatever `input_dims` says."""
        widths = [net.output_dims(dims) for net, dims in zip(self.nets, self.dims, strict=True)]
        for key, width in zip(self.keys, widths, strict=True):
            if len(width) != 1:
                raise ConfigError(f"The branch {key!r} must yield vectors, got rows of shape {width}. Flatten them.")
        return (sum(width for (width,) in widths),)

    def __repr__(self) -> str:
        return "\n".join(f"{key}:\n{indented(net)}" for key, net in self.children().items())


@dataclass(frozen=True)
class Fusion(Composite):
    """Encodes several inputs by key, joins their vectors and runs one network over them.

    `net` starts with `Concat`, which takes the list that `inputs` yields. The weights of the branches are named
    `inputs.<key>...`, those of `net` `fusion...`.
    """

    inputs: Branches
    net: Chain

    def children(self) -> dict[str, Plan]:
        return {"inputs": self.inputs, "fusion": self.net}

    def child_dims(self, input_dims: Dims) -> dict[str, Dims]:
        return {"inputs": input_dims, "fusion": self.inputs.output_dims(input_dims)}

    def route(self, children: Children, inputs: Mapping[str, Any]) -> Any:
        return children["fusion"](children["inputs"](inputs))

    def output_dims(self, input_dims: Dims) -> Dims:
        return self.net.output_dims(self.inputs.output_dims(input_dims))

    def __repr__(self) -> str:
        return "\n".join(f"{key}:\n{indented(plan)}" for key, plan in self.children().items())
