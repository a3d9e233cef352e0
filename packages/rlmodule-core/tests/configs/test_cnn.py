from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlmodule_core import CNNEncoderConfig, ConfigError, default_filters
from rlmodule_core.plans import Conv2D, Dense, Flatten, Scale, multiply_adds

# Outputs, kernel and stride for each size, as BEHAVIOURS 4.7 has them.
USUAL: dict[tuple[int, int], list[Any]] = {
    (480, 640): [(16, (24, 32), (14, 18)), (32, (6, 6), (4, 4)), (256, (9, 9), (1, 1))],
    (240, 320): [(16, (12, 16), (7, 9)), (32, (6, 6), (4, 4)), (256, (9, 9), (1, 1))],
    (96, 96): [(16, (8, 8), (4, 4)), (32, (4, 4), (2, 2)), (256, (11, 11), (2, 2))],
    (84, 84): [(16, (8, 8), (4, 4)), (32, (4, 4), (2, 2)), (256, (11, 11), (1, 1))],
    (64, 64): [(32, (4, 4), (2, 2)), (64, (4, 4), (2, 2)), (128, (4, 4), (2, 2)), (256, (4, 4), (2, 2))],
    (42, 42): [(16, (4, 4), (2, 2)), (32, (4, 4), (2, 2)), (256, (11, 11), (1, 1))],
    (10, 10): [(16, (5, 5), (2, 2)), (32, (5, 5), (2, 2))],
}


@pytest.mark.parametrize("size", USUAL)
def test_usual_sizes_have_their_usual_filters(size: tuple[int, int]):
    assert [(each.outputs, each.kernel, each.stride) for each in default_filters(*size)] == USUAL[size]


@pytest.mark.parametrize("size", USUAL)
def test_the_map_of_a_usual_image_is_no_larger_than_a_few_thousand_numbers(size: tuple[int, int]):
    (width,) = CNNEncoderConfig(input_dims=(*size, 3), hidden_layer_dims=()).output_dims
    assert width == {(64, 64): 4096, (10, 10): 288}.get(size, 256)


@given(st.integers(1, 700), st.integers(1, 700), st.integers(1, 4))
def test_an_image_of_any_size_has_default_filters(height: int, width: int, channels: int):
    config = CNNEncoderConfig(input_dims=(height, width, channels), hidden_layer_dims=())
    convolutions = [record for record in config.plan().net.records if isinstance(record, Conv2D)]
    assert 2 <= len(convolutions) <= 6
    # A side of 8 at most in each direction, or one vector where the filters are the usual ones.
    assert config.output_dims[0] <= max(4096, 8 * 8 * 64)
    assert config.output_dims[0] >= 32


@pytest.mark.parametrize("size", [(5, 5), (7, 7), (3, 8), (1, 1)])
def test_small_grids_keep_their_size(size: tuple[int, int]):
    assert CNNEncoderConfig(input_dims=(*size, 2), hidden_layer_dims=()).output_dims == (size[0] * size[1] * 32,)


def test_a_long_side_is_cut_where_a_short_one_is_kept():
    assert [each.stride for each in default_filters(4, 100)] == [(1, 4), (1, 2), (1, 2)]


def test_an_image_of_84_pixels_is_cheaper_than_a_dense_layer_over_its_padded_map():
    config = CNNEncoderConfig(input_dims=(84, 84, 4))
    assert config.output_dims == (256,)
    assert multiply_adds(config.plan(), (84, 84, 4)) < 10e6
    padded = [[16, 8, 4], [32, 4, 2], [256, 11, 1]]
    assert CNNEncoderConfig(input_dims=(84, 84, 4), cnn_filter_specifiers=padded, hidden_layer_dims=()).output_dims == (
        30_976,
    )


def test_dense_layers_follow_the_flattened_map():
    config = CNNEncoderConfig(
        input_dims=(4, 4, 1), cnn_filter_specifiers=[[2, 2, 2]], hidden_layer_dims=(6,), output_layer_dim=3
    )
    assert config.plan().net.records[-4:] == (Flatten(3), *config.plan().net.records[-3:])
    assert [record.outputs for record in config.plan().net.records if isinstance(record, Dense)] == [6, 3]
    assert config.output_dims == (3,)


def test_records_before_the_convolutions_are_kept():
    assert CNNEncoderConfig(input_dims=(4, 4, 1), before=(Scale(9.0),)).plan().net.records[0] == Scale(9.0)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"input_dims": (4, 4)}, r"must be \(height, width, channels\), got \(4, 4\)"),
        (
            {"input_dims": (2, 2, 1), "cnn_filter_specifiers": [[4, 3, 1, "valid"]]},
            "does not fit into an image of 2 x 2",
        ),
        ({"input_dims": (4, 4, 1), "cnn_filter_specifiers": [[4, 3]]}, r"got \[4, 3\]"),
        ({"input_dims": (4, 4, 1), "cnn_activation": "rellu"}, "Did you mean 'relu'"),
        ({"input_dims": (4, 4, 1), "cnn_weights_initializer": "ones"}, "initializer must be one of"),
    ],
)
def test_fields_that_do_not_fit_are_refused(fields: dict[str, Any], expected: str):
    with pytest.raises(ConfigError, match=expected):
        CNNEncoderConfig(**fields).plan()
