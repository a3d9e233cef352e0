"""Latency of forwards, of single actions and of the spec checks.

CartPole's network (two tanh layers of 64) on one thread. Four tables: the public forward against the bare network, at
batch 1 and 1024, tensors in; one numpy observation in, one action out, served by rlmodule and by stable-baselines3 (if
installed) against the bare network; and what the checks add to a forward, as the difference between checks on and off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from measuring import CLOCKS, Comparison, Measure, argument_parser, in_turn, microseconds, one_thread, report
from peers.single_file import network

from rlmodule_core import (
    ActorCriticRLModule,
    Policy,
    RLModule,
    SingleAgentRLModuleSpec,
    SpecType,
    TensorSpec,
    spec_checks,
)
from rlmodule_torch import TorchRLModule

Call = Callable[[], object]
Timer = Callable[[Call], Measure]

BARE = "bare network"
SERVED = "bare network and argmax"
SB3_PREDICT = "stable-baselines3 predict"


class EightLeaves(TorchRLModule):
    """A module whose forward costs nothing, and whose input has eight checked leaves."""

    keys = tuple("abcdefgh")

    def setup(self) -> None:
        self.output = {"action_dist_inputs": torch.zeros(1, 2)}

    def input_specs_inference(self) -> SpecType:
        return {key: TensorSpec("b, h", h=4, framework="torch") for key in self.keys}

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return self.output

    _forward_exploration = _forward_inference = _forward_train


def standard_module() -> RLModule:
    """The module that PPO would train on CartPole."""
    env = gym.make("CartPole-v1")
    settings = {"fcnet_hiddens": [64, 64], "fcnet_activation": "tanh", "vf_share_layers": False}
    spec = SingleAgentRLModuleSpec(ActorCriticRLModule, env.observation_space, env.action_space, settings)
    return spec.build(framework="torch")


def observations(batch: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Random rows for CartPole."""
    return np.random.default_rng(0).normal(size=(batch, 4)).astype(np.float32)


def unchecked(measure: Measure) -> Measure:
    """The same measure with the spec checks off."""

    def measured() -> float:
        with spec_checks("off"):
            return measure()

    return measured


def forward_measures(timer: Timer, batch: int) -> dict[str, Measure]:
    """The public forward and the network inside it."""
    module, bare = standard_module(), network(2, gain=0.01)
    columns = {"obs": torch.from_numpy(observations(batch))}

    def run_bare() -> object:
        with torch.no_grad():
            return bare(columns["obs"])

    forward = timer(lambda: module.forward_inference(columns))
    return {
        BARE: timer(run_bare),
        "forward_inference": forward,
        "forward_inference, checks off": unchecked(forward),
    }


def action_measures(timer: Timer) -> dict[str, Measure]:
    """One observation in, one action out."""
    module, bare = standard_module(), network(2, gain=0.01)
    obs = observations(1)[0]

    def run_bare() -> object:
        with torch.no_grad():
            return bare(torch.from_numpy(obs)).argmax().item()

    in_torch, in_numpy = Policy(module), Policy(module.to_framework("numpy"))
    measures = {
        SERVED: timer(run_bare),
        "Policy, torch": timer(lambda: in_torch.compute_single_action(obs)),
        "Policy, numpy": timer(lambda: in_numpy.compute_single_action(obs)),
    }
    if find_spec("stable_baselines3") is not None:
        from stable_baselines3 import PPO

        layers = {"pi": [64, 64], "vf": [64, 64]}
        peer = PPO("MlpPolicy", "CartPole-v1", policy_kwargs={"net_arch": layers}, device="cpu")
        measures[SB3_PREDICT] = timer(lambda: peer.predict(obs, deterministic=True))
    return measures


def check_measures(timer: Timer) -> dict[str, Measure]:
    """What the checks of one forward cost: the difference between checks on and off, measured one after the other."""
    module, eight = standard_module(), EightLeaves()
    tensors = torch.from_numpy(observations(1))
    one_leaf = timer(lambda: module.forward_inference({"obs": tensors}))
    columns = dict.fromkeys(EightLeaves.keys, tensors)
    eight_leaves = timer(lambda: eight.forward_inference(columns))

    def difference(measure: Measure) -> float:
        return measure() - unchecked(measure)()

    return {
        "standard module: one leaf in": partial(difference, one_leaf),
        "eight leaves in": partial(difference, eight_leaves),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, compare, print."""
    parser = argument_parser(__doc__, rounds=30, clock="cpu")
    parser.add_argument("--block-ms", type=float, default=10.0, help="time each figure over a block this long")
    options = parser.parse_args(arguments)
    one_thread()
    timer = partial(microseconds, clock=CLOCKS[options.clock], block_s=options.block_ms / 1e3)
    run = partial(in_turn, rounds=options.rounds)
    unit = "microseconds"
    tables = [
        Comparison(f"Forward, batch {batch}", unit, run(forward_measures(timer, batch)), BARE) for batch in (1, 1024)
    ]
    actions = run(action_measures(timer))
    tables.append(Comparison("One action", unit, actions, SERVED, [SB3_PREDICT] if SB3_PREDICT not in actions else []))
    tables.append(Comparison("Checks of one forward", unit, run(check_measures(timer))))
    report(tables, options)


if __name__ == "__main__":
    main()
