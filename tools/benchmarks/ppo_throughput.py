"""PPO training throughput on CartPole-v1, in environment steps per second, against other libraries.

All train by one small standard setting: 8 environments of 128 steps, 4 epochs of minibatches of 256, two tanh networks
of 64-64, one thread. Each round trains every library for the same number of iterations; the iterations before the first
round are warm-up. "native" steps CartPole's own vector environment, all others eight single environments. Libraries
that are not installed are left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from measuring import CLOCKS, Comparison, argument_parser, in_turn, one_thread, report
from peers.libraries import LIBRARIES, SB3, SINGLE_FILE
from peers.standard import STANDARD
from peers.trainer import steps_per_second, warm_up


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, compare, print."""
    parser = argument_parser(__doc__, rounds=9)
    parser.add_argument("--steps", type=int, default=16 * STANDARD.rows, help="environment steps of a round")
    parser.add_argument("--warmup", type=int, default=16 * STANDARD.rows, help="environment steps before the first")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=tuple(LIBRARIES), default=tuple(LIBRARIES), metavar="LIBRARY")
    options = parser.parse_args(arguments)
    one_thread()
    trainers = {name: LIBRARIES[name].make(options.seed) for name in options.only if LIBRARIES[name].installed}
    for trainer in trainers.values():
        warm_up(trainer, iterations=options.warmup // STANDARD.rows)
    iterations = max(1, options.steps // STANDARD.rows)
    clock = CLOCKS[options.clock]
    measures = {
        name: steps_per_second(trainer, iterations=iterations, clock=clock) for name, trainer in trainers.items()
    }
    samples = in_turn(measures, rounds=options.rounds)
    for trainer in trainers.values():
        trainer.close()
    baseline = next((name for name in (SB3, SINGLE_FILE) if name in samples), None)
    missing = [name for name in options.only if name not in samples]
    title = f"PPO on {STANDARD.env_id}, one thread, {options.rounds} rounds of {iterations * STANDARD.rows:,} steps"
    report([Comparison(title, "steps/s", samples, baseline, missing)], options)


if __name__ == "__main__":
    main()
