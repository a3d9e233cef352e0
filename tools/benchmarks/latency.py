"""Latency of one forward and of one served action, against the bare network: prints a table.

CartPole's network (two tanh layers of 64), one thread, all rows timed in turn in one process; each figure is the median
over the blocks, in microseconds of processor time, with its ratio to the bare network of the same batch:

    OMP_NUM_THREADS=1 python tools/benchmarks/latency.py
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import nn

from rlmodule_core import ActorCriticRLModule, Policy, SingleAgentRLModuleSpec, spec_checks

Call = Callable[[], Any]


def bare_network() -> nn.Module:
    """What the actor computes, without any container."""
    return nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 2))


def calls(batch: int) -> dict[str, Call]:
    """What is timed, by name; the first is the yardstick."""
    env = gym.make("CartPole-v1")
    spec = SingleAgentRLModuleSpec(
        ActorCriticRLModule,
        env.observation_space,
        env.action_space,
        {"fcnet_hiddens": [64, 64], "vf_share_layers": False},
    )
    module = spec.build(framework="torch")
    rows = np.random.default_rng(0).normal(size=(batch, 4)).astype(np.float32)
    tensors = torch.from_numpy(rows)
    bare = bare_network()

    def run_bare() -> Any:
        with torch.no_grad():
            return bare(tensors)

    def unchecked() -> Any:
        with spec_checks("off"):
            return module.forward_inference({"obs": tensors})

    timed: dict[str, Call] = {
        "bare network": run_bare,
        "forward_inference": lambda: module.forward_inference({"obs": tensors}),
        "forward_inference, checks off": unchecked,
    }
    if batch == 1:
        timed |= served(module, rows[0])
    return timed


def served(module: Any, obs: np.ndarray[Any, Any]) -> dict[str, Call]:
    """One observation in, one action out."""
    in_torch, in_numpy = Policy(module), Policy(module.to_framework("numpy"))
    timed: dict[str, Call] = {
        "Policy.compute_single_action, torch": lambda: in_torch.compute_single_action(obs),
        "Policy.compute_single_action, numpy": lambda: in_numpy.compute_single_action(obs),
    }
    if importlib.util.find_spec("stable_baselines3") is not None:
        from stable_baselines3 import PPO

        peer = PPO("MlpPolicy", "CartPole-v1", device="cpu")
        timed["stable-baselines3 predict"] = lambda: peer.predict(obs, deterministic=True)
    return timed


def microseconds(call: Call, repeats: int) -> float:
    """Processor time of one call."""
    started = time.process_time()
    for _ in range(repeats):
        call()
    return 1e6 * (time.process_time() - started) / repeats


def main() -> None:
    """Time everything block by block, print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=30)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for batch, repeats in ((1, 300), (1024, 30)):
        timed = calls(batch)
        for call in timed.values():
            microseconds(call, repeats)
        blocks = [{name: microseconds(call, repeats) for name, call in timed.items()} for _ in range(arguments.blocks)]
        for name in timed:
            median = statistics.median(block[name] for block in blocks)
            ratio = statistics.median(block[name] / block["bare network"] for block in blocks)
            print(f"batch {batch:>4}  {name:<36} {median:8.1f} us  {ratio:5.2f} x bare")


if __name__ == "__main__":
    main()
