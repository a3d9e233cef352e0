from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlmodule_catalogs import Catalog
from rlmodule_core import get_backend
from rlmodule_core.plans import Cast, Conv2D, Flatten, Scale, Transpose

ACTIONS = gym.spaces.Discrete(2)


def _records(space: gym.Space[Any], **model: Any) -> list[Any]:
    return list(Catalog(space, ACTIONS, {"fcnet_hiddens": [8], **model}).get_encoder_config().plan().net.records)


def _box(*shape: int, high: float = 1, dtype: Any = np.float32) -> gym.spaces.Box:
    return gym.spaces.Box(0, high, shape, dtype)


def _kernels(records: list[Any]) -> list[Conv2D]:
    return [record for record in records if isinstance(record, Conv2D)]


@pytest.mark.parametrize(
    ("shape", "channels"),
    [
        ((5, 5, 2), 2),
        ((210, 160, 3), 3),
        # Stacked frames, with and without channels of their own, and channels first.
        ((4, 84, 84), 4),
        ((4, 84, 84, 3), 12),
        ((4, 3, 84, 84), 12),
        ((2, 4, 20, 30, 3), 24),
        # Many channels of a small grid are no frames.
        ((10, 10, 20), 20),
        ((3, 7, 20), 20),
    ],
)
def test_boxes_with_three_axes_or_more_are_images(shape: tuple[int, ...], channels: int):
    records = _records(_box(*shape))
    assert _kernels(records)[0].inputs == channels


@pytest.mark.parametrize(("shape", "axes"), [((), 0), ((3, 4), 2), ((84, 84), 2)])
def test_boxes_without_an_axis_and_with_two_become_vectors(shape: tuple[int, ...], axes: int):
    records = _records(_box(*shape))
    assert records[0] == Flatten(axes)
    assert not _kernels(records)


def test_stacked_frames_become_channels_in_the_order_of_the_frames():
    space = _box(2, 3, 4, 5)
    encoder = Catalog(space, ACTIONS, {"conv_filters": [], "fcnet_hiddens": [1]}).build_encoder("numpy")
    obs = np.random.default_rng(0).normal(size=(3, 2, 3, 4, 5)).astype(np.float32)
    weights = get_backend("numpy").get_weights(encoder)
    (kernel,) = (array for array in weights.values() if array.ndim == 2)
    pixels = np.stack([obs[:, :, row, column].reshape(3, 10) for row in range(3) for column in range(4)], axis=1)
    expected = np.tanh(pixels.reshape(3, -1) @ kernel.T)
    np.testing.assert_allclose(encoder({"obs": obs})["encoder_out"], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("space", "entry"),
    [
        (_box(4, 4, 3, high=255, dtype=np.uint8), Scale(255.0)),
        (_box(4, high=255, dtype=np.uint8), Scale(255.0)),
        (_box(4, 4, 3, high=9, dtype=np.int32), Scale(9.0)),
        (gym.spaces.Box(-20, 10, (4,), np.int16), Scale(20.0)),
        (_box(4, 4, 3, high=1, dtype=np.bool_), Cast()),
        (_box(4, high=1, dtype=np.int8), Cast()),
        (gym.spaces.Box(-(2**31), 2**31 - 1, (4,), np.int32), Cast()),
        (gym.spaces.Box(np.iinfo(np.int64).min, np.iinfo(np.int64).max, (4,), np.int64), Cast()),
        (gym.spaces.Box(np.array([-np.inf, 0]), np.array([3, np.inf]), dtype=np.float64), None),
        (_box(4, 4, 3, high=255), None),
    ],
    ids=str,
)
def test_integers_are_divided_by_their_largest_bound_and_floats_stay(space: gym.spaces.Box, entry: Any):
    found = [record for record in _records(space) if isinstance(record, Scale | Cast)]
    assert found == ([] if entry is None else [entry])


def test_pixels_enter_between_0_and_1():
    space = _box(1, 1, 2, high=255, dtype=np.uint8)
    model = {"conv_filters": [], "fcnet_activation": None, "fcnet_hiddens": [2]}
    encoder = Catalog(space, ACTIONS, model).build_encoder("numpy")
    weight = next(iter(get_backend("numpy").get_weights(encoder).values()))
    latents = encoder({"obs": np.array([[[[255, 51]]]], np.uint8)})["encoder_out"]
    np.testing.assert_allclose(latents, [[1.0, 0.2] @ weight.T], rtol=1e-5)


def test_the_convolutions_are_those_that_are_asked_for():
    model = {"conv_filters": [[4, [3, 2], 2], [6, 2, 1, "valid"]], "conv_activation": "elu", "conv_use_layernorm": True}
    records = _records(_box(9, 8, 3), **model)
    assert [str(record) for record in records[:6]] == [
        "Conv2D(3, 4, (3, 2), stride=(2, 2), padding=(1, 1, 0, 0))",
        "LayerNorm(4, axes=3)",
        "Activation('elu')",
        "Conv2D(4, 6, (2, 2))",
        "LayerNorm(6, axes=3)",
        "Activation('elu')",
    ]


@pytest.mark.parametrize("model", [{"fcnet_hiddens": [32, 7]}, {"encoder_latent_dim": 7}])
def test_the_latents_of_an_image_are_as_wide_as_those_of_a_vector(model: dict[str, Any]):
    for space in (_box(84, 84, 4), _box(5, 5, 1), _box(3)):
        assert Catalog(space, ACTIONS, model).latent_dims == (7,)


@given(st.lists(st.integers(1, 6), max_size=5), st.sampled_from([np.uint8, np.float32, np.float64, np.int64, np.bool_]))
@settings(max_examples=40, deadline=None)
def test_a_box_of_any_rank_and_dtype_is_encoded(shape: list[int], dtype: Any):
    space = gym.spaces.Box(0, 1, tuple(shape), dtype)
    encoder = Catalog(space, ACTIONS, {"fcnet_hiddens": [8]}).build_encoder("numpy")
    obs = get_backend("numpy").batch(space, np.stack([space.sample(), space.sample()]))
    latents = encoder({"obs": obs})["encoder_out"]
    assert latents.shape == (2, 8)
    assert latents.dtype == np.float32


def test_axes_move_only_where_they_must():
    assert not any(isinstance(record, Transpose) for record in _records(_box(84, 84, 3)))
    assert isinstance(_records(_box(3, 84, 84))[0], Transpose)
