"""Values in the words of an error message."""

from __future__ import annotations

from types import EllipsisType
from typing import TypeAlias

from rlmodule_core.specs.dtypes import dtype_name

Dims: TypeAlias = "tuple[int | None, ...] | EllipsisType"


def type_name(cls: type) -> str:
    """A class by its public-looking name: 'int', 'numpy.ndarray', 'torch.Tensor'."""
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def dims_of(value: object) -> Dims | None:
    """The sizes of a tensor, or None for a value that has none.

    Inside a traced TensorFlow function a size may be None, and an unknown rank gives an Ellipsis.
    """
    shape = getattr(value, "shape", None)
    if shape is None:
        return None
    try:
        return tuple(shape)
    except ValueError:
        return ...
    except TypeError:
        return None


def describe(value: object) -> str:
    """A value by its type and, for a tensor, its shape and dtype."""
    name = type_name(type(value))
    dims, dtype = dims_of(value), getattr(value, "dtype", None)
    if dims is None or dtype is None:
        return f"a value of type {name}"
    return f"a {name} of shape {dims} and dtype {dtype_name(dtype)}"
