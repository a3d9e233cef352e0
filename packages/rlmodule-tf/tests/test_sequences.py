"""Sequences of many lengths are padded to a few, so that an update has a few graphs and computes the same."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import (
    ActorCriticEncoderConfig,
    Categorical,
    GradientClip,
    MLPHeadConfig,
    ModulePlans,
    OptimizerSettings,
    RecurrentEncoderConfig,
    RLModuleConfig,
)
from rlmodule_tf import TfActorCriticRLModule, TfBackend

ROWS = 3


def remembering(backend: TfBackend) -> TfActorCriticRLModule:
    base = RecurrentEncoderConfig(input_dims=(4,), hidden_dim=5)

    def head(width: int) -> Any:
        return MLPHeadConfig(input_dims=(5,), hidden_layer_dims=(), output_layer_dim=width).plan()

    encoder = ActorCriticEncoderConfig(base_encoder_config=base, shared=True).plan()
    plans = ModulePlans(encoder, head(3), head(1), *([Categorical(3)] * 3))
    config = RLModuleConfig(gym.spaces.Box(-np.inf, np.inf, (4,)), gym.spaces.Discrete(3), {}, plans=plans)
    with backend.initialising(0):
        return TfActorCriticRLModule(config)


def sequences(steps: int) -> dict[str, Any]:
    rng = np.random.default_rng(steps)
    lengths = rng.integers(1, steps + 1, ROWS)
    state = {leaf: rng.normal(size=(ROWS, 1, 5)).astype(np.float32) for leaf in ("h", "c")}
    return {
        "obs": rng.normal(size=(ROWS, steps, 4)).astype(np.float32),
        "state_in": state,
        "seq_lens": lengths,
        "loss_mask": np.arange(steps) < lengths[:, None],
    }


def loss(ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
    counted = ops.cast(batch["loss_mask"], "float32")
    return ops.sum(ops.square(outputs["vf_preds"]) * counted) / ops.sum(counted), {}


def update(backend: TfBackend, module: Any, optimizer: Any, steps: int) -> None:
    backend.update_epoch(
        module,
        loss=loss,
        optimizer=optimizer,
        columns=sequences(steps),
        permutation=np.arange(ROWS),
        minibatch_size=2,
        coeffs={},
        clip=GradientClip(),
    )


def test_lengths_that_are_near_each_other_have_one_graph(backend: TfBackend) -> None:
    module = remembering(backend)
    optimizer = backend.make_optimizer(module, OptimizerSettings())
    for steps in (3, 1, 4, 2, 3):
        update(backend, module, optimizer, steps)
    assert optimizer.graphs.traces == 1
    update(backend, module, optimizer, 5)
    assert optimizer.graphs.traces == 2


@pytest.mark.parametrize(("steps", "padded"), [(1, 4), (4, 4), (5, 8), (20, 20), (32, 32), (33, 48), (64, 64)])
def test_no_length_grows_by_much(backend: TfBackend, steps: int, padded: int) -> None:
    assert backend.padded_steps(steps) == padded


def test_what_is_padded_moves_the_weights_as_what_is_not(backend: TfBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = remembering(backend), remembering(backend)
    update(backend, one, backend.make_optimizer(one, OptimizerSettings()), 3)
    monkeypatch.setattr(TfBackend, "padded_steps", lambda self, steps: steps)
    update(backend, other, backend.make_optimizer(other, OptimizerSettings()), 3)
    for name, array in other.get_state().items():
        np.testing.assert_allclose(one.get_state()[name], array, rtol=1e-5, atol=1e-7)
