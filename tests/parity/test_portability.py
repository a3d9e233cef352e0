"""A module that one framework saved is the same module in every other one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parity_families import EACH_FAMILY, EACH_FRAMEWORK, FAMILIES, FRAMEWORKS, OTHERS, Family
from ppo_batches import leave_a_choice

from rlmodule_core import Policy, RLModule
from rlmodule_core.spaces import leaves_of, to_mappings
from rlmodule_core.testing.batches import observations
from rlmodule_core.testing.compare import require_close, require_same_arrays

ROWS, STEPS = 6, 3
# What is told of the action before acts through a session alone.
UNTOLD = [name for name, family in FAMILIES.items() if not any("use_" in key and "prev" in key for key in family.model)]


def undecided(family: Family, framework: str) -> RLModule:
    """The module without biases, which would choose whatever is seen."""
    module = family.module(framework)
    weights = module.get_state()
    module.set_state({name: array * (not name.endswith("bias")) for name, array in weights.items()})
    return module


def played(policy: Policy, family: Family) -> list[Any]:
    """The greedy actions of a few steps in several environments, each with what it remembers, leaf by leaf."""
    session, rng = policy.session(ROWS), np.random.default_rng(0)
    found = []
    for step in range(STEPS):
        obs = observations(family.observations, rows=ROWS, seed=step)
        leave_a_choice(to_mappings(family.observations, obs))
        actions = session.act(obs, rng.normal(size=ROWS))
        found += leaves_of(to_mappings(family.actions, actions))
    return found


def require_same_actions(found: list[Any], expected: list[Any], where: str) -> None:
    """Fail unless choices are equal, and numbers close."""
    for number, (one, other) in enumerate(zip(found, expected, strict=True)):
        what = f"action {number} {where}"
        if np.issubdtype(other.dtype, np.floating):
            require_close(one, other, what)
        else:
            np.testing.assert_array_equal(one, other, err_msg=what)


@EACH_FAMILY
@EACH_FRAMEWORK
def test_what_one_framework_saves_every_other_one_serves_with_the_same_actions(
    framework: str, family: Family, tmp_path: Path
) -> None:
    module = undecided(family, framework)
    weights, expected = module.get_state(), played(Policy(module), family)
    module.save_to_checkpoint(tmp_path)
    for other in FRAMEWORKS:
        if other == framework:
            continue
        policy = Policy.from_checkpoint(tmp_path, framework=other)
        assert policy.module.framework == other
        assert policy.module.config.observation_space == family.observations
        assert policy.module.config.action_space == family.actions
        require_same_arrays(policy.module.get_state(), weights, f"weights in {other}")
        require_same_actions(played(policy, family), expected, f"in {other}")


@pytest.mark.parametrize("family", [FAMILIES[name] for name in UNTOLD], ids=UNTOLD)
def test_every_framework_finds_the_same_actions_equally_likely(family: Family) -> None:
    policies = [Policy(family.module(framework), seed=0) for framework in ("numpy", *OTHERS)]
    obs = observations(family.observations, rows=ROWS)
    leave_a_choice(to_mappings(family.observations, obs))
    _, _, drawn = policies[0].compute_actions(obs, explore=True)
    found = [policy.compute_log_likelihoods(drawn["actions"], obs) for policy in policies]
    require_close(found[0], drawn["action_logp"], "log-likelihoods in numpy")
    for policy, likelihoods in zip(policies, found, strict=True):
        require_close(likelihoods, found[0], f"log-likelihoods in {policy.module.framework}")


@EACH_FAMILY
def test_there_are_actions_to_tell_apart(family: Family) -> None:
    # One leaf for each step and part.
    found = played(Policy(undecided(family, "numpy")), family)
    assert any(len(np.unique(leaf.reshape(ROWS, -1), axis=0)) > 1 for leaf in found)
