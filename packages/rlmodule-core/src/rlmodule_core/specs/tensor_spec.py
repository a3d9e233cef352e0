"""The shape, dtype and framework that a tensor must have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import index
from typing import Any, Final, TypeAlias, final

from rlmodule_core.backend import Backend, get_backend
from rlmodule_core.errors import ConfigError, SpecCheckingError
from rlmodule_core.specs.describe import describe, dims_of, type_name
from rlmodule_core.specs.dtypes import dtype_name
from rlmodule_core.specs.spec import Spec

Dim: TypeAlias = "int | str"

_FRAMEWORKS: Final[Mapping[object, str | None]] = {
    "torch": "torch",
    "tf2": "tf2",
    "numpy": "numpy",
    "np": "numpy",
    None: None,
}


@final
@dataclass(frozen=True, init=False)
class TensorSpec(Spec):
    """Demand a tensor of this shape, and of this dtype and framework where they are given.

    `TensorSpec("b, h", h=10, framework="torch", dtype="float32")` takes float32 torch tensors `[B, 10]`. A
    name without a value may have any size, and equal names are not tied across tensors; "" is a scalar.
    The dtype is a name or the framework's own object; it is compared by name. Without a framework anything
    with `.shape` and `.dtype` is a tensor. Specs are values: equal parts make equal specs.

    Raises:
        ConfigError: a dimension is repeated, not a name, or unknown; a size is not a positive int; the
            dtype or the framework is not one.
    """

    shape: tuple[Dim, ...]
    """The sizes that are fixed, and the names of those left free."""
    dtype: str | None
    framework: str | None

    def __init__(self, shape: str, *, dtype: object = None, framework: str | None = None, **shape_vals: int) -> None:
        object.__setattr__(self, "shape", _parse(shape, shape_vals))
        object.__setattr__(self, "dtype", None if dtype is None else _checked_dtype_name(dtype))
        object.__setattr__(self, "framework", _checked_framework(framework))

    @property
    def full_shape(self) -> tuple[int, ...]:
        """The shape with size 1 for every free dimension."""
        return tuple(1 if isinstance(dim, str) else dim for dim in self.shape)

    @property
    def type(self) -> type[Any]:
        """The tensor class of the framework; `object` without one."""
        backend = self._backend()
        return object if backend is None else backend.ops.tensor_type

    def validate(self, value: object) -> None:
        """Return if `value` has the class, rank, fixed sizes and dtype of this spec.

        Raises:
            SpecCheckingError: with the tensor that was expected and the value that came.
        """
        if not (isinstance(value, self.type) and self._dims_fit(value) and self._dtype_fits(value)):
            raise SpecCheckingError(f"expected {self._expected()}, got {describe(value)}.")

    def fill(self, fill_value: float = 0) -> Any:
        """A tensor of `full_shape` that holds `fill_value` everywhere; float32 where no dtype is given.

        Raises:
            ConfigError: the spec has no framework.
        """
        backend = self._backend()
        if backend is None:
            raise ConfigError(f"{self} has no framework, so it cannot be filled. Give it one of {_legal_frameworks()}.")
        dtype = "float32" if self.dtype is None else self.dtype
        return backend.ops.full(self.full_shape, fill_value, dtype)

    def append(self, spec: TensorSpec) -> TensorSpec:
        """This spec with the dimensions of `spec` behind its own; dtype and framework stay.

        Raises:
            ConfigError: a free dimension of one is named as one of the other.
        """
        _refuse_repeats([*self.shape, *spec.shape])
        return self._with_shape((*self.shape, *spec.shape))

    def rdrop(self, n: int) -> TensorSpec:
        """This spec without its `n` rightmost dimensions.

        Raises:
            ConfigError: `n` is negative or larger than the rank.
        """
        rank = len(self.shape)
        if not 0 <= n <= rank:
            raise ConfigError(f"rdrop of {self} takes between 0 and {rank} dimensions, got {n}.")
        return self._with_shape(self.shape[: rank - n])

    def _with_shape(self, shape: tuple[Dim, ...]) -> TensorSpec:
        spec = TensorSpec("", dtype=self.dtype, framework=self.framework)
        object.__setattr__(spec, "shape", shape)
        return spec

    def _backend(self) -> Backend | None:
        if self.framework is None:
            return None
        return get_backend(self.framework)

    def _dims_fit(self, value: object) -> bool:
        dims = dims_of(value)
        if dims is None or (isinstance(dims, tuple) and len(dims) != len(self.shape)):
            return False
        # Sizes and ranks that are unknown while TensorFlow traces are given the benefit of the doubt.
        return dims is ... or all(
            isinstance(want, str) or got is None or got == want for want, got in zip(self.shape, dims, strict=True)
        )

    def _dtype_fits(self, value: object) -> bool:
        dtype = getattr(value, "dtype", None)
        if dtype is None or self.dtype is None:
            return dtype is not None
        backend = self._backend()
        name = dtype_name(dtype) if backend is None else backend.ops.dtype_name(value)
        return name == self.dtype

    def _expected(self) -> str:
        name = "tensor" if self.framework is None else type_name(self.type)
        dtype = "" if self.dtype is None else f" and dtype {self.dtype}"
        return f"a {name} of shape {self.shape}{dtype}"


def _parse(shape: str, sizes: Mapping[str, int]) -> tuple[Dim, ...]:
    names = [name.strip() for name in shape.split(",")] if shape.strip() else []
    for name in names:
        if not name.isidentifier():
            raise ConfigError(
                f"A dimension in shape {shape!r} must be a name, got {name!r}. "
                "Give its size by name: TensorSpec('b, h', h=10)."
            )
    _refuse_repeats(names)
    unknown = [name for name in sizes if name not in names]
    if unknown:
        raise ConfigError(f"A size is given for {unknown}, but shape {shape!r} has only {names}.")
    return tuple(_size(name, sizes[name], shape) if name in sizes else name for name in names)


def _size(name: str, size: object, shape: str) -> int:
    try:
        # bool is an int to Python, and never a size.
        number = 0 if isinstance(size, bool) else index(size)  # type: ignore[arg-type]
    except TypeError:
        number = 0
    if number <= 0:
        raise ConfigError(
            f"Dimension {name!r} of shape {shape!r} must be a positive int, "
            f"got {size!r} of type {type_name(type(size))}."
        )
    return number


def _refuse_repeats(dims: Sequence[Dim]) -> None:
    names = [dim for dim in dims if isinstance(dim, str)]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ConfigError(f"The dimensions of shape {', '.join(map(str, dims))!r} repeat {repeated}.")


def _checked_dtype_name(dtype: object) -> str:
    name = dtype_name(dtype)
    if not name.isidentifier():
        raise ConfigError(f"A dtype must be a name like 'float32' or a framework's own dtype, got {dtype!r}.")
    return name


def _checked_framework(framework: str | None) -> str | None:
    if framework not in _FRAMEWORKS:
        raise ConfigError(f"A framework must be one of {_legal_frameworks()} or None, got {framework!r}.")
    return _FRAMEWORKS[framework]


def _legal_frameworks() -> list[str]:
    return [name for name in _FRAMEWORKS if isinstance(name, str)]
