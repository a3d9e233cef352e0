"""PPO's options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self, Unpack

from rlmodule_algorithms.config.algorithm_config import AlgorithmConfig, names
from rlmodule_algorithms.config.options import Scheduled, TrainingOptions
from rlmodule_algorithms.ppo.learner import PPOLearner
from rlmodule_algorithms.ppo.settings import PPOSettings


class PPOTrainingOptions(TrainingOptions, total=False):
    """Options of `PPOConfig.training()`."""

    lambda_: float
    clip_param: Scheduled
    vf_clip_param: float | None
    vf_loss_coeff: float
    entropy_coeff: Scheduled
    use_kl_loss: bool
    kl_coeff: float
    kl_target: float


@dataclass
class PPOConfig(PPOSettings, AlgorithmConfig):
    """Configures PPO: `PPOConfig().environment("CartPole-v1").training(lr=1e-3).build()`."""

    groups: ClassVar[Mapping[str, frozenset[str]]] = {**AlgorithmConfig.groups, "training": names(PPOTrainingOptions)}

    def training(self, **options: Unpack[PPOTrainingOptions]) -> Self:
        """How to learn.

        Args:
            **options: those of every algorithm, and `lambda_` of GAE; `clip_param` of the ratio; `vf_clip_param`,
                the limit of the squared value error (None: no limit); `vf_loss_coeff`; `entropy_coeff`; `use_kl_loss`
                with the adaptive `kl_coeff` and its `kl_target`.
        """
        return super().training(**options)  # type: ignore[misc]

    @property
    def learner_class(self) -> type[PPOLearner]:
        return PPOLearner
