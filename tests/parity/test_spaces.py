"""Whatever is observed: the default networks compute the same in every framework, and every weight learns."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from native_gradients import loss_and_gradients
from parity_families import OTHERS, TRAINING

from rlmodule_core import ActorCriticRLModule, RLModule, SingleAgentRLModuleSpec
from rlmodule_core.testing.batches import observations
from rlmodule_core.testing.compare import leaves, require_close
from rlmodule_core.testing.random_weights import perturbed

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


def _twins(space: gym.Space[Any], model: dict[str, Any]) -> tuple[RLModule, list[RLModule]]:
    """The module in numpy, and built natively with the same weights in the other frameworks."""
    spec = SingleAgentRLModuleSpec(ActorCriticRLModule, space, gym.spaces.Discrete(3), model, "ppo")
    oracle, *others = (spec.build(framework=framework) for framework in ("numpy", *OTHERS))
    oracle.set_state(perturbed(oracle.get_state(), 1))
    for module in others:
        module.set_state(oracle.get_state())
    return oracle, others


def _sum_of_squares(ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
    return sum(ops.sum(ops.square(output)) for _, output in leaves(outputs)), {}


@given(_SPACES, _MODELS)
@settings(max_examples=40, deadline=None)
def test_default_networks_compute_the_same_and_every_weight_gets_a_gradient(space: Any, model: dict[str, Any]):
    oracle, others = _twins(space, model)
    columns = {"obs": oracle.backend.batch(space, observations(space))}
    expected = oracle.forward_train(columns)
    for module in others:
        outputs = module.backend.to_numpy(module.forward_train(module.backend.batch(None, columns)))
        for key, value in expected.items():
            require_close(outputs[key], value, f"{key!r} in {module.framework}")
        if module.framework in TRAINING:
            _, gradients = loss_and_gradients(module, _sum_of_squares, columns, {})
            assert gradients.keys() == module.get_state().keys()


@given(_SPACES)
@settings(max_examples=15, deadline=None)
def test_plans_of_any_observations_come_back_from_their_stored_form(space: Any):
    oracle, others = _twins(space, {"fcnet_hiddens": [8]})
    plans = oracle.frozen_plans()
    assert type(plans).from_json(plans.to_json()) == plans
    assert all(module.frozen_plans() == plans for module in others)
