"""Nested Gymnasium spaces: their parts and leaves, and how their values lie inside."""

from __future__ import annotations

from rlmodule_core.spaces.fitting import batch_misfit, illegal_leaf, legal_numbers, misfit
from rlmodule_core.spaces.masks import mask_space, without_mask
from rlmodule_core.spaces.nested import (
    from_mappings,
    holds_keys,
    is_nested,
    leaf_spaces,
    leaves_of,
    map_leaves,
    named_leaves,
    parts_of,
    path_leaves,
    row_of,
    show_leaf,
    sub_spaces,
    to_mappings,
    with_leaves,
)
from rlmodule_core.spaces.parts import inside_part, named_parts

__all__ = [
    "batch_misfit",
    "from_mappings",
    "holds_keys",
    "illegal_leaf",
    "inside_part",
    "is_nested",
    "leaf_spaces",
    "leaves_of",
    "legal_numbers",
    "map_leaves",
    "mask_space",
    "misfit",
    "named_leaves",
    "named_parts",
    "parts_of",
    "path_leaves",
    "row_of",
    "show_leaf",
    "sub_spaces",
    "to_mappings",
    "with_leaves",
    "without_mask",
]
