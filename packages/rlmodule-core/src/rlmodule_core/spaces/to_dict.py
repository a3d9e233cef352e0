"""A Gymnasium space as a JSON-able dict, one short function per space."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from rlmodule_core.errors import UnsupportedSpaceError
from rlmodule_core.spaces.arrays import DTYPES, encode_array


@singledispatch
def space_to_dict(space: Space[Any]) -> dict[str, Any]:
    """Describe the space so that `space_from_dict` rebuilds it exactly; the result is strict JSON.

    A subclass is described as the Gymnasium space that it derives from.

    Raises:
        UnsupportedSpaceError: the space, or one nested in it, has no description.
    """
    raise UnsupportedSpaceError(
        f"Expected a space of Box, Dict, Discrete, MultiBinary, MultiDiscrete, Text or Tuple, got {space!r}. "
        "No other space can be saved: wrap the environment so that it offers one of these."
    )


@space_to_dict.register
def _box(space: spaces.Box) -> dict[str, Any]:
    described = {
        "type": "Box",
        "shape": list(space.shape),
        "dtype": _dtype_name(space),
        "low": encode_array(space.low),
        "high": encode_array(space.high),
    }
    # An unbounded integer box holds the limits of its dtype; only these masks know that it is unbounded.
    if not np.array_equal(space.bounded_below, space.low > -np.inf):
        described["bounded_below"] = encode_array(space.bounded_below)
    if not np.array_equal(space.bounded_above, space.high < np.inf):
        described["bounded_above"] = encode_array(space.bounded_above)
    return described


@space_to_dict.register
def _discrete(space: spaces.Discrete) -> dict[str, Any]:
    return {"type": "Discrete", "n": int(space.n), "start": int(space.start), "dtype": _dtype_name(space)}


@space_to_dict.register
def _multi_discrete(space: spaces.MultiDiscrete) -> dict[str, Any]:
    return {
        "type": "MultiDiscrete",
        "shape": list(space.shape),
        "nvec": space.nvec.ravel().tolist(),
        "start": space.start.ravel().tolist(),
        "dtype": _dtype_name(space),
    }


@space_to_dict.register
def _multi_binary(space: spaces.MultiBinary) -> dict[str, Any]:
    return {"type": "MultiBinary", "n": space.n if isinstance(space.n, int) else list(space.n)}


@space_to_dict.register
def _text(space: spaces.Text) -> dict[str, Any]:
    return {
        "type": "Text",
        "min_length": space.min_length,
        "max_length": space.max_length,
        "charset": "".join(space.character_list),
    }


@space_to_dict.register(spaces.Tuple)
def _tuple(space: spaces.Tuple[Any]) -> dict[str, Any]:
    return {"type": "Tuple", "spaces": [space_to_dict(each) for each in space.spaces]}


@space_to_dict.register
def _dict(space: spaces.Dict) -> dict[str, Any]:
    for key in space.spaces:
        if type(key) not in (str, int):
            raise UnsupportedSpaceError(
                f"Expected str or int keys in a Dict space, got {key!r} in {space!r}. Rename the key to save the space."
            )
    described: dict[str, Any] = {
        "type": "Dict",
        # Pairs, because the order of the keys is part of the space and JSON objects have none.
        "spaces": [[key, space_to_dict(each)] for key, each in space.spaces.items()],
    }
    # Older Gymnasium versions do not have the flag; they sort.
    if not vars(space).get("sort_keys", True):
        described["sort_keys"] = False
    return described


def _dtype_name(space: Space[Any]) -> str:
    dtype = np.dtype(space.dtype)
    if dtype.name not in DTYPES or not dtype.isnative:
        raise UnsupportedSpaceError(
            f"Expected a dtype of {', '.join(sorted(DTYPES))} in native byte order, "
            f"got {dtype!r} in {space!r}. "
            "Give the space one of these dtypes to save it."
        )
    return dtype.name
