"""PPO training throughput on CartPole-v1, by the standard small setting: prints one JSON line.

8 environments of 128 steps, 4 epochs of minibatches of 256, two tanh networks of 64-64, one thread. Run it in turn
with the same job of another library, and quote the ratio of the medians:

    OMP_NUM_THREADS=1 python tools/benchmarks/ppo_throughput.py --env native
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import gymnasium as gym

from rlmodule_algorithms import PPOConfig

ROWS = 1024


def main() -> None:
    """Train, time the iterations behind the warm-up, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--env", choices=("native", "plain"), default="native", help="vector environment")
    parser.add_argument("--steps", type=int, default=61_440)
    parser.add_argument("--warmup", type=int, default=10_240)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    # A function hides the id, and with it the environment's own vector entry point.
    source = "CartPole-v1" if arguments.env == "native" else lambda _: gym.make("CartPole-v1")
    config = (
        PPOConfig()
        .environment(source)
        .env_runners(num_envs_per_env_runner=8)
        .training(
            lr=2.5e-4,
            train_batch_size=ROWS,
            minibatch_size=256,
            num_epochs=4,
            entropy_coeff=0.01,
            use_kl_loss=False,
            model={"fcnet_hiddens": [64, 64], "fcnet_activation": "tanh"},
        )
        .debugging(seed=arguments.seed)
    )
    algo = config.build()
    for _ in range(arguments.warmup // ROWS):
        algo.train()
    started, started_cpu = time.perf_counter(), time.process_time()
    timers = [algo.train()["timers"] for _ in range((arguments.steps - arguments.warmup) // ROWS)]
    wall, cpu = time.perf_counter() - started, time.process_time() - started_cpu
    rows = ROWS * len(timers)
    print(
        json.dumps(
            {
                "lib": "rlmodule",
                "env": arguments.env,
                "sps": round(rows / wall, 1),
                "cpu_sps": round(rows / cpu, 1),
                "sample_ms": round(1e3 * statistics.median(timer["sample_s"] for timer in timers), 2),
                "learn_ms": round(1e3 * statistics.median(timer["learn_s"] for timer in timers), 2),
            }
        )
    )


if __name__ == "__main__":
    main()
