"""PPO's options as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from rlmodule_algorithms.config.options import Scheduled
from rlmodule_algorithms.config.settings import AlgorithmSettings
from rlmodule_algorithms.config.validation import require_number, require_one_of, require_schedule
from rlmodule_core import ConfigError


@dataclass
class PPOSettings(AlgorithmSettings):
    """The options that PPO adds; `PPOConfig` says what each means."""

    algorithm: ClassVar[str] = "PPO"

    lambda_: float = 0.95
    clip_param: Scheduled = 0.2
    vf_clip_param: float | None = None
    vf_loss_coeff: float = 0.5
    entropy_coeff: Scheduled = 0.0
    use_kl_loss: bool = True
    kl_coeff: float = 0.2
    kl_target: float = 0.01

    @property
    def default_model(self) -> Mapping[str, Any]:
        return {"vf_share_layers": False}

    def validate(self) -> None:
        super().validate()
        # Learners that replay old steps may take larger minibatches than they sample.
        if self.minibatch_size > self.train_batch_size:
            raise ConfigError(
                f"minibatch_size={self.minibatch_size} is larger than train_batch_size={self.train_batch_size}. Lower "
                "minibatch_size, or raise train_batch_size."
            )
        require_number("lambda_", self.lambda_, high=1.0)
        require_schedule("clip_param", self.clip_param)
        require_schedule("entropy_coeff", self.entropy_coeff)
        for option in ("vf_loss_coeff", "kl_coeff", "kl_target"):
            require_number(option, getattr(self, option))
        if self.vf_clip_param is not None:
            require_number("vf_clip_param", self.vf_clip_param)
        require_one_of("use_kl_loss", self.use_kl_loss, True, False)
