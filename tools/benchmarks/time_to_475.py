"""Environment steps and seconds until PPO has learned CartPole-v1, against stable-baselines3.

A run is done when the last 100 training episodes return 475 or more on average, asked after every iteration of 1,024
steps; the policy samples its actions meanwhile. It is the one criterion that every library reports at no cost: greedy
episodes would have to be played, and timed, with each library's own evaluation. All train by the standard setting of
ppo_throughput.py, one run after the other in one process, one thread. Seconds include making environments and networks,
not importing. A run that exceeds the budget is counted as not done, and as slower than any other.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from measuring import CLOCKS, Clock, Spread, argument_parser, figure, markdown_table, one_thread, write_json
from peers.libraries import LIBRARIES, OURS, SB3, Library
from peers.standard import STANDARD
from peers.trainer import Trainer


@dataclass(frozen=True)
class Run:
    """One training run.

    Attributes:
        seed: of everything in it.
        reached: within the budget.
        env_steps: when it ended.
        seconds: likewise.
    """

    seed: int
    reached: bool
    env_steps: int
    seconds: float


def train_to(target: float, library: Library, *, seed: int, budget: int, clock: Clock) -> Run:
    """Train until the recent return reaches `target`, or `budget` environment steps are spent."""
    started = clock()
    trainer: Trainer = library.make(seed)
    steps, reached = 0, False
    while steps < budget and not reached:
        steps += trainer.iterate()
        recent = trainer.recent_return()
        reached = recent is not None and recent >= target
    seconds = clock() - started
    trainer.close()
    return Run(seed, reached, steps, seconds)


def lines(runs: Mapping[str, Sequence[Run]], missing: Sequence[str], *, title: str) -> list[str]:
    """The table, in Markdown."""
    rows = [
        [
            name,
            f"{sum(run.reached for run in of_library)} of {len(of_library)}",
            _cell([run.env_steps if run.reached else math.inf for run in of_library]),
            _cell([run.seconds if run.reached else math.inf for run in of_library]),
        ]
        for name, of_library in runs.items()
    ]
    rows += [[name, "not installed", "", ""] for name in missing]
    header = ["", "runs done", "environment steps: median (least, greatest)", "seconds: median (least, greatest)"]
    return [title, "", *markdown_table(header, rows)]


def _cell(figures: Sequence[float]) -> str:
    spread = Spread.of(figures)
    middle, *ends = (
        "not done" if math.isinf(number) else figure(number) for number in (spread.median, spread.low, spread.high)
    )
    return f"{middle} ({', '.join(ends)})"


def to_dict(runs: Mapping[str, Sequence[Run]], missing: Sequence[str], *, title: str) -> dict[str, Any]:
    """The runs behind the table, JSON-able."""
    rows = {name: [asdict(run) for run in of_library] for name, of_library in runs.items()}
    return {"title": title, "rows": rows, "not_installed": list(missing)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Train everybody with every seed, print."""
    parser = argument_parser(__doc__, rounds=3)
    parser.add_argument("--first-seed", type=int, default=0, help="round i trains with seed FIRST_SEED + i")
    parser.add_argument("--steps", type=int, default=600_000, help="budget of a run, in environment steps")
    parser.add_argument("--target", type=float, default=475.0)
    parser.add_argument("--only", nargs="+", choices=tuple(LIBRARIES), default=(OURS, SB3), metavar="LIBRARY")
    options = parser.parse_args(arguments)
    one_thread()
    # The first use of a library pays for its imports.
    installed = {name: LIBRARIES[name] for name in options.only if LIBRARIES[name].installed}
    for library in installed.values():
        library.make(options.first_seed).close()
    runs: dict[str, list[Run]] = {name: [] for name in installed}
    clock = CLOCKS[options.clock]
    for seed in range(options.first_seed, options.first_seed + options.rounds):
        for name, library in installed.items():
            run = train_to(options.target, library, seed=seed, budget=options.steps, clock=clock)
            runs[name].append(run)
            print(f"{name}: {run}", file=sys.stderr, flush=True)
    missing = [name for name in options.only if name not in installed]
    title = f"{STANDARD.env_id} to a return of {options.target:g}, one thread, {options.rounds} seeds"
    print("\n".join(lines(runs, missing, title=title)))
    if options.json is not None:
        write_json(options, [to_dict(runs, missing, title=title)])


if __name__ == "__main__":
    main()
