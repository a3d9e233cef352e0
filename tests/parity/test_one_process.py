"""Frameworks beside each other in one process, in either order; and none that nobody asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from parity_families import BOTH

pytestmark = BOTH

SUPPORT = Path(__file__).parent / "support"

TOGETHER = """
import importlib
import sys

first, second = sys.argv[1:]
importlib.import_module(first), importlib.import_module(second)

from comparing import require_changes_agree, require_outputs_agree, weight_changes
from parity_families import FAMILIES
from ppo_batches import five_batches, inputs_of
from rlmodule_core import compute_actions
from rlmodule_core.testing.compare import require_close

frameworks = [{"torch": "torch", "tensorflow": "tf2"}[name] for name in (first, second)]
family = FAMILIES["two encoders"]
oracle, *modules = (family.module(framework) for framework in ("numpy", *frameworks))
columns = inputs_of(oracle, rows=6)
require_outputs_agree([oracle, *modules], columns)
for module in modules:
    batch = {"obs": columns["obs"]}
    sampled = compute_actions(module, batch, explore=True, rng=module.backend.rng(0))
    actions, logp = (module.backend.to_numpy(sampled[name]) for name in ("actions", "action_logp"))
    dist = oracle.get_exploration_action_dist_cls().from_logits(oracle.forward_exploration(batch)["action_dist_inputs"])
    require_close(logp, dist.logp(actions), f"log-probabilities in {module.framework}")
batches = five_batches(oracle)[:1]
changes = {module.framework: weight_changes(module, batches)[0] for module in modules}
require_changes_agree(changes["tf2"], changes["torch"])
print("agreed")
"""

ALONE = """
import sys

from rlmodule_algorithms import Algorithm, PPOConfig
from rlmodule_core import Policy

framework, directory, *strangers = sys.argv[1:]
config = (
    PPOConfig()
    .environment("CartPole-v1")
    .framework(framework)
    .env_runners(num_envs_per_env_runner=2)
    .training(train_batch_size=64, minibatch_size=32, num_epochs=2, model={"fcnet_hiddens": [8]})
    .evaluation(evaluation_duration=1, evaluation_interval=2)
)
algorithm = config.build()
algorithm.train(), algorithm.train()
algorithm.save(directory)
algorithm.stop()
resumed = Algorithm.from_checkpoint(directory)
resumed.train()
resumed.stop()
for served in ("numpy", framework):
    Policy.from_checkpoint(directory, framework=served).compute_single_action([0.0, 0.0, 0.0, 0.0])
print("strangers:", [name for name in strangers if name in sys.modules])
"""


def run(script: str, *arguments: str) -> str:
    """What the script prints in a fresh interpreter."""
    paths = os.pathsep.join([str(SUPPORT), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(("first", "second"), [("torch", "tensorflow"), ("tensorflow", "torch")])
def test_two_frameworks_run_in_one_process_whichever_is_imported_first(first: str, second: str) -> None:
    assert run(TOGETHER, first, second) == "agreed"


STRANGERS = {"tf2": ("torch", "rlmodule_torch"), "torch": ("tensorflow", "keras", "rlmodule_tf")}


@pytest.mark.parametrize("framework", STRANGERS)
def test_who_trains_with_one_framework_never_imports_the_other(framework: str, tmp_path: Path) -> None:
    assert run(ALONE, framework, str(tmp_path), *STRANGERS[framework]) == "strangers: []"
