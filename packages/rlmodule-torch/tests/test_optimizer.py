from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from rlmodule_core import ConfigError, OptimizerSettings, StateError
from rlmodule_torch import TorchActorCriticRLModule, TorchBackend, TorchRLModule

_SETTINGS = OptimizerSettings(lr=0.01)


def _step(module: Any, optimizer: Any, seed: int) -> None:
    obs = torch.from_numpy(np.random.default_rng(seed).normal(size=(5, 4)).astype(np.float32))
    out = module.forward_train({"obs": obs})
    optimizer.zero_grad()
    (out["vf_preds"].square().mean() + out["action_dist_inputs"].square().mean()).backward()
    optimizer.step()


def test_a_state_continues_bit_for_bit_in_a_new_optimizer(backend: TorchBackend, module: TorchActorCriticRLModule):
    optimizer = backend.make_optimizer(module, _SETTINGS)
    for seed in range(3):
        _step(module, optimizer, seed)
    twin = copy.deepcopy(module)
    resumed = backend.make_optimizer(twin, _SETTINGS)
    resumed.set_state(optimizer.get_state())
    for seed in range(3, 6):
        _step(module, optimizer, seed)
        _step(twin, resumed, seed)
    for name, array in module.get_state().items():
        assert twin.get_state()[name].tobytes() == array.tobytes()
    for name, array in optimizer.get_state().items():
        assert resumed.get_state()[name].tobytes() == array.tobytes()


def test_the_state_is_named_by_weights(backend: TorchBackend, module: TorchActorCriticRLModule):
    optimizer = backend.make_optimizer(module, _SETTINGS)
    state = optimizer.get_state()
    assert state.keys() == {
        f"{name}.{slot}" for name in module.get_state() for slot in ("step", "exp_avg", "exp_avg_sq")
    }
    assert state["pi.0.weight.exp_avg"].shape == (3, 8)
    assert not any(array.any() for array in state.values())
    _step(module, optimizer, 0)
    assert all(optimizer.get_state()[f"{name}.step"] == 1 for name in module.get_state())


def test_a_state_is_a_copy(backend: TorchBackend, module: TorchActorCriticRLModule):
    optimizer = backend.make_optimizer(module, _SETTINGS)
    _step(module, optimizer, 0)
    state = optimizer.get_state()
    kept = {name: array.copy() for name, array in state.items()}
    _step(module, optimizer, 1)
    for name, array in state.items():
        np.testing.assert_array_equal(array, kept[name])


def test_a_fresh_state_sets_an_optimizer_back(backend: TorchBackend, module: TorchActorCriticRLModule):
    optimizer = backend.make_optimizer(module, _SETTINGS)
    weights, fresh = module.get_state(), optimizer.get_state()
    _step(module, optimizer, 0)
    once = module.get_state()
    module.set_state(weights)
    optimizer.set_state(fresh)
    _step(module, optimizer, 0)
    for name, array in once.items():
        np.testing.assert_array_equal(module.get_state()[name], array)


def test_a_state_of_another_module_is_refused(backend: TorchBackend, module: TorchActorCriticRLModule):
    optimizer = backend.make_optimizer(module, _SETTINGS)
    state = optimizer.get_state()
    state["nobody.exp_avg"] = state.pop("pi.0.weight.exp_avg")
    with pytest.raises(StateError, match=r"fit the optimizer(?s:.*)missing: pi\.0\.weight\.exp_avg(?s:.*)nobody"):
        optimizer.set_state(state)


def test_the_first_step_is_the_learning_rate_whatever_the_gradient(
    backend: TorchBackend, module: TorchActorCriticRLModule
):
    optimizer = backend.make_optimizer(module, OptimizerSettings(lr=1.0, eps=1e-12))
    optimizer.set_lr(0.5)
    before = module.get_state()["vf.0.bias"]
    _step(module, optimizer, 0)
    assert abs(module.get_state()["vf.0.bias"] - before).item() == pytest.approx(0.5, rel=1e-3)


def test_the_settings_are_adam_s(backend: TorchBackend, module: TorchActorCriticRLModule):
    group = backend.make_optimizer(module, OptimizerSettings(0.1, 0.2, 0.3, 0.4)).native.param_groups[0]
    assert (group["lr"], group["betas"], group["eps"], group["weight_decay"]) == (0.1, (0.2, 0.3), 0.4, 0)


def test_frozen_weights_are_left_out_and_nothing_left_is_an_error(backend: TorchBackend):
    class Frozen(TorchRLModule):
        def setup(self) -> None:
            self.net, self.fixed = nn.Linear(4, 1), nn.Linear(4, 1).requires_grad_(False)

        def _forward_train(self, batch: Any) -> Any:
            return {"actions": self.net(batch["obs"])}

        _forward_exploration = _forward_inference = _forward_train

    module = Frozen()
    assert {name.partition(".")[0] for name in backend.make_optimizer(module, _SETTINGS).get_state()} == {"net"}
    module.requires_grad_(False)
    with pytest.raises(ConfigError, match=r"Frozen has no trainable weights.*setup\(\)"):
        backend.make_optimizer(module, _SETTINGS)


def test_moments_keep_the_strides_of_a_transposed_weight(backend: TorchBackend):
    class Transposed(TorchRLModule):
        def setup(self) -> None:
            self.weight = nn.Parameter(torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).T)

        def _forward_train(self, batch: Any) -> Any:
            out = batch["obs"] @ self.weight
            return {"action_dist_inputs": out, "vf_preds": out[:, 0]}

        _forward_exploration = _forward_inference = _forward_train

    module = Transposed()
    optimizer = backend.make_optimizer(module, _SETTINGS)
    _step(module, optimizer, 0)
    twin = copy.deepcopy(module)
    resumed = backend.make_optimizer(twin, _SETTINGS)
    resumed.set_state(optimizer.get_state())
    _step(module, optimizer, 1)
    _step(twin, resumed, 1)
    assert torch.equal(twin.weight, module.weight)


def test_weights_that_were_moved_away_are_taken_back_with_their_moments(
    backend: TorchBackend, module: TorchActorCriticRLModule
):
    optimizer = backend.make_optimizer(module, _SETTINGS)
    _step(module, optimizer, 0)
    twin = copy.deepcopy(module)
    resumed = backend.make_optimizer(twin, _SETTINGS)
    resumed.set_state(optimizer.get_state())
    for parameter in twin.parameters():
        parameter.data = parameter.data.clone()
    optimizer.prepare()
    resumed.prepare()
    for seed in (1, 2):
        _step(module, optimizer, seed)
        _step(twin, resumed, seed)
    for name, array in module.get_state().items():
        assert twin.get_state()[name].tobytes() == array.tobytes()


def test_weights_of_several_dtypes_are_all_trained(backend: TorchBackend):
    class Mixed(TorchRLModule):
        def setup(self) -> None:
            self.single, self.precise = nn.Linear(4, 1), nn.Linear(4, 1).double()

        def _forward_train(self, batch: Any) -> Any:
            both = self.single(batch["obs"]) + self.precise(batch["obs"].double())
            return {"vf_preds": both, "action_dist_inputs": both}

        _forward_exploration = _forward_inference = _forward_train

    module = Mixed()
    before = module.get_state()
    optimizer = backend.make_optimizer(module, _SETTINGS)
    _step(module, optimizer, 0)
    assert module.precise.weight.dtype == torch.float64
    assert all(not np.array_equal(array, before[name]) for name, array in module.get_state().items())
    optimizer.set_state(optimizer.get_state())


def test_moments_of_bfloat16_are_stored_and_come_back(backend: TorchBackend):
    class Half(TorchRLModule):
        def setup(self) -> None:
            self.net = nn.Linear(4, 1).bfloat16()

        def _forward_train(self, batch: Any) -> Any:
            out = self.net(batch["obs"].bfloat16())
            return {"vf_preds": out, "action_dist_inputs": out}

        _forward_exploration = _forward_inference = _forward_train

    module = Half()
    optimizer = backend.make_optimizer(module, _SETTINGS)
    _step(module, optimizer, 0)
    twin = copy.deepcopy(module)
    resumed = backend.make_optimizer(twin, _SETTINGS)
    resumed.set_state(optimizer.get_state())
    assert {array.dtype for array in optimizer.get_state().values()} == {np.dtype(np.float32)}
    _step(module, optimizer, 1)
    _step(twin, resumed, 1)
    assert torch.equal(twin.net.weight, module.net.weight)
