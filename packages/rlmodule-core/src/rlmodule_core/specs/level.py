"""The quick test of one mapping inside the data, and of those below it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeAlias, TypeGuard

from rlmodule_core.specs.paths import MISSING, Path
from rlmodule_core.specs.spec import Spec
from rlmodule_core.specs.tensor_spec import TensorSpec
from rlmodule_core.specs.type_spec import TypeSpec

Seen: TypeAlias = set[tuple[type, object]]
"""Class and dtype of the tensors that passed full validation; the sizes are compared every time."""

Leaf: TypeAlias = tuple[Path, "Spec | None", Seen]
Accepts: TypeAlias = Callable[[object], bool]
_TensorTest: TypeAlias = tuple[str, int, Callable[[Any], Any], object, Seen]


def compile_level(leaves: Sequence[Leaf]) -> Accepts:
    """A function of a mapping: True if it fits for certain, False where full validation must decide."""
    here = [(path[0], leaf, seen) for path, leaf, seen in leaves if len(path) == 1]
    tensors = [_tensor_test(key, leaf, seen) for key, leaf, seen in here if isinstance(leaf, TensorSpec)]
    present = [key for key, leaf, _ in here if not isinstance(leaf, TensorSpec)]
    typed = [(key, leaf.types) for key, leaf, _ in here if isinstance(leaf, TypeSpec)]
    others = [(key, leaf) for key, leaf, _ in here if _is_other(leaf)]
    below = [(key, compile_level(inner)) for key, inner in _by_first_key(leaves).items()]

    def accepts(data: object) -> bool:
        if type(data) is not dict and not isinstance(data, Mapping):
            return False
        # `get` and not `[]`: looking must not make a defaultdict grow.
        get = data.get
        try:
            for key in present:
                if key not in data:
                    return False
            for key, rank, pick, sizes, seen in tensors:
                tensor = get(key, MISSING)
                shape = tensor.shape
                if len(shape) != rank or pick(shape) != sizes or (type(tensor), tensor.dtype) not in seen:
                    return False
            for key, types in typed:
                if not isinstance(get(key), types):
                    return False
            for key, leaf in others:
                leaf.validate(get(key))
            for key, level in below:
                if not level(get(key)):
                    return False
        except (AttributeError, TypeError, ValueError):
            return False
        return True

    return accepts


def _tensor_test(key: str, spec: TensorSpec, seen: Seen) -> _TensorTest:
    fixed = [axis for axis, dim in enumerate(spec.shape) if isinstance(dim, int)]
    rank = len(spec.shape)
    if not fixed:
        # Nothing is left to compare but the rank, which is true by then.
        return key, rank, len, rank, seen
    pick = itemgetter(*fixed)
    return key, rank, pick, pick(spec.shape), seen


def _is_other(leaf: Spec | None) -> TypeGuard[Spec]:
    return leaf is not None and not isinstance(leaf, TensorSpec | TypeSpec)


def _by_first_key(leaves: Sequence[Leaf]) -> dict[str, list[Leaf]]:
    groups: dict[str, list[Leaf]] = {}
    for path, leaf, seen in leaves:
        if len(path) > 1:
            groups.setdefault(path[0], []).append((path[1:], leaf, seen))
    return groups
