from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlmodule_core import ConfigError, get_backend
from rlmodule_core.plans import (
    Chain,
    Conv2D,
    Dense,
    FreeParameter,
    LayerNorm,
    initial_rng,
    initial_weights,
    initialising,
)


@given(st.integers(1, 12), st.integers(1, 12), st.floats(0.01, 4.0), st.integers(0, 2**32))
@settings(max_examples=40)
def test_a_dense_layer_starts_orthogonal_times_its_gain(inputs: int, outputs: int, gain: float, seed: int):
    weight = Dense(inputs, outputs, gain=gain).initial_weights(np.random.default_rng(seed))["weight"]
    assert weight.shape == (outputs, inputs)
    assert weight.dtype == np.float32
    small = min(inputs, outputs)
    gram = weight @ weight.T if outputs <= inputs else weight.T @ weight
    np.testing.assert_allclose(gram, gain**2 * np.eye(small), atol=1e-5 * gain**2)


def test_orthogonal_starts_have_no_preferred_sign():
    draws = [Dense(1, 1, gain=1.0).initial_weights(np.random.default_rng(seed))["weight"].item() for seed in range(200)]
    assert set(draws) == {-1.0, 1.0}
    assert abs(sum(draws)) < 60


def test_biases_start_at_zero_and_norms_at_one():
    rng = np.random.default_rng(0)
    assert not Dense(3, 4).initial_weights(rng)["bias"].any()
    assert "bias" not in Dense(3, 4, bias=False).initial_weights(rng)
    norm = LayerNorm(3).initial_weights(rng)
    assert norm["weight"].tolist() == [1.0] * 3
    assert norm["bias"].tolist() == [0.0] * 3
    assert FreeParameter(2, initial=-0.5).initial_weights(rng)["value"].tolist() == [-0.5, -0.5]


def test_every_backend_starts_a_plan_with_the_same_weights_for_a_seed():
    plan = Chain((Dense(4, 8), Dense(8, 2)))
    expected = initial_weights(plan, np.random.default_rng(7))
    backend = get_backend("numpy")
    with backend.initialising(7):
        given_weights = backend.get_weights(backend.lower(plan))
    assert given_weights.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(given_weights[name], array)


def test_networks_of_one_block_differ_and_the_block_repeats():
    backend, plan = get_backend("numpy"), Chain((Dense(4, 4),))

    def two() -> list[np.ndarray]:
        with initialising(3):
            return [backend.get_weights(backend.lower(plan))["0.weight"] for _ in range(2)]

    first, again = two(), two()
    assert not np.array_equal(*first)
    np.testing.assert_array_equal(first, again)


def test_outside_a_block_the_system_seeds():
    assert initial_rng() is not initial_rng()
    assert initial_rng().random() != initial_rng().random()
    with initialising(3):
        assert initial_rng() is initial_rng()
    assert initial_rng() is not initial_rng()


def test_a_block_that_fails_ends():
    with pytest.raises(KeyError), initialising(3):
        raise KeyError
    assert initial_rng() is not initial_rng()


def test_an_inner_block_ends_in_the_outer_one():
    with initialising(3):
        outer = initial_rng()
        with initialising(4):
            assert initial_rng() is not outer
        assert initial_rng() is outer


def test_numpy_s_global_generator_is_left_alone():
    before = np.random.get_state()[1].tolist()
    with initialising(3):
        get_backend("numpy").lower(Dense(4, 4))
    get_backend("numpy").lower(Dense(4, 4))
    assert np.random.get_state()[1].tolist() == before


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 5), (5, 3)])
def test_first_weights_lie_in_memory_row_by_row(inputs: int, outputs: int):
    weight = Dense(inputs, outputs).initial_weights(np.random.default_rng(0))["weight"]
    assert weight.flags.c_contiguous


# The variance of a kernel of gain 1, by the papers' formulas.
VARIANCES = {
    "xavier_uniform": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "xavier_normal": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "kaiming_uniform": lambda fan_in, fan_out: 1 / fan_in,
    "kaiming_normal": lambda fan_in, fan_out: 1 / fan_in,
}


@pytest.mark.parametrize("initializer", VARIANCES)
@pytest.mark.parametrize("gain", [1.0, 0.5])
def test_kernels_have_the_spread_of_their_initializer(initializer: str, gain: float):
    rng = np.random.default_rng(0)
    dense = Dense(60, 90, gain=gain, initializer=initializer).initial_weights(rng)["weight"]
    conv = Conv2D(10, 30, (3, 4), gain=gain, initializer=initializer).initial_weights(rng)["weight"]
    assert conv.shape == (30, 10, 3, 4)
    for kernel, fans in ((dense, (60, 90)), (conv, (10 * 12, 30 * 12))):
        variance = gain**2 * VARIANCES[initializer](*fans)
        np.testing.assert_allclose(kernel.var(), variance, rtol=0.1)
        assert abs(kernel.mean()) < 0.1 * variance**0.5
        # A uniform kernel ends at the root of three deviations, a normal one goes on.
        assert (np.abs(kernel).max() <= (3 * variance) ** 0.5 + 1e-6) == initializer.endswith("uniform")


def test_a_convolution_starts_orthogonal_as_a_matrix_of_its_kernels():
    kernel = Conv2D(3, 8, (2, 2), gain=2.0).initial_weights(np.random.default_rng(0))["weight"].reshape(8, 12)
    np.testing.assert_allclose(kernel @ kernel.T, 4.0 * np.eye(8), atol=1e-5)


@pytest.mark.parametrize(
    "make", [lambda name: Dense(2, 3, initializer=name), lambda name: Conv2D(2, 3, (1, 1), initializer=name)]
)
def test_an_initializer_that_does_not_exist_gets_the_nearest_name(make: Any):
    with pytest.raises(
        ConfigError, match=r"initializer must be one of orthogonal, .*got 'ortogonal'\. Did you mean 'o"
    ):
        make("ortogonal")
