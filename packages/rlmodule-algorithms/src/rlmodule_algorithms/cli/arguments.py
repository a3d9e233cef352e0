"""What the command line understands, as values."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from rlmodule_algorithms.__about__ import __version__
from rlmodule_algorithms.cli import help_texts
from rlmodule_algorithms.cli.converters import MAX_SEED, count, number, seconds
from rlmodule_algorithms.cli.options import (
    EVALUATION_SEED,
    DoctorOptions,
    EvaluateOptions,
    InspectOptions,
    ListOptions,
    Options,
    TrainOptions,
)


class UsageError(Exception):
    """The command line cannot be understood."""


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
    parser = _Parser(
        "rlmodule",
        description=help_texts.DESCRIPTION,
        epilog=help_texts.EXAMPLES,
        formatter_class=raw,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"rlmodule {__version__}")
    parser.set_defaults(make=None)
    commands = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    for name, text, epilog, add_arguments in _COMMANDS:
        description = f"{text[0].upper()}{text[1:]}."
        command = commands.add_parser(
            name, help=text, description=description, epilog=epilog, formatter_class=raw, allow_abbrev=False
        )
        add_arguments(command)
    return parser


def _add_train(parser: argparse.ArgumentParser) -> None:
    _add_what_to_train(parser)
    add = parser.add_argument
    add("--target", type=number, metavar="RETURN", help="stop when greedy episodes return this much on average")
    add("--max-steps", type=count(1), metavar="N", help="stop after N environment steps of the run")
    add("--max-seconds", type=seconds, metavar="S", help="stop after S seconds, counted from this start")
    add("--num-envs", type=count(1), metavar="N", help="environments that step side by side")
    text = "save every N iterations, beside the best; 0: only the best (10)"
    add("--checkpoint-every", type=count(0), metavar="N", help=text)
    text = "what resumes computes the same, bit for bit on a CPU, as what was never stopped"
    add("--exact-resume", action="store_true", default=None, help=text)
    add("--out", type=Path, metavar="DIR", help="where to save (runs/ENV-ALGORITHM-SEED); never overwritten")
    add("--quiet", action="store_true", help="no progress display, only the summary")
    parser.set_defaults(make=TrainOptions)


def _add_what_to_train(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("algorithm", nargs="?", metavar="ALGORITHM", help="the algorithm (PPO)")
    add("--env", metavar="ID", help="a registered Gymnasium environment (CartPole-v1)")
    add("--framework", metavar="NAME", help="where to train: torch or tf2 (what is installed)")
    text = "shipped settings, by name or by environment; by default those of the environment, where there are any"
    add("--preset", metavar="NAME", help=text)
    add("--config", type=Path, metavar="FILE", help="settings from a TOML file; they win over those of a preset")
    text = "go on with the newest checkpoint of a run, with its settings, in its directory"
    add("--resume", type=Path, metavar="DIR", help=text)
    add("--seed", type=count(0), metavar="N", help="everything random follows from it (0)")


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("checkpoint", type=Path, metavar="CHECKPOINT", help="the directory that was saved to")
    add("--env", metavar="ID", help="the environment (the one that the checkpoint records)")
    add("--episodes", type=count(1), default=20, metavar="N", help="how many episodes to play (20)")
    add("--framework", default="numpy", metavar="NAME", help="where to run the policy (numpy)")
    add("--seed", type=count(0, MAX_SEED), default=EVALUATION_SEED, metavar="N", help="seeds the first episode (1000)")
    add("--explore", action="store_true", help="sample actions as in training, instead of the greedy ones")
    add("--verbose", action="store_true", help="one line for each episode")
    parser.set_defaults(make=EvaluateOptions)


def _add_inspect(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("checkpoint", type=Path, metavar="CHECKPOINT", help="the directory that was saved to")
    add("--module", metavar="ID", help="only this module")
    add("--json", action="store_true", help="as JSON, for programs")
    parser.set_defaults(make=InspectOptions)


def _add_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")
    parser.set_defaults(make=ListOptions)


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(make=DoctorOptions)


_COMMANDS: Sequence[tuple[str, str, str, Callable[[argparse.ArgumentParser], None]]] = (
    (
        "train",
        "train an algorithm, by default PPO on CartPole-v1 until it is solved",
        help_texts.TRAIN_EXAMPLES,
        _add_train,
    ),
    ("evaluate", "play episodes with a checkpoint and print the returns", help_texts.EVALUATE_EXAMPLES, _add_evaluate),
    ("inspect", "show what a checkpoint holds", help_texts.INSPECT_EXAMPLES, _add_inspect),
    ("list", "list presets, algorithms, backends, catalogs and module classes", help_texts.LIST_NOTES, _add_list),
    ("doctor", "check whether everything works that training needs", help_texts.DOCTOR_NOTES, _add_doctor),
)
