"""PPO's learner: its loss and the coefficients that change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlmodule_algorithms.learner import Learner
from rlmodule_algorithms.ppo.loss import ppo_loss
from rlmodule_algorithms.ppo.settings import PPOSettings
from rlmodule_algorithms.sampling.rollout import Rollout
from rlmodule_algorithms.sampling.train_batch import actor_critic_batch
from rlmodule_algorithms.schedules import Schedule
from rlmodule_core import Columns, RLModule, Tensor


class PPOLearner(Learner):
    """Minimises the PPO loss; adapts each module's KL coefficient after every iteration."""

    config: PPOSettings

    def setup(self) -> None:
        self.kl_coeffs = dict.fromkeys(self.module, self.config.kl_coeff)

    def make_batch(self, rollout: Rollout, module: RLModule) -> tuple[dict[str, Any], dict[str, float]]:
        return actor_critic_batch(rollout, module, gamma=self.config.gamma, lambda_=self.config.lambda_)

    def required_outputs(self) -> tuple[str, ...]:
        return (Columns.ACTION_DIST_INPUTS, Columns.VF_PREDS)

    def required_columns(self) -> tuple[str, ...]:
        needed = (Columns.ACTIONS, Columns.ACTION_LOGP)
        return (*needed, Columns.ACTION_DIST_INPUTS) if self.config.use_kl_loss else needed

    def coefficients(self, module_id: str, timestep: int) -> dict[str, float]:
        coeffs = {
            "clip_param": Schedule.of("clip_param", self.config.clip_param).at(timestep),
            "vf_loss_coeff": self.config.vf_loss_coeff,
            "entropy_coeff": Schedule.of("entropy_coeff", self.config.entropy_coeff).at(timestep),
        }
        if self.config.vf_clip_param is not None:
            coeffs["vf_clip_param"] = self.config.vf_clip_param
        if self.config.use_kl_loss:
            coeffs["kl_coeff"] = self.kl_coeffs[module_id]
        return coeffs

    def compute_loss_for_module(
        self, module_id: str, outputs: Mapping[str, Any], batch: Mapping[str, Any], coeffs: Mapping[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        module = self.module[module_id]
        return ppo_loss(
            self.backend.ops,
            outputs,
            batch,
            coeffs,
            new_dist_cls=module.get_train_action_dist_cls(),
            old_dist_cls=module.get_exploration_action_dist_cls(),
        )

    def after_iteration(self, module_id: str, metrics: Mapping[str, float]) -> dict[str, float]:
        # A module with a loss of its own may measure no divergence.
        if not self.config.use_kl_loss or "mean_kl_loss" not in metrics:
            return {}
        kl, used = metrics["mean_kl_loss"], self.kl_coeffs[module_id]
        if kl > 2.0 * self.config.kl_target:
            self.kl_coeffs[module_id] = 1.5 * used
        elif kl < 0.5 * self.config.kl_target:
            self.kl_coeffs[module_id] = 0.5 * used
        return {}

    def get_state(self) -> dict[str, Any]:
        return {**super().get_state(), "kl_coeffs": dict(self.kl_coeffs)}

    def set_state(self, state: Mapping[str, Any]) -> None:
        super().set_state(state)
        self.kl_coeffs = {module_id: float(state["kl_coeffs"][module_id]) for module_id in self.module}
