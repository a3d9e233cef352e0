"""Write golden checkpoints: once for each format number, or for each kind of content that a format number gains.

`python tools/make_golden.py` writes those that are missing; `python tools/make_golden.py discrete container` only
these. An existing one is never replaced: that it cannot be read any more is the finding. Never run this to make a
failing test pass; a change that old checkpoints do not survive raises the format number and reads both.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from golden_arrays import encode
from golden_memory import encoders_with_memory, more_columns
from rlmodule_core import (
    DEFAULT_MODULE_ID,
    ActorCriticRLModule,
    Bernoulli,
    Categorical,
    Descriptor,
    Deterministic,
    DiagGaussian,
    ModulePlans,
    MultiCategorical,
    MultiDistribution,
    RLModule,
    RLModuleConfig,
    SingleAgentRLModuleSpec,
    SquashedGaussian,
)
from rlmodule_core.checkpoint.layout import FORMAT
from rlmodule_core.numpy_backend import NumpyActorCriticRLModule
from rlmodule_core.plans import (
    Activation,
    ActorCritic,
    Branches,
    Cast,
    Chain,
    Concat,
    Conv2D,
    Dense,
    Encoder,
    Flatten,
    FreeParameter,
    Fusion,
    LayerNorm,
    MultiOneHot,
    Normalise,
    OneHot,
    Record,
    Scale,
    Transpose,
)
from rlmodule_core.spaces import named_leaves, sub_spaces
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleSpec
from workspace import ROOT

FOLDER = ROOT / "tests" / "compatibility" / "golden" / f"format-{FORMAT}"
EXPECTED = "expected.json"
CHECKPOINT = "checkpoint"

# As CartPole-v1 has them, written out: an environment may change.
_HIGH = np.array([4.8, np.inf, 0.41887903, np.inf], np.float32)
_CARTPOLE = gym.spaces.Box(-_HIGH, _HIGH), gym.spaces.Discrete(2)
_GAUSSIAN = gym.spaces.Box(-1, 1, (4,)), gym.spaces.Box(-2.0, 6.0, (2,))


def discrete() -> RLModule:
    """The usual case: CartPole, one encoder, written by torch."""
    return _actor_critic(_CARTPOLE, "torch", vf_share_layers=True)


def gaussian() -> RLModule:
    """A Gaussian with a free log standard deviation, two encoders, written by numpy."""
    return _actor_critic(_GAUSSIAN, "numpy", vf_share_layers=False, free_log_std=True)


def container() -> MultiAgentRLModule:
    """Two ids of one module, and a third whose id needs escaping."""
    made = MultiAgentRLModule()
    made.add_module("left", _actor_critic(_CARTPOLE, "numpy", vf_share_layers=True))
    made.add_module("right", made["left"])
    made.add_module("judge.1%", _actor_critic(_GAUSSIAN, "numpy", vf_share_layers=True))
    return made


def shared_encoder() -> MultiAgentRLModule:
    """Agents of a user's class that share a network, in a container of a user's class."""
    from golden_classes import Agent, OneEncoder

    observations = gym.spaces.Box(-1, 1, (4,))
    specs = {
        name: SingleAgentRLModuleSpec(Agent, observations, gym.spaces.Discrete(actions), {})
        for name, actions in {"red": 2, "blue": 3}.items()
    }
    built: MultiAgentRLModule = MultiAgentRLModuleSpec(marl_module_class=OneEncoder, module_specs=specs).build()
    return built


def own_network() -> RLModule:
    """A user's own class, with every space that can be stored."""
    from golden_classes import OwnNetwork

    spaces = gym.spaces.Dict(
        {
            "position": gym.spaces.Box(-1, 1, (3,)),
            "pixels": gym.spaces.Box(0, 255, (2, 2), np.uint8),
            "count": gym.spaces.Discrete(4, start=-1),
            "counts": gym.spaces.MultiDiscrete([2, 3]),
            "flags": gym.spaces.MultiBinary(3),
            "word": gym.spaces.Text(4, charset="ab"),
            "pair": gym.spaces.Tuple((gym.spaces.Discrete(2), gym.spaces.Box(0.0, 1.0, (), np.float64))),
        }
    )
    settings = {"note": "a\u00e9\u20ac", "sizes": [1, 2], "rate": 1e-05, "nothing": None, "on": True}
    return OwnNetwork(RLModuleConfig(spaces, gym.spaces.Discrete(2), settings))


def records() -> MultiAgentRLModule:
    """Every record, composite and descriptor of this format, every activation, and each optional weight."""
    first, second, third = (Activation(name) for name in ("relu", "tanh", "elu"))
    fourth, fifth, sixth = (Activation(name) for name in ("silu", "sigmoid", "softplus"))
    actor = Encoder(Chain((OneHot(5, start=2), Dense(5, 4, bias=False), LayerNorm(4, eps=0.01), first)))
    critic = Encoder(Chain((OneHot(5, start=2), Dense(5, 3), second, Dense(3, 4), third)))
    shared = Encoder(Chain((Cast(), Dense(3, 4), fourth, Dense(4, 5), fifth)))
    counts = gym.spaces.Discrete(5, start=2), gym.spaces.Box(-1, 1, (3,))
    pixels = gym.spaces.Box(0, 9, (3,), np.uint8), gym.spaces.Discrete(3, start=1)
    head = (Dense(4, 2), FreeParameter(1, initial=-1.0))
    made = MultiAgentRLModule()
    made.add_module("one_hot", _planned(counts, ActorCritic(None, actor, critic), head, Deterministic(3)))
    made.add_module("cast", _planned(pixels, ActorCritic(shared), (Dense(5, 3), sixth), Categorical(3, start=1)))
    return made


def encoders() -> RLModule:
    """Every record and composite for images and for several observations at once, each optional field set."""
    spaces = gym.spaces.Dict(
        {
            "frames.1": gym.spaces.Box(0, 9, (2, 3, 4, 5), np.uint8),
            "pair": gym.spaces.Tuple(
                (gym.spaces.MultiDiscrete([[2], [3]], start=[[1], [-1]]), gym.spaces.Box(-1, 1, ()))
            ),
        }
    )
    stack = Transpose((1, 2, 0, 3)), Flatten(2), Scale(9.0)
    uneven = Conv2D(10, 2, (2, 3), (2, 1), (0, 1, 1, 1), gain=0.5, initializer="xavier_uniform")
    image = Chain((*stack, uneven, LayerNorm(2, axes=3), Conv2D(2, 3, (2, 2), bias=False), Flatten(3)))
    counts, number = Chain((Flatten(2), MultiOneHot((2, 3), (1, -1)))), Chain((Flatten(0), Dense(1, 2)))
    pair = Branches.of({"0": (counts, (2, 1)), "1": (number, ())})
    branches = Branches.of({"frames.1": (image, (2, 3, 4, 5)), "pair": (pair, ())})
    width = branches.output_dims(())[0]
    fusion = Fusion(branches, Chain((Concat(), Dense(width, 4, initializer="kaiming_normal"), Activation("tanh"))))
    actions = gym.spaces.Discrete(2)
    return _planned((spaces, actions), ActorCritic(Encoder(fusion)), (Dense(4, 2),), Categorical(2))


def normalised() -> RLModule:
    """Statistics of one encoder and, each with fields of its own, of the parts of another."""
    parts = gym.spaces.Dict({"grid": gym.spaces.Box(-9, 9, (2, 2)), "speed": gym.spaces.Box(-np.inf, np.inf, (3,))})
    grid = Chain((Flatten(2), Normalise(4, eps=0.25, clip=0.75), Dense(4, 2)))
    speed = Chain((Normalise(3), Dense(3, 2)))
    branches = Branches.of({"grid": (grid, (2, 2)), "speed": (speed, (3,))})
    encoder = Encoder(Fusion(branches, Chain((Concat(), Dense(4, 3)))))
    return _planned(
        (parts, gym.spaces.Discrete(2)), ActorCritic(None, encoder, encoder), (Dense(3, 2),), Categorical(2)
    )


def distributions() -> MultiAgentRLModule:
    """Every further descriptor, with action spaces of several axes, starts of their own and parts in parts."""
    made = MultiAgentRLModule()
    for name, (space, descriptor) in _action_spaces().items():
        spaces = gym.spaces.Box(-1, 1, (3,)), space
        head = (Dense(2, descriptor.input_dim),)
        made.add_module(name, _planned(spaces, ActorCritic(Encoder(Chain((Cast(), Dense(3, 2))))), head, descriptor))
    return made


def memory() -> MultiAgentRLModule:
    """Every record and composite that carries a state, several layers, and what they are told of the step before."""
    spaces = gym.spaces.Box(-1, 1, (3,)), gym.spaces.Discrete(3, start=1)
    made = MultiAgentRLModule()
    for name, encoder in encoders_with_memory().items():
        head = (Dense(encoder.output_dims((3,))[-1], 3),)
        made.add_module(name, _planned(spaces, encoder, head, Categorical(3, start=1)))
    return made


def _action_spaces() -> dict[str, tuple[gym.Space[Any], Descriptor]]:
    tall, number = gym.spaces.Box(0.0, np.inf, (2, 1)), gym.spaces.Box(-np.inf, np.inf, ())
    bounded = gym.spaces.Box(np.array([[-2.0], [0.0]]), np.array([[6.0], [0.5]]), dtype=np.float64)
    choices = gym.spaces.MultiDiscrete(np.array([[2, 3], [3, 2]]), start=np.array([[0, -1], [-1, 4]]))
    switches, vector = gym.spaces.MultiBinary((1, 2)), gym.spaces.Box(-1, 1, (2,))
    several = gym.spaces.Tuple((gym.spaces.Discrete(3, start=1), gym.spaces.MultiBinary(2)))
    return {
        "tall": (tall, DiagGaussian((2, 1))),
        "number": (number, DiagGaussian((), normalize_actions=False)),
        "given": (tall, Deterministic((2, 1))),
        "squashed": (bounded, SquashedGaussian((-2.0, 0.0), (6.0, 0.5), shape=(2, 1))),
        "choices": (choices, MultiCategorical((2, 3, 3, 2), start=(0, -1, -1, 4), shape=(2, 2))),
        "switches": (switches, Bernoulli((1, 2))),
        "parts": (
            gym.spaces.Dict({"aim": vector, "go": several}),
            MultiDistribution.of({"aim": DiagGaussian(2), "go": (Categorical(3, start=1), Bernoulli(2))}),
        ),
    }


def _planned(spaces: Any, encoder: ActorCritic, pi: tuple[Record, ...], descriptor: Descriptor) -> RLModule:
    latents = encoder.output_dims(spaces[0].shape)
    plans = ModulePlans(encoder, Chain(pi), Chain((Dense(latents[-1], 1),)), descriptor, descriptor, descriptor)
    return NumpyActorCriticRLModule(RLModuleConfig(*spaces, {}, plans=plans))


def _actor_critic(spaces: Any, framework: str, **settings: Any) -> RLModule:
    model = {"fcnet_hiddens": [5, 3], **settings}
    return SingleAgentRLModuleSpec(ActorCriticRLModule, *spaces, model, "ppo").build(framework=framework)


def mixed() -> MultiAgentRLModule:
    """A module that is tied to torch, and a portable one, for which no framework is recorded."""
    from golden_classes import Agent

    made = MultiAgentRLModule()
    made.add_module("tied", Agent(RLModuleConfig(*_CARTPOLE, {})))
    made.add_module("portable", _actor_critic(_CARTPOLE, "torch", vf_share_layers=True))
    return made


def algorithm() -> Any:
    """PPO after two iterations: moments of the optimizer, counters, random states."""
    from rlmodule_algorithms import PPOConfig

    config = (
        PPOConfig()
        .environment("CartPole-v1")
        .env_runners(num_envs_per_env_runner=2)
        .training(train_batch_size=64, minibatch_size=32, num_epochs=1, model={"fcnet_hiddens": [5, 3]})
        .debugging(seed=0)
    )
    built = config.build()
    for _ in range(2):
        built.train()
    return built


CASES: dict[str, Callable[[], Any]] = {
    made.__name__: made
    for made in (
        discrete,
        gaussian,
        container,
        shared_encoder,
        own_network,
        records,
        encoders,
        normalised,
        distributions,
        memory,
        mixed,
        algorithm,
    )
}
"""What is written, by the name of its directory."""


def modules_of(made: Any) -> dict[str, RLModule]:
    """The modules of a case by id."""
    if isinstance(made, RLModule):
        return {DEFAULT_MODULE_ID: made}
    return dict(made.items()) if isinstance(made, MultiAgentRLModule) else {DEFAULT_MODULE_ID: made.get_module()}


def make(name: str, directory: Path) -> None:
    """Write a case: the checkpoint, and what is expected of it."""
    rng, made = np.random.default_rng(0), CASES[name]()
    modules = modules_of(made)
    if isinstance(made, RLModule | MultiAgentRLModule):
        for module in modules.values():
            module.set_state({key: _drawn(key, array, rng) for key, array in module.get_state().items()})
        made.save_to_checkpoint(directory / CHECKPOINT)
    else:
        made.save(directory / CHECKPOINT)
        made.stop()
    expected = {module_id: _expected(module, rng) for module_id, module in modules.items()}
    (directory / EXPECTED).write_text(json.dumps(expected, indent=1) + "\n")


def _drawn(name: str, array: Any, rng: np.random.Generator) -> Any:
    # No two alike, so that no transposition and no exchange goes unseen; of few digits, so that a person can read them.
    if np.issubdtype(array.dtype, np.integer):
        return rng.integers(1, 100, size=array.shape).astype(array.dtype)
    values = rng.normal(size=array.shape).round(3)
    return (np.abs(values) if name.endswith(("running_var", "variance")) else values).astype(array.dtype)


def _expected(module: RLModule, rng: np.random.Generator) -> dict[str, Any]:
    assert module.config is not None
    obs = _observations(module.config.observation_space, rng)
    more = more_columns(module, rng) if module.is_stateful() else {}
    outputs = outputs_of(module, obs, more)
    trees = {"obs": obs, **({"more": more} if more else {}), "train": outputs, "weights": module.get_state()}
    return {name: encode(tree) for name, tree in trees.items()}


def outputs_of(module: RLModule, obs: Any, more: Any) -> dict[str, Any]:
    """What the module computes of a batch of observations and of more columns, in numpy, leaf by leaf.

    With more columns the observations are one sequence.
    """
    columns = {"obs": obs[None] if more else obs, **more}
    outputs = module.evaluate_train(module.backend.batch(None, columns, like=module))
    return dict(named_leaves(module.backend.to_numpy(dict(outputs))))


def _observations(space: Any, rng: np.random.Generator) -> Any:
    parts = sub_spaces(space)
    if parts:
        # No network reads words.
        return {key: _observations(each, rng) for key, each in parts.items() if not isinstance(each, gym.spaces.Text)}
    if isinstance(space, gym.spaces.MultiDiscrete):
        return (space.start + rng.integers(0, space.nvec, size=(4, *space.shape))).astype(space.dtype)
    if np.issubdtype(space.dtype, np.integer):
        first, size = (space.start, space.n) if isinstance(space, gym.spaces.Discrete) else (0, 10)
        return rng.integers(first, first + size, size=(4, *space.shape)).astype(space.dtype)
    return rng.normal(size=(4, *space.shape)).round(3).astype(space.dtype)


def main(names: Sequence[str]) -> int:
    """Write the named cases, or all; the exit status says whether one of those that were named is there already."""
    asked = list(names) if names else [name for name in CASES if not (FOLDER / name).exists()]
    there = [name for name in asked if name not in CASES or (FOLDER / name).exists()]
    if there:
        print(f"Not written: {', '.join(there)}. A golden checkpoint is never replaced.", file=sys.stderr)
        return 1
    for name in asked:
        make(name, FOLDER / name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
