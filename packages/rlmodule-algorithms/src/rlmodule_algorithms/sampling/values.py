"""The values of the states of a rollout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlmodule_algorithms.sampling.memory import previous_inputs
from rlmodule_algorithms.sampling.rollout import Array, Rollout
from rlmodule_algorithms.sampling.sequences import Sequences
from rlmodule_core import Columns, RLModule, SpecCheckingError
from rlmodule_core.spaces import leaves_of, map_leaves


def state_values(rollout: Rollout, module: RLModule) -> tuple[Array, Array]:
    """V(s_t) and V(s_{t+1}) of the same episode, `[T, B]` each, from one forward over all states.

    A module with memory sees each sequence, and behind it the state that followed, in the recurrent state that it
    acted in.

    Raises:
        SpecCheckingError: the module's `forward_train` gives no `vf_preds`, or not one number for each state.
    """
    sequences = rollout.sequences()
    return _of_states(rollout, module) if sequences is None else _of_sequences(rollout, module, sequences)


def _of_states(rollout: Rollout, module: RLModule) -> tuple[Array, Array]:
    steps, envs = rollout.rewards.shape
    following = _previous_inputs_after(rollout, module)
    grids = {name: np.concatenate([rollout.previous[name], after[-1:]]) for name, after in following.items()}
    # A copy: a forward of the user's may work in place.
    columns = map_leaves(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]).copy(), {Columns.OBS: rollout.obs, **grids})
    # A terminal state is worth nothing, so only the last states of episodes that were cut are asked for.
    cuts = [i for i, step in enumerate(rollout.last_steps) if not rollout.terminateds[step]]
    if cuts:
        ends = [_end(rollout, following, i) for i in cuts]
        columns = map_leaves(lambda leaf, *last: np.concatenate([leaf, np.stack(last)]), columns, *ends)
    count = (steps + 1) * envs
    predictions = _predicted(module, columns, (count + len(cuts),))
    grid = predictions[:count].reshape(steps + 1, envs)
    next_values = grid[1:].copy()
    for i, value in zip(cuts, predictions[count:], strict=True):
        next_values[rollout.last_steps[i]] = value
    return grid[:-1], next_values


def _of_sequences(rollout: Rollout, module: RLModule, sequences: Sequences) -> tuple[Array, Array]:
    if not len(sequences.lengths):
        # Every environment only reset itself.
        return np.zeros_like(rollout.rewards), np.zeros_like(rollout.rewards)
    columns = {
        **_with_following(rollout, module, sequences),
        Columns.STATE_IN: rollout.first_states,
        Columns.SEQ_LENS: sequences.lengths + 1,
    }
    predictions = _predicted(module, columns, (len(sequences.lengths), sequences.longest + 1))
    return sequences.unpadded(predictions[:, :-1]), sequences.unpadded(predictions[:, 1:])


def _with_following(rollout: Rollout, module: RLModule, sequences: Sequences) -> dict[str, Any]:
    """The columns of each sequence, and behind them those that followed in the same episode, `[N, L + 1, ...]`."""
    following = _previous_inputs_after(rollout, module)
    obs = map_leaves(lambda leaf: leaf[:-1], rollout.obs)
    columns: dict[str, Any] = sequences.padded({Columns.OBS: obs, **rollout.previous}, room=1)
    after = {Columns.OBS: map_leaves(lambda leaf: leaf[1:], rollout.obs), **following}
    t, b = sequences.ends.T
    numbers, places = np.arange(len(t)), sequences.lengths
    for padded, grid in zip(leaves_of(columns), leaves_of(after), strict=True):
        padded[numbers, places] = grid[t, b]
    number = {(t, b): n for n, (t, b) in enumerate(sequences.ends.tolist())}
    for step, last in zip(rollout.last_steps, rollout.last_obs, strict=True):
        n = number[step]
        for padded, leaf in zip(leaves_of(columns[Columns.OBS]), leaves_of(last), strict=True):
            padded[n, places[n]] = leaf
    return columns


def _previous_inputs_after(rollout: Rollout, module: RLModule) -> dict[str, Array]:
    """What the module would be told after each step, had its episode gone on, `[T, B, ...]` by column."""
    if not rollout.previous:
        return {}
    going_on = np.zeros_like(rollout.valid)
    # As it is told when it acts.
    rewards = rollout.rewards if rollout.unscaled is None else rollout.unscaled
    columns = previous_inputs(module).columns(rollout.outputs[Columns.ACTIONS], rewards, going_on)
    return dict(columns)


def _end(rollout: Rollout, following: Mapping[str, Array], i: int) -> dict[str, Any]:
    """The columns of the state that the i-th of the episodes that ended out of sight ended with."""
    previous = {name: after[rollout.last_steps[i]] for name, after in following.items()}
    return {Columns.OBS: rollout.last_obs[i], **previous}


def _predicted(module: RLModule, columns: Mapping[str, Any], shape: tuple[int, ...]) -> Array:
    space = None if module.config is None else module.config.observation_space
    backend = module.backend
    batch = {
        name: backend.batch(space if name == Columns.OBS else None, column, like=module)
        for name, column in columns.items()
    }
    outputs = module.evaluate_train(batch)
    axes = "[B]" if len(shape) == 1 else "[B, T]"
    if Columns.VF_PREDS not in outputs:
        raise SpecCheckingError(
            f"{type(module).__name__}.forward_train returned {sorted(outputs)}, but its values are needed: return "
            f"{Columns.VF_PREDS!r} of shape {axes} from _forward_train."
        )
    predictions: Array = backend.to_numpy(outputs[Columns.VF_PREDS])
    if predictions.shape != shape:
        # [B, 1] would broadcast against the targets [B] to [B, B], and learn nonsense without a word.
        count = shape[0] if len(shape) == 1 else f"{shape[0]} sequences of {shape[1]}"
        raise SpecCheckingError(
            f"{type(module).__name__}.forward_train returned {Columns.VF_PREDS!r} of shape {predictions.shape} for a "
            f"batch of {count}, expected {shape}: drop its other axes in _forward_train."
        )
    return predictions
