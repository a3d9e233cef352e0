"""What the command line understands, as values."""

from __future__ import annotations

import argparse
import difflib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from rlmodule_algorithms.__about__ import __version__

EVALUATION_SEED = 1000
"""Seeds the first episode of the final and of every later evaluation, so that they can be compared."""

MAX_SEED = 2**31 - 1
"""Every environment takes seeds up to here: those written in C keep them in 32 bits, with a sign."""

DESCRIPTION = "Train RLModules, and evaluate what was trained."

EXAMPLES = """\
examples:
  rlmodule train                                  PPO on CartPole-v1, about a minute
  rlmodule train --env Acrobot-v1 --max-seconds 120
  rlmodule evaluate runs/cartpole-v1-ppo-0        20 greedy episodes, on numpy alone
"""

TRAIN_EXAMPLES = """\
examples:
  rlmodule train                                  the CartPole preset
  rlmodule train --seed 1 --out runs/second       another seed, another place
  rlmodule train PPO --env Acrobot-v1 --target -100 --max-steps 300000

exit codes:
  0 the target was met (or there was none)        3 the budget ended before that
  2 an error                                      130 interrupted; the best checkpoint is kept
"""

EVALUATE_EXAMPLES = """\
examples:
  rlmodule evaluate runs/cartpole-v1-ppo-0
  rlmodule evaluate runs/cartpole-v1-ppo-0 --episodes 100 --verbose
  rlmodule evaluate my-module --env CartPole-v1   a checkpoint that records no environment
"""


class UsageError(Exception):
    """The command line cannot be understood."""


@dataclass(frozen=True)
class TrainOptions:
    """Options of `rlmodule train`; None where the preset decides."""

    algorithm: str | None = None
    env: str | None = None
    framework: str = "torch"
    preset: str | None = None
    seed: int = 0
    target: float | None = None
    max_steps: int | None = None
    max_seconds: float | None = None
    num_envs: int | None = None
    out: Path | None = None
    quiet: bool = False


@dataclass(frozen=True)
class EvaluateOptions:
    """Options of `rlmodule evaluate`; the environment is the recorded one where `env` is None."""

    checkpoint: Path
    env: str | None = None
    episodes: int = 20
    framework: str = "numpy"
    seed: int = EVALUATION_SEED
    explore: bool = False
    verbose: bool = False


Options = TrainOptions | EvaluateOptions


def parse(argv: Sequence[str]) -> Options:
    """Read the command line.

    Raises:
        UsageError: what is wrong and what to type instead.
        SystemExit: help or version was asked for and printed.
    """
    parser = _parser()
    namespace, unknown = parser.parse_known_args(list(argv))
    make: Callable[..., Options] | None = namespace.__dict__.pop("make")
    if make is None:
        parser.print_help()
        parser.exit()
    if unknown:
        known = [f"--{name.replace('_', '-')}" for name in vars(namespace)]
        command = f"rlmodule {namespace.__dict__.pop('command')}"
        raise UsageError(f"{command} does not know {unknown[0]!r}.{_nearest(unknown[0], known)} See {command} --help.")
    del namespace.command
    return make(**vars(namespace))


def _nearest(name: str, known: Sequence[str]) -> str:
    # core has the same helper, but importing core would import gymnasium.
    matches = difflib.get_close_matches(name.partition("=")[0], known, n=1)
    return f" Did you mean {matches[0]!r}?" if matches else ""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}. See {self.prog} --help.")


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser("rlmodule", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=raw, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"rlmodule {__version__}")
    parser.set_defaults(make=None)
    commands = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    text = "train an algorithm, by default PPO on CartPole-v1 until it is solved"
    _add_train(
        commands.add_parser(
            "train", help=text, description=f"{text[0].upper()}{text[1:]}.", epilog=TRAIN_EXAMPLES, formatter_class=raw
        )
    )
    text = "play episodes with a checkpoint and print the returns"
    _add_evaluate(
        commands.add_parser(
            "evaluate",
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=EVALUATE_EXAMPLES,
            formatter_class=raw,
        )
    )
    return parser


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.allow_abbrev = False
    add = parser.add_argument
    add("algorithm", nargs="?", metavar="ALGORITHM", help="the algorithm (PPO)")
    add("--env", metavar="ID", help="a registered Gymnasium environment (CartPole-v1)")
    add("--framework", default="torch", metavar="NAME", help="where to train (torch)")
    add("--preset", metavar="NAME", help="shipped settings; by default those of the environment, where there are any")
    add("--seed", type=_count(0), default=0, metavar="N", help="everything random follows from it (0)")
    add("--target", type=_number, metavar="RETURN", help="stop when greedy episodes return this much on average")
    add("--max-steps", type=_count(1), metavar="N", help="stop after N environment steps")
    add("--max-seconds", type=_seconds, metavar="S", help="stop after S seconds of training")
    add("--num-envs", type=_count(1), metavar="N", help="environments that step side by side")
    add("--out", type=Path, metavar="DIR", help="where to save (runs/ENV-ALGORITHM-SEED); never overwritten")
    add("--quiet", action="store_true", help="no progress display, only the summary")
    parser.set_defaults(make=TrainOptions)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.allow_abbrev = False
    add = parser.add_argument
    add("checkpoint", type=Path, metavar="CHECKPOINT", help="the directory that was saved to")
    add("--env", metavar="ID", help="the environment (the one that the checkpoint records)")
    add("--episodes", type=_count(1), default=20, metavar="N", help="how many episodes to play (20)")
    add("--framework", default="numpy", metavar="NAME", help="where to run the policy (numpy)")
    add("--seed", type=_count(0, MAX_SEED), default=EVALUATION_SEED, metavar="N", help="seeds the first episode (1000)")
    add("--explore", action="store_true", help="sample actions as in training, instead of the greedy ones")
    add("--verbose", action="store_true", help="one line for each episode")
    parser.set_defaults(make=EvaluateOptions)


def _count(least: int, most: int | None = None) -> Callable[[str], int]:
    bounds = f"of at least {least}" if most is None else f"from {least} to {most}"

    def convert(text: str) -> int:
        # No limit is longer, and Python refuses to convert thousands of digits.
        if text.isascii() and text.isdecimal() and len(text) <= 20:
            number = int(text)
            if number >= least and (most is None or number <= most):
                return number
        raise argparse.ArgumentTypeError(f"expected a whole number {bounds}, got {text!r}")

    return convert


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isfinite(value):
        return value
    raise argparse.ArgumentTypeError(f"expected a number, got {text!r}")


def _seconds(text: str) -> float:
    value = _number(text)
    if value > 0:
        return value
    raise argparse.ArgumentTypeError(f"expected more than 0 seconds, got {text!r}")
