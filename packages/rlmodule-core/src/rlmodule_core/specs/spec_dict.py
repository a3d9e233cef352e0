"""What the values under the keys of a nested mapping must be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, final

from rlmodule_core.errors import ConfigError, SpecCheckingError
from rlmodule_core.specs.describe import describe
from rlmodule_core.specs.paths import (
    MISSING,
    Key,
    Path,
    as_path,
    leaf_paths,
    look_up,
    show_keys,
    show_path,
)
from rlmodule_core.specs.spec import Spec, SpecType
from rlmodule_core.specs.type_spec import TypeSpec, is_tuple_of_types

_LEGAL: Final = (
    "a list of keys, a mapping (its leaves: None, a TensorSpec or another Spec, a type, a tuple of types, "
    "a list of keys, or a mapping again)"
)


@final
class SpecDict(Spec, Mapping[Path, "Spec | None"]):
    """Demand a mapping with these keys, and under each a value that fits its leaf.

    Built from a list of keys (a tuple is a path: `[("obs", "global"), "action_mask"]`) or a nested mapping.
    It is itself a flat, immutable mapping from paths to leaves; the leaf None asks only for the key.

    Raises:
        ConfigError: a key or a leaf is illegal, or one path has two different leaves; it names the path.
    """

    def __init__(self, keys: SpecType = ()) -> None:
        if isinstance(keys, str) or not isinstance(keys, (Mapping, Sequence)):
            raise ConfigError(f"A SpecDict is built from a list of keys or a mapping, got {keys!r}.")
        self._leaves: dict[Path, Spec | None] = {}
        for path, leaf in _flatten(keys, ()):
            if path in self._leaves and self._leaves[path] != leaf:
                raise ConfigError(f"The spec says two things about {show_path(path)}: {self._leaves[path]} and {leaf}.")
            self._leaves[path] = leaf

    def __getitem__(self, key: Key) -> Spec | None:
        """The leaf at a path; a string is a path of one key."""
        return self._leaves[key if isinstance(key, tuple) else (key,)]

    def __iter__(self) -> Iterator[Path]:
        return iter(self._leaves)

    def __len__(self) -> int:
        return len(self._leaves)

    def __hash__(self) -> int:
        return hash(frozenset(self._leaves.items()))

    def __repr__(self) -> str:
        leaves = ", ".join(f"{show_path(path)}: {leaf}" for path, leaf in self._leaves.items())
        return f"SpecDict({{{leaves}}})"

    def validate(self, value: object, *, exact_match: bool = False) -> None:
        """Return if every key is in the mapping `value` and what is under it fits.

        With `exact_match` a leaf of the data that no key of the spec covers is an error too.

        Raises:
            SpecCheckingError: with the key's full path, what was expected and got, and the keys there.
        """
        if not isinstance(value, Mapping):
            keys = ", ".join(show_path(path) for path in self)
            raise SpecCheckingError(f"expected a mapping with the keys [{keys}], got {describe(value)}.")
        for path, leaf in self._leaves.items():
            _validate_leaf(value, path, leaf)
        if exact_match:
            self._refuse_others(value)

    def _refuse_others(self, data: Mapping[str, object]) -> None:
        others = [path for path in leaf_paths(data) if not self._covers(path)]
        if others:
            raise SpecCheckingError(
                f"expected no keys but those of the spec, got also {', '.join(map(show_path, others))}. "
                f"Keys that were there: {show_keys(data)}."
            )

    def _covers(self, path: Path) -> bool:
        return any(path[:length] in self._leaves for length in range(1, len(path) + 1))


def _validate_leaf(data: Mapping[str, object], path: Path, leaf: Spec | None) -> None:
    found = look_up(data, path)
    if found is MISSING:
        raise SpecCheckingError(
            f"expected the key {show_path(path)}, which is missing. Keys that were there: {show_keys(data)}."
        )
    if leaf is None:
        return
    try:
        leaf.validate(found)
    except SpecCheckingError as error:
        raise SpecCheckingError(f"at key {show_path(path)} {error} Keys that were there: {show_keys(data)}.") from None


def _flatten(spec: object, at: Path) -> Iterator[tuple[Path, Spec | None]]:
    """Every path of `spec` below `at`, with its leaf in canonical form."""
    if at and (spec is None or (isinstance(spec, Spec) and not isinstance(spec, SpecDict))):
        yield at, spec
    elif at and (isinstance(spec, type) or is_tuple_of_types(spec)):
        yield at, TypeSpec(spec)
    elif isinstance(spec, str) or not isinstance(spec, (Mapping, Sequence)):
        raise ConfigError(f"The spec of {show_path(at)} must be {_LEGAL}; got {spec!r}.")
    elif at and not spec:
        yield at, None
    elif isinstance(spec, Mapping):
        for key, leaf in spec.items():
            yield from _flatten(leaf, at + as_path(key))
    else:
        for key in spec:
            yield at + as_path(key), None
