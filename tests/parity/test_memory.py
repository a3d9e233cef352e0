"""Memory, masks, nested observations and nested actions at once: trained by each framework, acting in numpy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary
from parity_families import EACH_FRAMEWORK, FRAMEWORKS, TRAINING

from rlmodule_algorithms import Algorithm, PPOConfig
from rlmodule_core import Columns, Policy
from rlmodule_core.spaces import map_leaves, row_of

MODEL = {
    "fcnet_hiddens": [16],
    "use_lstm": True,
    "lstm_cell_size": 16,
    "lstm_use_prev_action": True,
    "lstm_use_prev_reward": True,
    "max_seq_len": 6,
}


class Conveyor(gym.Env[Any, Any]):
    """Push the part that was shown two steps ago, off where it lies now, to one of the trays that are open."""

    observation_space = Dict(
        action_mask=Dict(tray=MultiBinary(4), arm=Dict(part=MultiBinary(3))),
        belt=Dict(part=Discrete(3, start=1), place=Box(-1.0, 1.0, (2,))),
    )
    action_space = Dict(tray=Discrete(4), arm=Dict(part=Discrete(3, start=1), place=Box(-1.0, 1.0, (2,))))

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.left, self.parts = int(self.np_random.integers(4, 15)), [np.int64(1)] * 2
        return self.shown(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.open[action["tray"]]
        assert self.known[action["arm"]["part"] - 1]
        self.left -= 1
        distance = float(np.abs(action["arm"]["place"] - self.place).mean())
        reward = float(action["arm"]["part"] == self.parts[-3]) - 0.1 * distance
        return self.shown(), reward, self.left == 0, False, {}

    def shown(self) -> Any:
        self.parts.append(self.np_random.integers(1, 4))
        self.place = self.np_random.uniform(-1.0, 1.0, 2).astype(np.float32)
        self.open = self.np_random.integers(2, size=4).astype(np.int8)
        self.open[self.np_random.integers(4)] = 1
        self.known = self.np_random.integers(2, size=3).astype(np.int8)
        self.known[self.parts[-3] - 1] = 1
        mask = {"tray": self.open, "arm": {"part": self.known}}
        return {"action_mask": mask, "belt": {"part": self.parts[-1], "place": self.place}}


@pytest.fixture(scope="module", params=TRAINING)
def trained(request: pytest.FixtureRequest) -> Iterator[Algorithm]:
    """An algorithm after three iterations in a framework."""
    config = (
        PPOConfig()
        .environment(lambda _: Conveyor())
        .framework(request.param)
        .env_runners(num_envs_per_env_runner=4)
        .training(lr=1e-2, train_batch_size=256, minibatch_size=64, num_epochs=2, model=MODEL)
        .debugging(seed=0)
    )
    algorithm = config.build()
    before = algorithm.get_module().get_state()
    for _ in range(3):
        result = algorithm.train()
        assert np.isfinite(list(result["learners"]["default_policy"].values())).all()
    after = algorithm.get_module().get_state()
    assert [name for name in before if np.array_equal(before[name], after[name])] == []
    yield algorithm
    algorithm.stop()


def test_every_framework_serves_it_with_the_same_actions(trained: Algorithm, tmp_path: Path) -> None:
    trained.save(tmp_path)
    policies = [Policy.from_checkpoint(tmp_path, framework=framework) for framework in FRAMEWORKS]
    sessions = [policy.session(1) for policy in policies]
    env, reward, given = Conveyor(), 0.0, set()
    obs, _ = env.reset(seed=0)
    for _ in range(200):
        batch = map_leaves(lambda leaf: np.asarray(leaf)[None], obs)
        action, *others = (row_of(session.act(batch, [reward]), 0) for session in sessions)
        for other in others:
            assert (action["tray"], action["arm"]["part"]) == (other["tray"], other["arm"]["part"])
            np.testing.assert_allclose(action["arm"]["place"], other["arm"]["place"], rtol=1e-5, atol=1e-5)
        given.add((int(action["tray"]), int(action["arm"]["part"])))
        obs, reward, over, _, _ = env.step(action)
        if over:
            obs, _ = env.reset()
            for session in sessions:
                session.reset()
    assert len(given) > 2, "a policy that knows one action shows nothing"


@EACH_FRAMEWORK
def test_single_steps_equal_sequences_with_new_episodes_inside(trained: Algorithm, framework: str) -> None:
    trained._refresh()
    rollout = trained._runner.sample()
    columns, _ = trained.learner.make_batch(rollout, trained._acting)
    module, sequences = trained.get_module().to_framework(framework), rollout.sequences()
    assert sequences is not None
    assert rollout.terminateds[:-1].any(axis=0).all(), "each environment began an episode anew"
    outputs = module.backend.to_numpy(module.evaluate_train(module.backend.batch(None, columns)))
    # What numpy gave for one step after the other, each from the state that it had come to.
    acted = np.where(rollout.valid[..., None], rollout.outputs[Columns.ACTION_DIST_INPUTS], 0.0)
    found = sequences.unpadded(outputs[Columns.ACTION_DIST_INPUTS])
    assert (acted == -1e9).any()
    np.testing.assert_allclose(found, acted, rtol=1e-5, atol=1e-5)
    # The state behind a sequence is the one that the next begins in, unless an episode ended.
    after, before = outputs[Columns.STATE_OUT], rollout.first_states
    follows = {tuple(start): n for n, start in enumerate(np.argwhere(rollout.starts).tolist())}
    pairs = [
        (n, follows[t + 1, b])
        for n, (t, b) in enumerate(sequences.ends.tolist())
        if (t + 1, b) in follows and not rollout.terminateds[t, b]
    ]
    ended, begun = (np.array(side) for side in zip(*pairs, strict=True))
    fresh = np.array([n for (t, b), n in follows.items() if t > 0 and rollout.terminateds[t - 1, b]])
    for encoder in ("actor", "critic"):
        for leaf in ("h", "c"):
            last, first = after[encoder][leaf], before[encoder][leaf]
            np.testing.assert_allclose(last[ended], first[begun], rtol=1e-5, atol=1e-5)
            assert np.abs(first[begun]).min(axis=(1, 2)).all()
            assert not first[fresh].any()
