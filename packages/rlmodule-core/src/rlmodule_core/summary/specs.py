"""What forwards take and return, in words."""

from __future__ import annotations

from dataclasses import dataclass

from rlmodule_core.specs import AnyOf, SpecDict, SpecType, TensorSpec, TypeSpec, canonical_spec
from rlmodule_core.specs.spec import Spec
from rlmodule_core.summary.names import dotted


@dataclass(frozen=True)
class ForwardSummary:
    """One forward.

    Attributes:
        takes: each column that it must be given, with its shape and dtype where they are demanded.
        returns: each column that it must return.
    """

    takes: tuple[str, ...]
    returns: tuple[str, ...]


def forward_summary(takes: SpecType, returns: SpecType) -> ForwardSummary:
    """A forward by its two specs."""
    return ForwardSummary(_columns(takes), _columns(returns))


def _columns(spec: SpecType) -> tuple[str, ...]:
    canonical = canonical_spec(spec)
    if isinstance(canonical, SpecDict):
        columns = tuple(f"{dotted(path)} {_leaf(leaf)}".rstrip() for path, leaf in canonical.items())
        return columns if columns else ("any mapping",)
    return ("anything" if canonical is None else _leaf(canonical),)


def _leaf(spec: Spec | None) -> str:
    # Without the framework, which is the module's.
    if spec is None:
        return ""
    if isinstance(spec, TensorSpec):
        return f"[{', '.join(map(str, spec.shape))}]{'' if spec.dtype is None else f' {spec.dtype}'}"
    if isinstance(spec, TypeSpec):
        return " or ".join(member.__name__ for member in spec.types)
    if isinstance(spec, AnyOf):
        return " or ".join(map(dotted, spec.keys))
    return repr(spec)
