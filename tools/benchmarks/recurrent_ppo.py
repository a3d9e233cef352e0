"""PPO with an LSTM on CartPole without velocities, against sb3-contrib's RecurrentPPO.

First throughput, in environment steps per second: each round trains everybody for the same number of iterations. Then
environment steps and seconds until the last 100 training episodes return the target on average, one run after the
other, each from scratch. All have a tanh layer of 64 and an LSTM of 64 for actor and critic each, and the same
minibatches of 256 steps, on one thread. sb3-contrib differentiates through whole rollouts of 128 steps; rlmodule cuts
its sequences at max_seq_len, which is 20 by default and 128 in the line that is named so. A line without memory has a
dense layer in place of the LSTM, with as many multiplications: what the sequences cost by themselves.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from measuring import CLOCKS, Comparison, argument_parser, in_turn, one_thread, write_json
from peers.hidden_velocities import RECURRENT
from peers.libraries import Library
from peers.trainer import steps_per_second, warm_up
from time_to_475 import Run, lines, to_dict, train_to

CONTRIB = "sb3-contrib"
NO_MEMORY = "rlmodule, without memory"
RECURRENT_LIBRARIES: Mapping[str, Library] = {
    "rlmodule": Library("rlmodule_algorithms", "ours", "on_recurrent", {"max_seq_len": 20}),
    "rlmodule, whole rollouts": Library("rlmodule_algorithms", "ours", "on_recurrent", {"max_seq_len": 128}),
    NO_MEMORY: Library("rlmodule_algorithms", "ours", "on_as_many_products", {}),
    CONTRIB: Library("sb3_contrib", "sb3", "on_recurrent", {}),
}


def throughput(
    libraries: Mapping[str, Library], missing: Sequence[str], *, steps: int, rounds: int, clock: str
) -> Comparison:
    """Environment steps per second of everybody."""
    trainers = {name: library.make(0) for name, library in libraries.items()}
    for trainer in trainers.values():
        warm_up(trainer, iterations=2)
    iterations = max(1, steps // RECURRENT.setting.rows)
    measures = {
        name: steps_per_second(trainer, iterations=iterations, clock=CLOCKS[clock])
        for name, trainer in trainers.items()
    }
    samples = in_turn(measures, rounds=rounds)
    for trainer in trainers.values():
        trainer.close()
    title = "PPO with an LSTM, environment steps per second"
    return Comparison(title, "steps/s", samples, CONTRIB if CONTRIB in samples else None, missing)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, then train to the target, print."""
    parser = argument_parser(__doc__, rounds=5)
    parser.add_argument("--steps", type=int, default=4096, help="environment steps of a round")
    parser.add_argument("--seeds", type=int, default=5, help="runs to the target of each library; 0 for none")
    parser.add_argument("--budget", type=int, default=200_000, help="of such a run, in environment steps")
    parser.add_argument("--target", type=float, default=200.0)
    names = tuple(RECURRENT_LIBRARIES)
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="LIBRARY")
    options = parser.parse_args(arguments)
    one_thread()
    libraries = {name: RECURRENT_LIBRARIES[name] for name in options.only if RECURRENT_LIBRARIES[name].installed}
    missing = [name for name in options.only if name not in libraries]
    comparison = throughput(libraries, missing, steps=options.steps, rounds=options.rounds, clock=options.clock)
    print("\n".join(comparison.lines()), flush=True)
    tables = [comparison.to_dict()]
    if options.seeds:
        clock = CLOCKS[options.clock]
        runs: dict[str, list[Run]] = {name: [] for name in libraries if name != NO_MEMORY}
        for seed in range(options.seeds):
            for name in runs:
                run = train_to(options.target, libraries[name], seed=seed, budget=options.budget, clock=clock)
                runs[name].append(run)
                print(f"{name}: {runs[name][-1]}", file=sys.stderr, flush=True)
        title = f"CartPole-v1 without velocities to {options.target:g}, one thread, {options.seeds} seeds"
        print("\n" + "\n".join(lines(runs, missing, title=title)))
        tables.append(to_dict(runs, missing, title=title))
    if options.json is not None:
        write_json(options, tables)


if __name__ == "__main__":
    main()
