from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlmodule_core import ConfigError, get_backend
from rlmodule_core.numpy_backend import conv2d as lowered
from rlmodule_core.numpy_backend.layers import apply_of
from rlmodule_core.plans import Chain, Conv2D, Flatten, LayerNorm, MultiOneHot, Scale, Transpose, multiply_adds
from rlmodule_core.plans.records.conv2d import same_padding
from rlmodule_core.testing.reference import apply_record

_SIDES = st.integers(1, 9)


@given(st.integers(1, 300), st.integers(1, 30), st.integers(1, 20))
def test_same_padding_gives_one_output_for_each_stride(side: int, kernel: int, stride: int):
    before, behind = same_padding(side, kernel, stride)
    assert (side + before + behind - kernel) // stride + 1 == math.ceil(side / stride)
    assert 0 <= behind - before <= 1
    if behind:
        # Not one zero too many.
        assert (side + before + behind - 1 - kernel) // stride + 1 < math.ceil(side / stride)


@st.composite
def _convolutions(draw: st.DrawFn) -> tuple[Conv2D, tuple[int, ...]]:
    height, width, inputs, outputs = draw(_SIDES), draw(_SIDES), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    # More kernels than patches, as where a kernel is as large as the image, are computed in another order.
    outputs *= draw(st.sampled_from([1, 50]))
    padding = draw(st.tuples(*[st.integers(0, 2)] * 4))
    kernel = draw(st.integers(1, height + padding[0] + padding[1])), draw(st.integers(1, width + sum(padding[2:])))
    stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    return Conv2D(inputs, outputs, kernel, stride, padding, draw(st.booleans())), (height, width, inputs)


@given(_convolutions(), st.integers(0, 2**32), st.sampled_from([1, 2**24]))
@settings(max_examples=80, deadline=None)
def test_a_convolution_is_what_its_formula_says(case: tuple[Conv2D, tuple[int, ...]], seed: int, most: int):
    record, row = case
    rng = np.random.default_rng(seed)
    weights = {leaf: rng.normal(size=shape) for leaf, shape in record.weight_shapes().items()}
    x = rng.normal(size=(2, 3, *row))
    before, lowered._MOST_NUMBERS = lowered._MOST_NUMBERS, most
    try:
        y = apply_of(record, weights)(x)
    finally:
        lowered._MOST_NUMBERS = before
    assert y.shape == (2, 3, *record.output_dims(row))
    np.testing.assert_allclose(y, apply_record(record, weights, x), atol=1e-10)


def test_a_kernel_is_not_mirrored():
    record = Conv2D(1, 1, (1, 2), bias=False)
    y = apply_of(record, {"weight": np.array([[[[10.0, 1.0]]]])})(np.array([[[[1.0], [2.0], [3.0]]]]))
    assert y.ravel().tolist() == [12.0, 23.0]


def test_a_batch_of_no_images_gives_no_outputs():
    plan = Chain((Conv2D(2, 3, (2, 2)), Flatten(3)))
    assert get_backend("numpy").lower(plan)(np.zeros((0, 4, 4, 2), np.float32)).shape == (0, 27)


def test_what_a_convolution_costs_is_counted():
    plan = Chain((Conv2D(3, 5, (2, 2)), Flatten(3)))
    assert multiply_adds(plan, (4, 6, 3)) == 3 * 5 * 5 * (2 * 2 * 3)


def test_normalising_an_image_takes_all_its_pixels_together():
    x = np.random.default_rng(0).normal(3.0, 5.0, size=(2, 4, 5, 3)).astype(np.float32)
    y = get_backend("numpy").lower(LayerNorm(3, axes=3))(x)
    np.testing.assert_allclose(y.mean(axis=(1, 2, 3)), 0.0, atol=1e-5)
    np.testing.assert_allclose(y.var(axis=(1, 2, 3)), 1.0, atol=1e-3)
    assert np.abs(y.mean(axis=(1, 2))).max() > 1e-3


@pytest.mark.parametrize(
    ("record", "row", "expected"),
    [
        (Flatten(0), (), (1,)),
        (Flatten(2), (3, 4, 5), (3, 20)),
        (Transpose((2, 0, 1)), (3, 4, 5), (5, 3, 4)),
        (Scale(), (3, 4), (3, 4)),
        (MultiOneHot((2, 3), (0, 5)), (7, 2), (7, 5)),
    ],
)
def test_shapes_are_folded(record: Any, row: tuple[int, ...], expected: tuple[int, ...]):
    assert record.output_dims(row) == expected


@pytest.mark.parametrize(
    ("record", "row", "expected"),
    [
        (Conv2D(3, 4, (2, 2)), (5, 5, 4), r"expects images \(height, width, 3\), got rows of shape \(5, 5, 4\)"),
        (Conv2D(3, 4, (2, 2)), (3,), r"expects images \(height, width, 3\)"),
        (Conv2D(3, 4, (6, 2)), (5, 5, 3), r"does not fit into an image of 5 x 5\. Take a smaller kernel"),
        (Flatten(2), (3,), r"Flatten\(2\) expects rows of 2 axes or more, got rows of shape \(3,\)"),
        (Transpose((1, 0)), (3,), r"expects rows of 2 axes"),
        (MultiOneHot((2, 3), (0, 0)), (3,), r"last axis is 2 wide"),
        (LayerNorm(3, axes=2), (3,), r"rows of 2 axes or more whose last axis is 3 wide"),
    ],
)
def test_rows_that_do_not_fit_are_named(record: Any, row: tuple[int, ...], expected: str):
    with pytest.raises(ConfigError, match=expected):
        record.output_dims(row)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: Conv2D(3, 4, (2, 2, 2)), "kernel must be a height and a width"),
        (lambda: Conv2D(3, 4, (2, 0)), "kernel must be a positive integer"),
        (lambda: Conv2D(3, 4, (2, 2), padding=(0, -1, 0, 0)), "padding must be four numbers"),
        (lambda: Flatten(-1), "Flatten.axes must be a number of axes"),
        (lambda: Transpose((0, 2)), "must name each axis of a row once"),
        (lambda: Scale(0.0), "divisor must be a positive number"),
        (lambda: MultiOneHot((2, 3), (0,)), "one start for each of its sizes"),
        (lambda: MultiOneHot((), ()), "one start for each of its sizes"),
    ],
)
def test_fields_that_mean_nothing_are_refused(make: Any, expected: str):
    with pytest.raises(ConfigError, match=expected):
        make()
