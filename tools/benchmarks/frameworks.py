"""rlmodule's own backends against each other: TensorFlow, PyTorch and numpy, on one thread.

Two tables of forwards of CartPole's network, tensors in, at batch 1 and 1024: `forward_inference` in each framework, in
TensorFlow also without a graph, and the same layers of Keras called eagerly, which no rollout should do. Then PPO, in
environment steps per second, in turn in one process: on CartPole with its own vector environment, with memory, and for
some kinds of spaces. Small standard modules act through numpy in both, so that what differs is the update.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from measuring import CLOCKS, Comparison, Measure, argument_parser, in_turn, microseconds, one_thread, report
from peers import ours
from peers.families import FAMILIES
from peers.trainer import Trainer, steps_per_second, warm_up

from rlmodule_core import ActorCriticRLModule, RLModule, SingleAgentRLModuleSpec

Timer = Callable[[Callable[[], object]], Measure]

TORCH, TF, NUMPY = "torch", "tf2", "numpy"

JOBS: Mapping[str, Callable[[str], Trainer]] = {
    "CartPole": lambda framework: ours.on_standard(0, native=True, framework=framework),
    "LSTM": lambda framework: ours.on_recurrent(0, max_seq_len=20, framework=framework),
    "GRU": lambda framework: ours.on_recurrent(0, max_seq_len=20, cell="gru", framework=framework),
    **{
        name: partial(lambda family, framework: ours.on_family(0, family, framework=framework), FAMILIES[name])
        for name in ("Box(3), Gaussian", "masked Discrete(30)", "image 36 x 36 x 3 and vector", "image 84 x 84 x 4")
    },
}
"""By their names in the tables."""


def standard_module(framework: str) -> RLModule:
    """The module that PPO would train on CartPole."""
    env = gym.make("CartPole-v1")
    settings = {"fcnet_hiddens": [64, 64], "fcnet_activation": "tanh", "vf_share_layers": False}
    spec = SingleAgentRLModuleSpec(ActorCriticRLModule, env.observation_space, env.action_space, settings)
    return spec.build(framework=framework)


def eager_keras() -> Callable[[Any], Any]:
    """The layers of CartPole's policy as a Keras model, called as it is."""
    import keras

    layers = [keras.layers.Dense(64, activation="tanh"), keras.layers.Dense(64, activation="tanh")]
    return keras.Sequential([*layers, keras.layers.Dense(2)])


def forward_measures(timer: Timer, batch: int) -> dict[str, Measure]:
    """One forward in each framework."""
    obs = np.random.default_rng(0).normal(size=(batch, 4)).astype(np.float32)
    modules = {framework: standard_module(framework) for framework in (TORCH, TF, NUMPY)}
    columns = {name: {"obs": module.backend.batch(None, obs)} for name, module in modules.items()}

    def forward(name: str) -> Measure:
        return timer(lambda: modules[name].forward_inference(columns[name]))

    model, tensorflow = eager_keras(), modules[TF]
    return {
        TORCH: forward(TORCH),
        f"{TF}, a graph": forward(TF),
        f"{TF}, no graph": timer(lambda: tensorflow._forward_inference(columns[TF])),
        "Keras, eager": timer(lambda: model(columns[TF]["obs"])),
        NUMPY: forward(NUMPY),
    }


def training(name: str, options: argparse.Namespace) -> Comparison:
    """PPO in both frameworks, in turn."""
    trainers = {framework: JOBS[name](framework) for framework in (TORCH, TF)}
    measures = {}
    for framework, trainer in trainers.items():
        warm_up(trainer, iterations=options.warmup)
        measures[framework] = steps_per_second(trainer, iterations=options.iterations, clock=CLOCKS[options.clock])
    samples = in_turn(measures, rounds=options.rounds)
    for trainer in trainers.values():
        trainer.close()
    return Comparison(f"PPO, {name}", "steps/s", samples, TORCH)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, compare, print."""
    parser = argument_parser(__doc__, rounds=9)
    parser.add_argument("--block-ms", type=float, default=100.0, help="time each forward over a block this long")
    parser.add_argument("--iterations", type=int, default=8, help="of PPO in a round")
    parser.add_argument("--warmup", type=int, default=4, help="iterations before the first round")
    parser.add_argument("--only", nargs="*", choices=tuple(JOBS), default=tuple(JOBS), metavar="JOB")
    options = parser.parse_args(arguments)
    one_thread()
    timer = partial(microseconds, clock=CLOCKS[options.clock], block_s=options.block_ms / 1e3)
    tables = [
        Comparison(
            f"Forward, batch {batch}",
            "microseconds",
            in_turn(forward_measures(timer, batch), rounds=options.rounds),
            TORCH,
        )
        for batch in (1, 1024)
    ]
    report([*tables, *(training(name, options) for name in options.only)], options)


if __name__ == "__main__":
    main()
