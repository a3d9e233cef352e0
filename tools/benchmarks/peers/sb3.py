"""stable-baselines3's PPO, and sb3-contrib's for masked actions and for memory."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import mean
from typing import Any

from peers.families import Family
from peers.hidden_velocities import RECURRENT, hidden_velocities
from peers.standard import STANDARD, Standard, plain_env
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecNormalize
from torch import nn

_ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}


class TanhLayer(BaseFeaturesExtractor):
    """The layer in front of an LSTM."""

    def __init__(self, observation_space: Any) -> None:
        super().__init__(observation_space, RECURRENT.hidden)
        self.layer = nn.Sequential(nn.Linear(observation_space.shape[0], RECURRENT.hidden), nn.Tanh())

    def forward(self, observations: Any) -> Any:
        return self.layer(observations)


class SB3Trainer:
    """One `learn` call an iteration, without logging; it knows plain vector environments only."""

    def __init__(self, model: Any, setting: Standard) -> None:
        self._model, self._rows = model, setting.rows
        self._model.set_logger(Logger(None, []))

    def iterate(self) -> int:
        before = self._model.num_timesteps
        self._model.learn(self._rows, log_interval=None, reset_num_timesteps=False)
        return int(self._model.num_timesteps - before)

    def recent_return(self) -> float | None:
        episodes = self._model.ep_info_buffer
        return mean(float(episode["r"]) for episode in episodes) if len(episodes) == 100 else None

    def close(self) -> None:
        self._model.get_env().close()


def on_standard(seed: int) -> SB3Trainer:
    """Trains by the standard setting."""
    envs = make_vec_env(plain_env, n_envs=STANDARD.num_envs, seed=seed)
    return _trainer(PPO, "MlpPolicy", envs, STANDARD, _network(STANDARD.hidden, "tanh"), seed)


def on_family(seed: int, family: Family) -> SB3Trainer:
    """Trains on environments of a kind of spaces."""
    algorithm: Any = PPO
    if family.masked:
        from sb3_contrib import MaskablePPO

        algorithm = MaskablePPO
    envs: Any = make_vec_env(family.make_peer_env, n_envs=family.setting.num_envs, seed=seed)
    if family.normalised:
        envs = VecNormalize(envs, gamma=family.setting.gamma)
    network = _network(family.peer_layers, family.activation)
    return _trainer(algorithm, family.peer_policy, envs, family.setting, network, seed)


def on_recurrent(seed: int) -> SB3Trainer:
    """Trains with memory, by sequences as long as a rollout."""
    from sb3_contrib import RecurrentPPO

    envs = make_vec_env(hidden_velocities, n_envs=RECURRENT.setting.num_envs, seed=seed)
    network = {
        **_network((), "tanh"),
        "lstm_hidden_size": RECURRENT.cell_size,
        "features_extractor_class": TanhLayer,
        "share_features_extractor": False,
    }
    return _trainer(RecurrentPPO, "MlpLstmPolicy", envs, RECURRENT.setting, network, seed)


def _network(layers: tuple[int, ...], activation: str) -> Mapping[str, Any]:
    return {"net_arch": {"pi": list(layers), "vf": list(layers)}, "activation_fn": _ACTIVATIONS[activation]}


def _trainer(
    algorithm: Any, policy: str, envs: Any, setting: Standard, network: Mapping[str, Any], seed: int
) -> SB3Trainer:
    model = algorithm(
        policy,
        envs,
        learning_rate=setting.lr,
        n_steps=setting.steps,
        batch_size=setting.minibatch,
        n_epochs=setting.epochs,
        gamma=setting.gamma,
        gae_lambda=setting.lambda_,
        clip_range=setting.clip,
        ent_coef=setting.entropy_coeff,
        vf_coef=setting.value_coeff,
        max_grad_norm=setting.grad_norm,
        policy_kwargs=dict(network),
        device="cpu",
        seed=seed,
    )
    return SB3Trainer(model, setting)
