"""What readers of the guide write in TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from rlmodule_algorithms import PPOTfRLModule
from rlmodule_core import Distribution, SpecType
from rlmodule_marl import MultiAgentRLModule
from rlmodule_tf import TfCategorical, TfDeterministic, TfDiagGaussian, TfRLModule

PPOModule = PPOTfRLModule
Base = TfRLModule
Categorical, DiagGaussian, Always = TfCategorical, TfDiagGaussian, TfDeterministic
KERNEL = "kernel"
"""What the weights of a layer are called beside its bias."""


class DiscreteBC(TfRLModule):
    """Writing custom single-agent RL Modules."""

    def setup(self) -> None:
        input_dim = self.config.observation_space.shape[0]
        hidden_dim = self.config.model_config_dict["fcnet_hiddens"][0]
        # Keras takes no integer of numpy, which `n` is.
        output_dim = int(self.config.action_space.n)
        self.policy = tf.keras.Sequential(
            [tf.keras.layers.Dense(hidden_dim, activation="relu"), tf.keras.layers.Dense(output_dim)]
        )
        self.input_dim = input_dim

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": self.policy(batch["obs"])}

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._forward_train(batch)

    def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._forward_train(batch)


POLICY = ("policy.0", "policy.1")
"""Its layers with weights."""


class WithValues(DiscreteBC):
    """The same with what PPO's loss needs besides."""

    def setup(self) -> None:
        super().setup()
        self.values = tf.keras.layers.Dense(1)

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**super()._forward_train(batch), "vf_preds": self.values(batch["obs"])[:, 0]}


class MyPPO(PPOTfRLModule):
    """Extending existing RL Modules: adds a layer in front."""

    def setup(self) -> None:
        super().setup()
        self.first = tf.keras.layers.Dense(4)

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return super()._forward_train({**batch, "obs": self.first(batch["obs"])})

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return super()._forward_exploration({**batch, "obs": self.first(batch["obs"])})

    _forward_inference = _forward_exploration


def plain_layer(inputs: int, outputs: int) -> Any:
    """What an override point of a catalog may return."""
    return tf.keras.layers.Dense(outputs)


class Deterministic(TfRLModule):
    """Always does what its network says, in exploration too."""

    def setup(self) -> None:
        self.net = tf.keras.layers.Dense(2)

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": tf.tanh(self.net(batch["obs"]))}

    _forward_exploration = _forward_inference = _forward_train

    def get_exploration_action_dist_cls(self) -> type[Distribution]:
        return TfDeterministic

    get_train_action_dist_cls = get_inference_action_dist_cls = get_exploration_action_dist_cls


class Migrated(TfRLModule):
    """What was a custom policy: its sampling logic is now in the forwards."""

    def setup(self) -> None:
        self.net = tf.keras.layers.Dense(3)

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": self.net(batch["obs"])}

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        # Hotter than in training, so that the phases cannot be mixed up.
        return {"action_dist_inputs": self.net(batch["obs"]) / 2, "phase": tf.ones(tf.shape(batch["obs"])[:1])}

    def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**self._forward_train(batch), "phase": tf.zeros(tf.shape(batch["obs"])[:1])}


class BCModuleWithSharedGlobalEncoder(TfRLModule):
    """Applies an encoder that it shares with others to the global part of the observations."""

    def __init__(self, encoder: Any, local_dim: int, hidden_dim: int, action_dim: int) -> None:
        super().__init__(config=None)
        self.encoder = encoder
        # Without a config nobody could tell the width of what comes in.
        self.policy_head = tf.keras.Sequential(
            [
                tf.keras.Input((hidden_dim + local_dim,)),
                tf.keras.layers.Dense(hidden_dim, activation="relu"),
                tf.keras.layers.Dense(action_dim),
            ]
        )

    def input_specs_train(self) -> SpecType:
        return [("obs", "global"), ("obs", "local")]

    input_specs_exploration = input_specs_inference = input_specs_train

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        obs = batch["obs"]
        policy_in = tf.concat([self.encoder(obs["global"]), obs["local"]], axis=-1)
        return {"action_dist_inputs": self.policy_head(policy_in)}

    _forward_exploration = _forward_inference = _forward_train


class BCMultiAgentModuleWithSharedEncoder(MultiAgentRLModule):
    """The agents that it makes share one encoder."""

    def setup(self) -> None:
        module_specs = self.config.modules
        first = next(iter(module_specs.values()))
        global_dim = first.observation_space["global"].shape[0]
        hidden_dim = first.model_config_dict["fcnet_hiddens"][0]
        shared_encoder = tf.keras.Sequential(
            [
                tf.keras.Input((global_dim,)),
                tf.keras.layers.Dense(hidden_dim, activation="relu"),
                tf.keras.layers.Dense(hidden_dim),
            ]
        )
        self._rl_modules = {
            module_id: spec.module_class(
                encoder=shared_encoder,
                local_dim=spec.observation_space["local"].shape[0],
                hidden_dim=hidden_dim,
                action_dim=int(spec.action_space.n),
            )
            for module_id, spec in module_specs.items()
        }
