"""PPO training throughput for each kind of spaces, in environment steps per second, against stable-baselines3.

The environments cost next to nothing: they repeat drawn observations. Both libraries build the same layers: two tanh
layers of 64 for actor and critic each, and for images the network of Mnih et al. 2015 that the other library has. All
on one thread; each round trains both for the same number of iterations, those before the first are warm-up. Masked
actions need sb3-contrib. Tuple and Dict actions are missing: the other library has none.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from statistics import median

from measuring import CLOCKS, Comparison, argument_parser, figure, in_turn, markdown_table, one_thread, write_json
from peers.families import FAMILIES, Family
from peers.libraries import SB3, Library
from peers.trainer import steps_per_second, warm_up

OURS = "rlmodule"


def compare(family: Family, options: argparse.Namespace) -> Comparison:
    """Both libraries on one kind of spaces."""
    peer_package = "sb3_contrib" if family.masked else "stable_baselines3"
    libraries = {
        OURS: Library("rlmodule_algorithms", "ours", "on_family", {"family": family}),
        SB3: Library(peer_package, "sb3", "on_family", {"family": family}),
    }
    trainers = {name: library.make(options.seed) for name, library in libraries.items() if library.installed}
    rows = family.setting.rows
    for trainer in trainers.values():
        warm_up(trainer, iterations=options.warmup // rows)
    iterations, clock = max(1, options.steps // rows), CLOCKS[options.clock]
    measures = {
        name: steps_per_second(trainer, iterations=iterations, clock=clock) for name, trainer in trainers.items()
    }
    samples = in_turn(measures, rounds=options.rounds)
    for trainer in trainers.values():
        trainer.close()
    missing = [name for name in libraries if name not in samples]
    return Comparison(family.name, "steps/s", samples, None if missing else SB3, missing)


def table(comparisons: Sequence[Comparison]) -> list[str]:
    """One line for each kind of spaces."""
    header = ["", f"{OURS}, steps/s", f"{SB3}, steps/s", "ratio", "least", "greatest"]
    return markdown_table(header, [_row(comparison) for comparison in comparisons])


def _row(comparison: Comparison) -> list[str]:
    ours = figure(median(comparison.samples[OURS]))
    if comparison.baseline is None:
        return [comparison.title, ours, "not installed", "", "", ""]
    ratio = comparison.ratio(OURS)
    theirs = figure(median(comparison.samples[SB3]))
    return [comparison.title, ours, theirs, *(f"{number:.2f}" for number in (ratio.median, ratio.low, ratio.high))]


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, compare, print."""
    parser = argument_parser(__doc__, rounds=7)
    parser.add_argument("--steps", type=int, default=8192, help="environment steps of a round")
    parser.add_argument("--warmup", type=int, default=4096, help="environment steps before the first")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=tuple(FAMILIES), default=tuple(FAMILIES), metavar="FAMILY")
    options = parser.parse_args(arguments)
    one_thread()
    comparisons = [compare(FAMILIES[name], options) for name in options.only]
    print("\n".join(table(comparisons)))
    if options.json is not None:
        write_json(options, [comparison.to_dict() for comparison in comparisons])


if __name__ == "__main__":
    main()
