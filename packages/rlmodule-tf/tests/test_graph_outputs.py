"""What comes out of a graph is what the forward returned."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf

from rlmodule_core import DiagGaussian, RLModuleConfig, compute_actions
from rlmodule_tf import TfDiagGaussian, TfRLModule


class Pair(NamedTuple):
    tensor: Any
    name: str


class Returning(TfRLModule):
    """Returns `extra(batch)` beside its actions."""

    extra: Any = staticmethod(lambda batch: {})

    def setup(self) -> None:
        self.net = keras.layers.Dense(4)

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": self.net(batch["obs"]), **self.extra(batch)}

    def _forward_exploration(self, batch: Any) -> Any:
        return self._forward_train(batch)

    _forward_inference = _forward_exploration


def returning(config: RLModuleConfig, extra: Any) -> Returning:
    module = Returning(config)
    module.extra = extra
    return module


def require_same(found: Any, expected: Any) -> None:
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key, value in expected.items():
            require_same(found[key], value)
    elif isinstance(expected, list | tuple):
        for mine, wanted in zip(found, expected, strict=True):
            require_same(mine, wanted)
    elif isinstance(expected, tf.Tensor):
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    else:
        assert found == expected


def test_constants_and_nested_structures_come_out_as_they_are(config: RLModuleConfig, batch: Any):
    def extra(batch: Any) -> Any:
        obs = batch["obs"]
        return {
            "constants": {"none": None, "text": "text", "number": 3.0, "yes": True},
            "list": [obs, 1, [2.0 * obs]],
            "tuple": (obs, {"deep": {"er": -obs}}),
            "named": Pair(obs, "name"),
            7: obs,
            ("a", 2): tf.shape(obs),
            "empty": {},
            "flags": obs > 0,
        }

    module = returning(config, extra)
    expected = dict(module.forward_train(batch))
    for _ in range(2):
        require_same(dict(module.forward_inference(batch)), expected)
    assert module._graphs is not None
    assert module._graphs.traces == 1


def test_mappings_of_any_kind_come_out_as_dicts(config: RLModuleConfig, batch: Any):
    module = returning(config, lambda batch: {"ordered": OrderedDict(b=batch["obs"], a=1)})
    assert list(module.forward_inference(batch)["ordered"]) == ["b", "a"]


def test_a_column_that_is_passed_on_is_equal_to_what_came(config: RLModuleConfig, batch: Any):
    found = returning(config, lambda batch: dict(batch)).forward_exploration(batch)
    np.testing.assert_array_equal(found["obs"], batch["obs"])


def test_variables_come_out_with_their_values_of_now(config: RLModuleConfig, batch: Any):
    module = Returning(config)
    module.counter = tf.Variable(1.0)
    module.extra = lambda batch: {"counter": module.counter}
    found = []
    for value in (1.0, 2.0):
        module.counter.assign(value)
        found.append(module.forward_inference(batch)["counter"])
    assert [float(value) for value in found] == [1.0, 2.0]


@pytest.mark.parametrize("forward", ["forward_exploration", "forward_inference"])
def test_a_distribution_comes_out_with_its_tensors(config: RLModuleConfig, batch: Any, forward: str):
    module = returning(config, lambda batch: {"action_dist": TfDiagGaussian.from_logits(module.net(batch["obs"]))})
    for rows in (6, 2):
        given = {"obs": batch["obs"][:rows]}
        dist = getattr(module, forward)(given)["action_dist"]
        expected = TfDiagGaussian.from_logits(module.net(given["obs"]))
        assert type(dist) is TfDiagGaussian
        actions = expected.sample(rng=module.backend.rng(3))
        np.testing.assert_allclose(dist.sample(rng=module.backend.rng(3)), actions, rtol=1e-5)
        np.testing.assert_allclose(dist.logp(actions), expected.logp(actions), rtol=1e-4)
        np.testing.assert_allclose(dist.kl(expected), np.zeros(rows), atol=1e-5)


def test_actions_are_drawn_from_a_distribution_that_a_graph_gives(config: RLModuleConfig, batch: Any):
    module = returning(config, lambda batch: {"action_dist": TfDiagGaussian.from_logits(module.net(batch["obs"]))})
    one, same, other = (
        compute_actions(module, batch, explore=True, rng=module.backend.rng(seed))["actions"] for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_forward_that_draws_draws_anew_at_every_call(config: RLModuleConfig, batch: Any):
    dist_cls = DiagGaussian(2).bind(Returning(config).backend.ops)

    def drawing(rng: Any) -> Returning:
        return returning(config, lambda batch: {"drawn": dist_cls.from_logits(tf.zeros((6, 4))).sample(rng=rng)})

    module = drawing(Returning(config).backend.rng(5))
    module.get_state()
    oracle = np.random.default_rng(5)
    # Building the layers has run each of the three forwards once.
    oracle.standard_normal((3, 6, 2), np.float32)
    for _ in range(3):
        found = module.forward_exploration(batch)["drawn"]
        np.testing.assert_allclose(found, oracle.standard_normal((6, 2), np.float32), rtol=1e-6)
    assert module._graphs is not None
    assert module._graphs.traces == 1
