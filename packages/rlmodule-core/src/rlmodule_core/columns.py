"""The keys of every batch and of every forward's output."""

from __future__ import annotations

DEFAULT_MODULE_ID = "default_policy"
"""The id of the only module of a single-agent algorithm."""


class Columns:
    """String constants of the batch and output keys.

    B is the batch, T the time axis of sequences (present only for stateful modules), A the width of
    the action distribution's inputs, and "..." the shape that the space gives.
    """

    OBS = "obs"
    """Observations `[B, ...]`, as the environment gives them."""
    NEW_OBS = "new_obs"
    """Observations after the step `[B, ...]`."""
    ACTIONS = "actions"
    """Actions as sampled `[B, ...]`, before they are mapped to the environment's bounds."""
    REWARDS = "rewards"
    """Rewards `[B]`."""
    TERMINATEDS = "terminateds"
    """True where the episode ended in a terminal state `[B]`."""
    TRUNCATEDS = "truncateds"
    """True where the episode was cut without being over `[B]`."""
    INFOS = "infos"
    """The environment's info dicts, a sequence of length B."""
    EPS_ID = "eps_id"
    """Episode ids `[B]`."""
    AGENT_ID = "agent_id"
    """Agent ids `[B]`."""
    MODULE_ID = "module_id"
    """Module ids `[B]`."""
    T = "t"
    """Step numbers within the episode `[B]`."""

    PREV_ACTIONS = "prev_actions"
    """Actions of the step before, encoded `[B, width]`, zeros at an episode's start; see `PreviousInputs`."""
    PREV_REWARDS = "prev_rewards"
    """Rewards of the step before `[B]`, zeros at an episode's start."""
    STATE_IN = "state_in"
    """Recurrent state before the step: a tree of `[B, ...]`."""
    STATE_OUT = "state_out"
    """Recurrent state after the step: a tree of `[B, ...]`."""
    SEQ_LENS = "seq_lens"
    """Valid lengths of zero-padded sequences `[B]`."""
    LOSS_MASK = "loss_mask"
    """True where a row counts in the loss `[B]` or `[B, T]`."""

    ACTION_DIST_INPUTS = "action_dist_inputs"
    """Flat parameters of the action distribution `[B, A]`."""
    ACTION_DIST = "action_dist"
    """A Distribution over actions, in place of its inputs."""
    ACTION_LOGP = "action_logp"
    """Log-probabilities of the actions `[B]`."""
    ACTION_PROB = "action_prob"
    """Probabilities (densities) of the actions `[B]`."""
    VF_PREDS = "vf_preds"
    """Value predictions `[B]`."""
    VALUES_BOOTSTRAPPED = "values_bootstrapped"
    """Values of the following states `[B]`."""
    ADVANTAGES = "advantages"
    """Advantage estimates `[B]`."""
    VALUE_TARGETS = "value_targets"
    """Regression targets of the value function `[B]`."""
    RETURNS_TO_GO = "returns_to_go"
    """Discounted sums of the rewards that follow `[B]`."""

    ACTION_MASK = "action_mask"
    """Inside the observations of a Dict space: which actions are legal, 0 where one is not."""

    ENCODER_OUT = "encoder_out"
    """Latents `[B, L]`, or a dict with ACTOR and CRITIC."""
    ACTOR = "actor"
    """The actor's latents `[B, L]` inside ENCODER_OUT."""
    CRITIC = "critic"
    """The critic's latents `[B, L]` inside ENCODER_OUT."""


OF_SEQUENCES = frozenset({Columns.STATE_IN, Columns.STATE_OUT, Columns.SEQ_LENS})
"""Columns with one row for each sequence `[N, ...]`, where others have one for each of its steps `[N, L, ...]`."""
