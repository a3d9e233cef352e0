from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlmodule_core.errors import ConfigError, SpecCheckingError
from rlmodule_core.specs import TensorSpec

DIMS = st.lists(st.one_of(st.none(), st.integers(1, 9)), max_size=6)


def spec_of(sizes: list[int | None], prefix: str = "d", **options: Any) -> TensorSpec:
    names = [f"{prefix}{axis}" for axis in range(len(sizes))]
    fixed = {name: size for name, size in zip(names, sizes, strict=True) if size is not None}
    return TensorSpec(", ".join(names), **options, **fixed)


def shown(sizes: list[int | None], prefix: str = "d") -> tuple[int | str, ...]:
    return tuple(f"{prefix}{axis}" if size is None else size for axis, size in enumerate(sizes))


@given(DIMS)
def test_the_shape_mixes_sizes_and_free_names(sizes: list[int | None]) -> None:
    spec = spec_of(sizes)
    assert spec.shape == shown(sizes)
    assert spec.full_shape == tuple(1 if size is None else size for size in sizes)


@given(DIMS, DIMS)
def test_append_joins_the_shapes_and_rdrop_takes_them_apart_again(
    left: list[int | None], right: list[int | None]
) -> None:
    spec = spec_of(left, dtype="int64", framework="np")
    joined = spec.append(spec_of(right, "e"))
    assert joined.shape == shown(left) + shown(right, "e")
    assert joined.full_shape == spec.full_shape + spec_of(right).full_shape
    assert joined.rdrop(len(right)) == spec


@given(DIMS)
def test_rdrop_of_nothing_changes_nothing_and_of_everything_leaves_a_scalar(sizes: list[int | None]) -> None:
    spec = spec_of(sizes, dtype="float32")
    assert spec.rdrop(0) == spec
    assert spec.rdrop(len(sizes)) == TensorSpec("", dtype="float32")


@given(DIMS, st.integers(1, 5))
def test_a_filled_tensor_fits_the_spec_that_filled_it(sizes: list[int | None], value: int) -> None:
    spec = spec_of(sizes, dtype="float64", framework="np")
    tensor = spec.fill(value)
    spec.validate(tensor)
    assert tensor.shape == spec.full_shape
    assert (tensor == value).all()


@pytest.mark.parametrize("n", [-1, 3])
def test_rdrop_refuses_more_dimensions_than_there_are(n: int) -> None:
    with pytest.raises(ConfigError, match=f"between 0 and 2 dimensions, got {n}"):
        TensorSpec("b, h").rdrop(n)


def test_append_refuses_a_free_name_that_is_there_already() -> None:
    with pytest.raises(ConfigError, match="'b'"):
        TensorSpec("b, h").append(TensorSpec("b, w"))


def test_blanks_around_names_do_not_matter() -> None:
    assert TensorSpec(" b,h ", h=2) == TensorSpec("b, h", h=2)


def test_a_size_may_be_any_kind_of_integer() -> None:
    assert TensorSpec("b, h", h=np.prod((2, 3))).shape == ("b", 6)


@pytest.mark.parametrize(
    ("shape", "sizes", "parts"),
    [
        ("b, h, b", {}, ["'b, h, b'", "'b'"]),
        ("b, h", {"w": 3}, ["'b, h'", "'w'"]),
        ("b, h", {"h": "3"}, ["'b, h'", "'h'", "'3'", "str"]),
        ("b, h", {"h": 2.0}, ["'h'", "2.0", "float"]),
        ("b, h", {"h": True}, ["'h'", "True", "bool"]),
        ("b, h", {"h": 0}, ["'b, h'", "'h'", "0"]),
        ("b, h", {"h": -4}, ["'h'", "-4"]),
        ("b,, h", {}, ["'b,, h'", "''"]),
        ("b, 10", {}, ["'10'", "h=10"]),
    ],
)
def test_an_illegal_shape_is_refused_with_what_was_found(shape: str, sizes: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        TensorSpec(shape, **sizes)
    assert all(part in str(caught.value) for part in parts)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("framework", ["jax", "tensorflow", ""])
def test_an_unknown_framework_is_refused(framework: str) -> None:
    with pytest.raises(ConfigError, match=rf"'torch', 'tf2', 'numpy', 'np'.*{framework!r}"):
        TensorSpec("b", framework=framework)


@pytest.mark.parametrize("dtype", [3, str, object()])
def test_something_that_is_no_dtype_is_refused(dtype: object) -> None:
    with pytest.raises(ConfigError, match="dtype"):
        TensorSpec("b", dtype=dtype)


def test_a_dtype_is_compared_by_name_however_it_is_given() -> None:
    specs = {TensorSpec("b", dtype=dtype) for dtype in ("float32", np.float32, np.dtype("float32"))}
    assert len(specs) == 1
    assert specs.pop().dtype == "float32"


def test_a_torch_dtype_is_compared_by_name() -> None:
    torch = pytest.importorskip("torch")
    assert TensorSpec("b", dtype=torch.float32) == TensorSpec("b", dtype="float32")
    spec = TensorSpec("b, h", h=2, dtype=torch.bfloat16)
    spec.validate(torch.zeros(3, 2, dtype=torch.bfloat16))
    with pytest.raises(SpecCheckingError, match=r"dtype bfloat16, got a torch\.Tensor .* float32"):
        spec.validate(torch.zeros(3, 2))


def test_the_torch_framework_takes_torch_tensors_only() -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("rlmodule_torch")
    spec = TensorSpec("b, h", h=2, dtype="float32", framework="torch")
    assert spec.type is torch.Tensor
    spec.validate(torch.nn.Parameter(torch.zeros(3, 2)))
    spec.validate(spec.fill(1))
    with pytest.raises(SpecCheckingError, match=r"a torch\.Tensor of .* got a numpy\.ndarray"):
        spec.validate(np.zeros((3, 2), np.float32))


def test_equal_parts_make_equal_specs_and_any_other_part_a_different_one() -> None:
    spec = TensorSpec("b, h", h=4, dtype="float32", framework="np")
    assert spec == TensorSpec("b, h", h=4, dtype=np.float32, framework="numpy")
    others = [
        TensorSpec("b, h", h=5, dtype="float32", framework="np"),
        TensorSpec("b, h", dtype="float32", framework="np"),
        TensorSpec("b, h", h=4, dtype="float64", framework="np"),
        TensorSpec("b, h", h=4, dtype="float32", framework="torch"),
        TensorSpec("b, h", h=4, dtype="float32"),
    ]
    assert len({spec, *others}) == 6


def test_a_spec_is_immutable_and_survives_copies_and_pickle() -> None:
    spec = TensorSpec("b, h", h=4, dtype="float32")
    with pytest.raises(AttributeError):
        spec.dtype = "int64"  # type: ignore[misc]
    assert copy.deepcopy(spec) == pickle.loads(pickle.dumps(spec)) == spec


def test_the_repr_shows_shape_dtype_and_framework() -> None:
    text = repr(TensorSpec("b, h", h=4, dtype="float32", framework="torch"))
    assert all(part in text for part in ("'b'", "4", "'float32'", "'torch'"))


def test_the_type_is_the_array_class_of_the_framework() -> None:
    assert TensorSpec("b", framework="np").type is np.ndarray
    assert TensorSpec("b").type is object


def test_fill_without_a_framework_says_which_there_are() -> None:
    with pytest.raises(ConfigError, match=r"framework.*'torch'"):
        TensorSpec("b").fill()


@pytest.mark.parametrize("batch", [0, 1, 7])
def test_a_free_dimension_takes_any_size(batch: int) -> None:
    TensorSpec("b, h", h=3, framework="np").validate(np.zeros((batch, 3)))


@pytest.mark.parametrize(
    ("value", "got"),
    [
        (np.zeros((2, 4), np.float32), r"numpy\.ndarray of shape \(2, 4\) and dtype float32"),
        (np.zeros((2, 3, 1), np.float32), r"shape \(2, 3, 1\)"),
        (np.zeros(2, np.float32), r"shape \(2,\)"),
        (np.zeros((2, 3)), "dtype float64"),
        ([[0.0] * 3], "a value of type list"),
        (None, "a value of type NoneType"),
        (np.float32(1), r"numpy\.float32"),
    ],
)
def test_what_does_not_fit_is_described_beside_what_was_expected(value: object, got: str) -> None:
    with pytest.raises(
        SpecCheckingError, match=rf"expected a numpy\.ndarray of shape \('b', 3\) and dtype float32, got .*{got}"
    ):
        TensorSpec("b, h", h=3, dtype="float32", framework="np").validate(value)


class Foreign:
    """A tensor of no framework that we know."""

    def __init__(self, shape: object, dtype: object = "float32") -> None:
        self.shape, self.dtype = shape, dtype


class UnknownRank:
    def __iter__(self) -> Any:
        raise ValueError("unknown rank")


def test_without_a_framework_anything_with_shape_and_dtype_is_a_tensor() -> None:
    TensorSpec("b, h", h=3, dtype="float32").validate(Foreign((5, 3)))
    for value in (Foreign((5, 3), None), Foreign(None), Foreign(len), 3):
        with pytest.raises(SpecCheckingError):
            TensorSpec("b, h", h=3).validate(value)


def test_sizes_that_are_unknown_while_a_function_is_traced_fit() -> None:
    spec = TensorSpec("b, h", h=3, dtype="float32")
    spec.validate(Foreign((None, None)))
    spec.validate(Foreign(UnknownRank()))
    with pytest.raises(SpecCheckingError, match="float64"):
        spec.validate(Foreign(UnknownRank(), "float64"))
