"""One network as a module, so that a training backend can be asked for its gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlmodule_core.backend import Backend, GradientClip, Loss, OptimizerSettings, TrainingBackend
from rlmodule_core.columns import Columns
from rlmodule_core.module.config import RLModuleConfig
from rlmodule_core.module.resolve import resolve_module_class
from rlmodule_core.module.rl_module import RLModule
from rlmodule_core.plans import Chain, Plan
from rlmodule_core.testing.compare import Array, leaves

# With these, Adam's step is `g / (1 + |g| / 2**24)`: in float32 the gradient itself.
PLAIN_DESCENT = OptimizerSettings(lr=2.0**24, beta1=0.0, beta2=0.0, eps=2.0**24)


class NetworkModule(RLModule):
    """`forward_train` runs the network of the plan under the setting "plan"."""

    net: Any

    def setup(self) -> None:
        settings = {} if self.config is None or self.config.model_config_dict is None else self.config.model_config_dict
        self.net = self.backend.lower(settings["plan"])

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        plan = self.backend.plan_of(self.net)
        return {"out": self.net(batch[Columns.OBS] if isinstance(plan, Chain) else batch)}

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {Columns.ACTIONS: self._forward_train(batch)["out"]}

    def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._forward_exploration(batch)


def network_module(backend: Backend, plan: Plan, module_class: type[NetworkModule] = NetworkModule) -> Any:
    """A module of the backend around a network for the plan."""
    return resolve_module_class(module_class, backend.name)(RLModuleConfig(model_config_dict={"plan": plan}))


def gradients(
    backend: TrainingBackend,
    module: Any,
    loss: Loss,
    columns: Mapping[str, Any],
    *,
    clip: GradientClip | None = None,
    coeffs: Mapping[str, float] | None = None,
) -> dict[str, Array]:
    """The gradient of the loss over all rows for each weight by name; the weights are put back afterwards."""
    before = backend.get_weights(module)
    rows = len(next(leaf for _, leaf in leaves(columns)))
    backend.update_epoch(
        module,
        loss=loss,
        optimizer=backend.make_optimizer(module, PLAIN_DESCENT),
        columns=columns,
        permutation=np.arange(rows),
        minibatch_size=rows,
        coeffs={} if coeffs is None else coeffs,
        clip=GradientClip() if clip is None else clip,
    )
    after = backend.get_weights(module)
    backend.set_weights(module, before)
    return {name: np.asarray(array) - np.asarray(after[name]) for name, array in before.items()}
