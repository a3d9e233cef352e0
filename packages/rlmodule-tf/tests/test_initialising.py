from __future__ import annotations

import random
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rlmodule_core import RLModuleConfig
from rlmodule_core.plans import Chain, Dense
from rlmodule_core.testing.global_generators import global_generators_untouched
from rlmodule_tf import TfBackend, TfCategorical, TfRLModule

_PLAN = Chain((Dense(4, 4),))


class Own(TfRLModule):
    def setup(self) -> None:
        self.net = keras.Sequential([keras.layers.Dense(64), keras.layers.Dropout(0.5)])

    def _forward_train(self, batch: Any) -> Any:
        return {"actions": self.net(batch["obs"])}

    def _forward_exploration(self, batch: Any) -> Any:
        return self._forward_train(batch)

    _forward_inference = _forward_exploration


def _drawn(backend: TfBackend, config: RLModuleConfig, batch: Any, seed: int | None) -> dict[str, Any]:
    """What follows from a seed: first weights of both kinds, and the masks of dropout."""
    with backend.initialising(seed):
        lowered, module = backend.lower(_PLAN), Own(config)
        weights = module.get_state()
    dropped = module.forward_train(batch)["actions"].numpy() == 0
    return {
        "lowered": backend.get_weights(lowered)["0.weight"],
        "kernel": weights["net.0.kernel"],
        "masks": dropped,
    }


def test_a_seed_decides_networks_layers_of_keras_and_their_masks(
    backend: TfBackend, config: RLModuleConfig, batch: Any
):
    one, same, other = (_drawn(backend, config, batch, seed) for seed in (3, 3, 4))
    for what, array in one.items():
        np.testing.assert_array_equal(same[what], array, err_msg=what)
        assert not np.array_equal(other[what], array), what


def test_without_a_seed_weights_and_masks_differ(backend: TfBackend, config: RLModuleConfig, batch: Any):
    one, other = (_drawn(backend, config, batch, None) for _ in range(2))
    assert not any(np.array_equal(one[what], other[what]) for what in one)


def test_the_seed_counts_in_the_block_alone_though_keras_builds_later(backend: TfBackend, config: RLModuleConfig):
    kernels = []
    for _ in range(2):
        with backend.initialising(3):
            module = Own(config)
        random.random()
        kernels.append(module.get_state()["net.0.kernel"])
    np.testing.assert_array_equal(*kernels)


def test_python_s_generator_is_handed_back_after_an_error_too(backend: TfBackend, config: RLModuleConfig):
    with global_generators_untouched("initialising(3)"):
        with backend.initialising(3):
            Own(config).get_state()
        with pytest.raises(ZeroDivisionError), backend.initialising(3):
            random.random() / 0


def test_tensorflow_s_global_generator_is_neither_seeded_nor_drawn_from(backend: TfBackend):
    tf.random.set_seed(11)
    expected = [tf.random.uniform(()).numpy() for _ in range(2)]
    tf.random.set_seed(11)
    first = tf.random.uniform(()).numpy()
    with backend.initialising(3):
        backend.lower(_PLAN)
    dist = TfCategorical.from_logits(tf.zeros((5, 3)))
    dist.sample()
    dist.sample(rng=backend.rng(0))
    assert [first, tf.random.uniform(()).numpy()] == expected
