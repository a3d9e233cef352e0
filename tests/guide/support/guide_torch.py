"""What readers of the guide write in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from rlmodule_algorithms import PPOTorchRLModule
from rlmodule_core import Distribution, SpecType
from rlmodule_marl import MultiAgentRLModule
from rlmodule_torch import TorchCategorical, TorchDeterministic, TorchDiagGaussian, TorchRLModule

PPOModule = PPOTorchRLModule
Base = TorchRLModule
Categorical, DiagGaussian, Always = TorchCategorical, TorchDiagGaussian, TorchDeterministic
KERNEL = "weight"
"""What the weights of a layer are called beside its bias."""


class DiscreteBC(TorchRLModule):
    """Writing custom single-agent RL Modules."""

    def setup(self) -> None:
        input_dim = self.config.observation_space.shape[0]
        hidden_dim = self.config.model_config_dict["fcnet_hiddens"][0]
        output_dim = self.config.action_space.n
        self.policy = nn.Sequential(nn.Linear(input_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, output_dim))
        self.input_dim = input_dim

    def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        with torch.no_grad():
            return self._forward_train(batch)

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        with torch.no_grad():
            return self._forward_train(batch)

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": self.policy(batch["obs"])}


POLICY = ("policy.0", "policy.2")
"""Its layers with weights."""


class WithValues(DiscreteBC):
    """The same with what PPO's loss needs besides."""

    def setup(self) -> None:
        super().setup()
        self.values = nn.Linear(self.input_dim, 1)

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**super()._forward_train(batch), "vf_preds": self.values(batch["obs"])[:, 0]}


class MyPPO(PPOTorchRLModule):
    """Extending existing RL Modules: adds a layer in front."""

    def setup(self) -> None:
        super().setup()
        self.first = nn.Linear(4, 4)

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return super()._forward_train({**batch, "obs": self.first(batch["obs"])})

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return super()._forward_exploration({**batch, "obs": self.first(batch["obs"])})

    _forward_inference = _forward_exploration


def plain_layer(inputs: int, outputs: int) -> Any:
    """What an override point of a catalog may return."""
    return nn.Linear(inputs, outputs)


class Deterministic(TorchRLModule):
    """Always does what its network says, in exploration too."""

    def setup(self) -> None:
        self.net = nn.Linear(4, 2)

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": torch.tanh(self.net(batch["obs"]))}

    _forward_exploration = _forward_inference = _forward_train

    def get_exploration_action_dist_cls(self) -> type[Distribution]:
        return TorchDeterministic

    get_train_action_dist_cls = get_inference_action_dist_cls = get_exploration_action_dist_cls


class Migrated(TorchRLModule):
    """What was a custom policy: its sampling logic is now in the forwards."""

    def setup(self) -> None:
        self.net = nn.Linear(4, 3)

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": self.net(batch["obs"])}

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        # Hotter than in training, so that the phases cannot be mixed up.
        return {"action_dist_inputs": self.net(batch["obs"]) / 2, "phase": torch.ones(len(batch["obs"]))}

    def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**self._forward_train(batch), "phase": torch.zeros(len(batch["obs"]))}


class BCModuleWithSharedGlobalEncoder(TorchRLModule):
    """Applies an encoder that it shares with others to the global part of the observations."""

    def __init__(self, encoder: nn.Module, local_dim: int, hidden_dim: int, action_dim: int) -> None:
        super().__init__(config=None)
        self.encoder = encoder
        self.policy_head = nn.Sequential(
            nn.Linear(hidden_dim + local_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, action_dim)
        )

    def input_specs_train(self) -> SpecType:
        return [("obs", "global"), ("obs", "local")]

    input_specs_exploration = input_specs_inference = input_specs_train

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        obs = batch["obs"]
        policy_in = torch.cat([self.encoder(obs["global"]), obs["local"]], dim=-1)
        return {"action_dist_inputs": self.policy_head(policy_in)}

    _forward_exploration = _forward_inference = _forward_train


class BCMultiAgentModuleWithSharedEncoder(MultiAgentRLModule):
    """The agents that it makes share one encoder."""

    def setup(self) -> None:
        module_specs = self.config.modules
        first = next(iter(module_specs.values()))
        global_dim = first.observation_space["global"].shape[0]
        hidden_dim = first.model_config_dict["fcnet_hiddens"][0]
        shared_encoder = nn.Sequential(nn.Linear(global_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, hidden_dim))
        self._rl_modules = {
            module_id: spec.module_class(
                encoder=shared_encoder,
                local_dim=spec.observation_space["local"].shape[0],
                hidden_dim=hidden_dim,
                action_dim=spec.action_space.n,
            )
            for module_id, spec in module_specs.items()
        }
