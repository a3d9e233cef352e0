"""rlmodule's PPO."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from peers.families import Family
from peers.hidden_velocities import RECURRENT, hidden_velocities
from peers.standard import STANDARD, Standard, plain_env

from rlmodule_algorithms import Algorithm, PPOConfig


class OurTrainer:
    """rlmodule-algorithms, one `train` call an iteration."""

    def __init__(self, algorithm: Algorithm) -> None:
        self._algorithm = algorithm
        self._recent: float | None = None

    def iterate(self) -> int:
        result = self._algorithm.train()["env_runners"]
        if result["num_episodes_lifetime"] >= 100:
            self._recent = result["episode_return_mean"]
        return int(result["num_env_steps_sampled"])

    def recent_return(self) -> float | None:
        return self._recent

    def close(self) -> None:
        self._algorithm.stop()


def on_standard(seed: int, *, native: bool, framework: str = "torch") -> OurTrainer:
    """Trains by the standard setting; `native` uses the vector environment that CartPole comes with."""
    # A function hides the id, and with it the environment's own vector entry point.
    source = STANDARD.env_id if native else lambda _: plain_env()
    model = {"fcnet_hiddens": list(STANDARD.hidden), "fcnet_activation": "tanh"}
    return OurTrainer(_config(source, model, STANDARD, seed).framework(framework).build())


def on_family(seed: int, family: Family, framework: str = "torch") -> OurTrainer:
    """Trains on environments of a kind of spaces."""
    config = _config(lambda _: family.make_env(), family.model, family.setting, seed)
    return OurTrainer(config.env_runners(normalize_rewards=family.normalised).framework(framework).build())


def on_recurrent(seed: int, *, max_seq_len: int, cell: str = "lstm", framework: str = "torch") -> OurTrainer:
    """Trains with memory, by sequences of at most `max_seq_len` steps."""
    memory = {f"use_{cell}": True, "lstm_cell_size": RECURRENT.cell_size, "max_seq_len": max_seq_len}
    return _without_velocities(seed, {"fcnet_hiddens": [RECURRENT.hidden], **memory}, framework)


def on_as_many_products(seed: int) -> OurTrainer:
    """Trains without memory: a dense layer with as many multiplications as the LSTM in its place."""
    size = RECURRENT.cell_size
    width = 4 * size * (RECURRENT.hidden + size) // RECURRENT.hidden
    return _without_velocities(seed, {"fcnet_hiddens": [RECURRENT.hidden, width]})


def _without_velocities(seed: int, model: Mapping[str, Any], framework: str = "torch") -> OurTrainer:
    settings = {"fcnet_activation": "tanh", **model}
    config = _config(lambda _: hidden_velocities(), settings, RECURRENT.setting, seed)
    return OurTrainer(config.framework(framework).build())


def _config(source: Any, model: Mapping[str, Any], setting: Standard, seed: int) -> PPOConfig:
    return (
        PPOConfig()
        .environment(source)
        .env_runners(num_envs_per_env_runner=setting.num_envs)
        .training(
            lr=setting.lr,
            gamma=setting.gamma,
            lambda_=setting.lambda_,
            train_batch_size=setting.rows,
            minibatch_size=setting.minibatch,
            num_epochs=setting.epochs,
            clip_param=setting.clip,
            vf_loss_coeff=setting.value_coeff,
            entropy_coeff=setting.entropy_coeff,
            grad_clip=setting.grad_norm,
            use_kl_loss=False,
            model=model,
        )
        .debugging(seed=seed)
    )
