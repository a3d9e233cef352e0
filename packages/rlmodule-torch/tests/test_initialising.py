from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from rlmodule_core import get_backend
from rlmodule_core.plans import Chain, Dense
from rlmodule_torch import TorchBackend, TorchCategorical

_PLAN = Chain((Dense(4, 4),))


def _both(backend: TorchBackend, seed: int | None) -> list[np.ndarray]:
    with backend.initialising(seed):
        return [backend.get_weights(backend.lower(_PLAN))["0.weight"], nn.Linear(4, 4).weight.detach().numpy()]


def test_a_seed_decides_lowered_networks_and_layers_of_one_s_own(backend: TorchBackend):
    for one, same, other in zip(_both(backend, 3), _both(backend, 3), _both(backend, 4), strict=True):
        np.testing.assert_array_equal(one, same)
        assert not np.array_equal(one, other)


def test_the_weights_are_those_of_numpy(backend: TorchBackend):
    numpy = get_backend("numpy")
    with numpy.initialising(3):
        expected = numpy.get_weights(numpy.lower(_PLAN))["0.weight"]
    np.testing.assert_array_equal(_both(backend, 3)[0], expected)


def test_torch_s_global_generator_is_handed_back(backend: TorchBackend):
    torch.manual_seed(11)
    before = torch.get_rng_state()
    _both(backend, 3)
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(TypeError), backend.initialising(3):
        torch.rand("three")
    assert torch.equal(torch.get_rng_state(), before)


def test_sampling_and_lowering_do_not_touch_the_global_generator(backend: TorchBackend):
    before = torch.get_rng_state()
    dist = TorchCategorical.from_logits(torch.zeros(5, 3))
    dist.sample()
    dist.sample(rng=backend.rng(0))
    backend.rng(None)
    backend.lower(_PLAN)
    assert torch.equal(torch.get_rng_state(), before)


def test_without_a_seed_weights_differ(backend: TorchBackend):
    assert not np.array_equal(_both(backend, None)[0], _both(backend, None)[0])
