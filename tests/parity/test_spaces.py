"""Whatever is observed: the default networks compute the same in every framework, and every weight learns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rlmodule_catalogs import PPOCatalog
from rlmodule_core import RLModuleConfig, get_backend
from rlmodule_core.testing.batches import observations
from rlmodule_core.testing.random_weights import perturbed
from rlmodule_torch import TorchActorCriticRLModule

_NUMPY, _TORCH = get_backend("numpy"), get_backend("torch")
_SHAPES = st.lists(st.integers(1, 5), max_size=5).map(tuple)
_DTYPES = st.sampled_from([np.float32, np.float64, np.uint8, np.int8, np.int64, np.bool_])
_KEYS = st.text(st.sampled_from("ab.%_ 0"), min_size=1, max_size=4)

_LEAVES = st.one_of(
    st.builds(lambda shape, dtype: gym.spaces.Box(0, 1 if dtype == np.bool_ else 100, shape, dtype), _SHAPES, _DTYPES),
    st.builds(lambda shape: gym.spaces.Box(-np.inf, np.inf, shape), _SHAPES),
    st.builds(lambda n, start: gym.spaces.Discrete(n, start=start), st.integers(1, 6), st.integers(-3, 3)),
    st.builds(
        lambda n, start, rank: gym.spaces.MultiDiscrete(
            np.array(n).reshape(*[1] * rank, -1), start=np.full((*[1] * rank, len(n)), start)
        ),
        st.lists(st.integers(1, 4), min_size=1, max_size=4),
        st.integers(-2, 2),
        st.integers(0, 2),
    ),
    st.lists(st.integers(1, 3), min_size=1, max_size=3).map(gym.spaces.MultiBinary),
)
_SPACES = st.recursive(
    _LEAVES,
    lambda parts: st.one_of(
        st.dictionaries(_KEYS, parts, min_size=1, max_size=3).map(gym.spaces.Dict),
        st.lists(parts, min_size=1, max_size=3).map(lambda items: gym.spaces.Tuple(tuple(items))),
    ),
    max_leaves=5,
)
_MODELS = st.fixed_dictionaries(
    {
        "fcnet_hiddens": st.just([8, 6]),
        "fcnet_use_layernorm": st.booleans(),
        "conv_use_layernorm": st.booleans(),
        # With relu a layer may be dead by chance.
        "conv_activation": st.just("tanh"),
        "vf_share_layers": st.booleans(),
    }
)


def _twins(space: gym.Space[Any], model: dict[str, Any]) -> tuple[Any, Any]:
    module = TorchActorCriticRLModule(RLModuleConfig(space, gym.spaces.Discrete(3), model, PPOCatalog))
    module.set_state(perturbed(module.get_state(), 1))
    return module, module.to_framework("numpy")


def _weights_without_gradient(module: Any) -> Iterator[str]:
    for name, weight in module.named_parameters():
        if weight.grad is None:
            yield name


@given(_SPACES, _MODELS)
@settings(max_examples=60, deadline=None)
def test_default_networks_compute_the_same_and_every_weight_gets_a_gradient(space: Any, model: dict[str, Any]):
    module, oracle = _twins(space, model)
    obs = observations(space)
    outputs = module.forward_train({"obs": _TORCH.batch(space, obs)})
    expected = oracle.forward_train({"obs": _NUMPY.batch(space, obs)})
    for key, value in expected.items():
        actual = outputs[key].detach().numpy()
        assert np.abs(actual - value).max() <= 1e-5 * max(1.0, np.abs(value).max())
    torch.cat([output.square().reshape(-1) for output in outputs.values()]).sum().backward()
    assert list(_weights_without_gradient(module)) == []


@given(_SPACES)
@settings(max_examples=15, deadline=None)
def test_plans_of_any_observations_come_back_from_their_stored_form(space: Any):
    module, oracle = _twins(space, {"fcnet_hiddens": [8]})
    plans = oracle.frozen_plans()
    assert type(plans).from_json(plans.to_json()) == plans == module.frozen_plans()
