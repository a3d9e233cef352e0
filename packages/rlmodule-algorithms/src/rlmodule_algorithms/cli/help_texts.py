"""What `--help` says beside the options."""

from __future__ import annotations

DESCRIPTION = "Train RLModules, evaluate and inspect what was trained."

EXIT_CODES = """\
exit codes:
  0 done, and the target met where there is one    130 interrupted (Ctrl-C)
  2 an error                                       143 terminated (SIGTERM)
  3 the budget ended before the target was met
"""

EXAMPLES = f"""\
examples:
  rlmodule train                                  PPO on CartPole-v1, about a minute
  rlmodule train --env Acrobot-v1 --max-seconds 120
  rlmodule train --resume runs/cartpole-v1-ppo-0  go on where a run was stopped
  rlmodule evaluate runs/cartpole-v1-ppo-0        20 greedy episodes, on numpy alone
  rlmodule inspect runs/cartpole-v1-ppo-0         what the checkpoint holds
  rlmodule doctor                                 is everything here that training needs

{EXIT_CODES}"""

TRAIN_EXAMPLES = f"""\
examples:
  rlmodule train                                  the CartPole preset
  rlmodule train --preset Pendulum-v1             the preset for that environment
  rlmodule train --config my.toml --seed 1        settings from a file, options over them
  rlmodule train PPO --env Acrobot-v1 --target -100 --max-steps 300000
  rlmodule train --resume runs/cartpole-v1-ppo-0 --max-steps 1000000

my.toml, whose tables are the groups of the configuration; all of it is optional:
  algorithm = "PPO"
  preset = "ppo-cartpole"                         # what the file does not say, the preset does
  [environment]
  env = "CartPole-v1"
  [training]
  lr = [[0, 1e-3], [200000, 1e-4]]                # a schedule: [step, value] points
  model = {{ fcnet_hiddens = [64, 64] }}
  [stop]
  target = 475
  max_steps = 500000

Ctrl-C and SIGTERM end the iteration, save and print how to go on; a second one ends at once.

{EXIT_CODES}"""

EVALUATE_EXAMPLES = f"""\
examples:
  rlmodule evaluate runs/cartpole-v1-ppo-0
  rlmodule evaluate runs/cartpole-v1-ppo-0 --episodes 100 --verbose
  rlmodule evaluate my-module --env CartPole-v1   a checkpoint that records no environment

{EXIT_CODES}"""

INSPECT_EXAMPLES = f"""\
examples:
  rlmodule inspect runs/cartpole-v1-ppo-0
  rlmodule inspect my-container --module blue --json

No framework is needed, and nothing that the checkpoint names is imported.

{EXIT_CODES}"""

LIST_NOTES = f"""\
What is broken or claimed twice is shown as such, and is no error of this command.

{EXIT_CODES}"""

DOCTOR_NOTES = """\
exit codes:
  0 nothing fails (there may be warnings)          2 something fails
"""
