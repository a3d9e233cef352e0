"""PPO's options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, Unpack

from rlmodule_algorithms.config.algorithm_config import AlgorithmConfig, names
from rlmodule_algorithms.config.options import Scheduled, TrainingOptions
from rlmodule_algorithms.config.validation import require_number, require_one_of, require_schedule
from rlmodule_algorithms.ppo.learner import PPOLearner


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
class PPOConfig(AlgorithmConfig):
    """Configures PPO: `PPOConfig().environment("CartPole-v1").training(lr=1e-3).build()`."""

    groups: ClassVar[Mapping[str, frozenset[str]]] = {**AlgorithmConfig.groups, "training": names(PPOTrainingOptions)}
    algorithm: ClassVar[str] = "PPO"

    lambda_: float = 0.95
    clip_param: Scheduled = 0.2
    vf_clip_param: float | None = None
    vf_loss_coeff: float = 0.5
    entropy_coeff: Scheduled = 0.0
    use_kl_loss: bool = True
    kl_coeff: float = 0.2
    kl_target: float = 0.01

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

    @property
    def default_model(self) -> Mapping[str, Any]:
        return {"vf_share_layers": False}

    def validate(self) -> None:
        super().validate()
        require_number("lambda_", self.lambda_, high=1.0)
        require_schedule("clip_param", self.clip_param)
        require_schedule("entropy_coeff", self.entropy_coeff)
        for option in ("vf_loss_coeff", "kl_coeff", "kl_target"):
            require_number(option, getattr(self, option))
        if self.vf_clip_param is not None:
            require_number("vf_clip_param", self.vf_clip_param)
        require_one_of("use_kl_loss", self.use_kl_loss, True, False)
