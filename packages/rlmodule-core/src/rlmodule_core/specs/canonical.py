"""One form for whatever a spec method returns."""

from __future__ import annotations

from rlmodule_core.specs.spec import Spec, SpecType
from rlmodule_core.specs.spec_dict import SpecDict
from rlmodule_core.specs.type_spec import TypeSpec, is_tuple_of_types


def canonical_spec(spec: SpecType) -> SpecDict | Spec | None:
    """The canonical form of a user's spec: None or a Spec as they are, types as a TypeSpec, else a SpecDict.

    An empty list or mapping becomes an empty SpecDict, which asks only for a mapping.

    Raises:
        ConfigError: the spec or one of its leaves is illegal; it names the key path.
    """
    if spec is None or isinstance(spec, Spec):
        return spec
    if isinstance(spec, type) or is_tuple_of_types(spec):
        return TypeSpec(spec)
    return SpecDict(spec)
