"""Whether a framework trains: a tiny network, forward and backward, against numpy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, requires, version
from typing import Any

import gymnasium as gym
import numpy as np

from rlmodule_algorithms.cli.health.finding import Finding
from rlmodule_algorithms.cli.loading import load_framework
from rlmodule_core import (
    ActorCriticRLModule,
    Backend,
    Columns,
    GradientClip,
    Ops,
    OptimizerSettings,
    SingleAgentRLModuleSpec,
    Tensor,
    TrainingBackend,
    plugins,
)

_ROWS = 8
_TOLERANCE = 1e-5
_INSTALL = 'Install one: pip install "rlmodule-algorithms[torch]", or [tf]'


def check_frameworks() -> Iterator[Finding]:
    """Each backend that is installed, and whether one of them trains."""
    trains = False
    for point in sorted(entry_points(group=plugins.BACKENDS), key=lambda point: point.name):
        finding, can_train = _framework(point)
        trains = trains or can_train
        yield finding
    if not trains:
        yield Finding("fail", "framework", "none that trains works; rlmodule evaluate runs on numpy", _INSTALL)


def _framework(point: EntryPoint) -> tuple[Finding, bool]:
    subject = f"framework {point.name}"
    try:
        backend = load_framework(point.name)
        done = _try(backend)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        advice = f"Install it again: pip install --force-reinstall {_owner(point)}"
        return Finding("fail", subject, f"{type(error).__name__}: {error}", advice), False
    versions = ", ".join(_versions(_owner(point)))
    return Finding("ok", subject, f"{done} ({versions})"), isinstance(backend, TrainingBackend)


def _try(backend: Backend) -> str:
    """Say what works.

    Raises:
        ArithmeticError: the framework computes something else than numpy.
    """
    spec = SingleAgentRLModuleSpec(
        module_class=ActorCriticRLModule,
        observation_space=gym.spaces.Box(-1.0, 1.0, (4,)),
        action_space=gym.spaces.Discrete(2),
        model_config_dict={"fcnet_hiddens": [8]},
        catalog_class="ppo",
    )
    module = spec.build(framework=backend.name)
    obs = np.linspace(-1.0, 1.0, _ROWS * 4, dtype=np.float32).reshape(_ROWS, 4)
    got = _values(module, obs)
    if not np.allclose(got, _values(module.to_framework("numpy"), obs), atol=_TOLERANCE):
        raise ArithmeticError(f"{backend.name} computes other values than numpy for the same network")
    if not isinstance(backend, TrainingBackend):
        return "runs"
    backend.update_epoch(
        module,
        loss=_loss,
        optimizer=backend.make_optimizer(module, OptimizerSettings(lr=1e-2)),
        columns={Columns.OBS: obs},
        permutation=np.arange(_ROWS),
        minibatch_size=_ROWS,
        coeffs={},
        clip=GradientClip(),
    )
    if np.array_equal(got, _values(module, obs)):
        raise ArithmeticError(f"{backend.name} does not change the weights that it trains")
    return "runs and trains"


def _values(module: Any, obs: Any) -> Any:
    backend = module.backend
    with backend.without_gradients():
        batch = {Columns.OBS: backend.batch(module.config.observation_space, obs, like=module)}
        return backend.to_numpy(module.forward_train(batch)[Columns.VF_PREDS])


def _loss(
    ops: Ops, outputs: Mapping[str, Any], batch: Mapping[str, Any], coeffs: Mapping[str, Any]
) -> tuple[Tensor, dict[str, Tensor]]:
    error = outputs[Columns.VF_PREDS] - 1.0
    return ops.mean(error * error), {}


def _owner(point: EntryPoint) -> str:
    return point.module.partition(".")[0].replace("_", "-") if point.dist is None else point.dist.name


def _versions(owner: str) -> Iterator[str]:
    """The versions of a distribution and of what it needs beside our packages."""
    needed = (re.split(r"[^A-Za-z0-9._-]", line)[0] for line in requires(owner) or () if "extra ==" not in line)
    for name in (owner, *(name for name in needed if not name.startswith("rlmodule-"))):
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
