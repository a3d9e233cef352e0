from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlmodule_core import ConfigError, get_backend
from rlmodule_core.plans import (
    COMPOSITES,
    GRU,
    LSTM,
    RECORDS,
    ActorCritic,
    Attend,
    Chain,
    Dense,
    Encoder,
    GatedAttention,
    GRUGate,
    LayerNorm,
    Plan,
    Record,
    Recurrent,
    from_json,
    initial_weights,
    multiply_adds,
    to_json,
    weight_shapes,
)

TOKENIZER = Encoder(Chain((Dense(3, 4),)))
SIZES = st.integers(1, 6)


@given(inputs=SIZES, size=SIZES)
def test_the_weights_of_recurrent_layers_lie_as_the_layout_says(inputs: int, size: int):
    lstm, gru = LSTM(inputs, size), GRU(inputs, size)
    assert lstm.weight_shapes() == {
        "weight_ih": (4 * size, inputs),
        "weight_hh": (4 * size, size),
        "bias": (4 * size,),
    }
    assert gru.weight_shapes() == {
        "weight_ih": (3 * size, inputs),
        "weight_hh": (3 * size, size),
        "bias": (2, 3 * size),
    }
    assert lstm.state_shapes() == {"h": (size,), "c": (size,)}
    assert gru.state_shapes() == {"h": (size,)}
    assert "bias" not in LSTM(inputs, size, bias=False).weight_shapes()
    for record in (lstm, gru):
        assert record.output_dims((7, inputs)) == (7, size)
        kernels = [np.prod(shape) for name, shape in record.weight_shapes().items() if name != "bias"]
        assert record.multiply_adds((inputs,)) == sum(kernels)


@pytest.mark.parametrize("record", [LSTM(5, 5, gain=0.5), GRU(5, 5, gain=0.5)])
def test_first_kernels_are_orthogonal_gate_by_gate(record: Any):
    weights = record.initial_weights(np.random.default_rng(0))
    for leaf in ("weight_ih", "weight_hh"):
        gates = weights[leaf].reshape(-1, 5, 5)
        for gate in gates:
            np.testing.assert_allclose(gate @ gate.T, 0.25 * np.eye(5), atol=1e-6)
        assert not np.allclose(gates[0], gates[1])


def test_a_fresh_lstm_remembers():
    bias = LSTM(3, 2).initial_weights(np.random.default_rng(0))["bias"]
    assert bias.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    assert not GRU(3, 2).initial_weights(np.random.default_rng(0))["bias"].any()


def test_the_names_of_the_weights_follow_from_the_parts():
    cells = (LSTM(9, 2), LSTM(2, 2))
    plan = Recurrent(TOKENIZER, cells, norms=(LayerNorm(2),) * 2, prev_actions=4, prev_rewards=True)
    assert list(weight_shapes(ActorCritic(plan))) == [
        "shared.tokenizer.0.weight",
        "shared.tokenizer.0.bias",
        *(f"shared.cell_0.{leaf}" for leaf in ("weight_ih", "weight_hh", "bias")),
        "shared.norm_0.weight",
        "shared.norm_0.bias",
        *(f"shared.cell_1.{leaf}" for leaf in ("weight_ih", "weight_hh", "bias")),
        "shared.norm_1.weight",
        "shared.norm_1.bias",
    ]
    assert plan.output_dims((3,)) == (2,)
    assert plan.extra_columns() == {"prev_actions": (4,), "prev_rewards": ()}


def test_states_of_layers_lie_one_behind_the_other_and_those_of_two_encoders_by_key():
    two = Recurrent(TOKENIZER, (LSTM(4, 2), LSTM(2, 2)))
    unit = GatedAttention(4, heads=1, head_size=2, window=5, hidden=3)
    attention = Recurrent(TOKENIZER, (unit,))
    assert two.state_shapes() == {"h": (2, 2), "c": (2, 2)}
    assert attention.state_shapes() == {"memory": (1, 5, 4), "filled": (1,)}
    assert ActorCritic(shared=two).state_shapes() == two.state_shapes()
    assert ActorCritic(actor=two, critic=attention).state_shapes() == {
        "actor": two.state_shapes(),
        "critic": attention.state_shapes(),
    }
    assert ActorCritic(actor=TOKENIZER, critic=two).state_shapes() == {"critic": two.state_shapes()}
    assert ActorCritic(actor=TOKENIZER, critic=TOKENIZER).state_shapes() == {}


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Recurrent(TOKENIZER, ()), "Recurrent.cells must be one or more layers"),
        (lambda: Recurrent(TOKENIZER, (Dense(4, 4),)), "Recurrent.cells must be one or more layers"),
        (lambda: Recurrent(TOKENIZER, (LSTM(4, 4), GRU(4, 4))), "states of the same shapes"),
        (lambda: Recurrent(TOKENIZER, (LSTM(4, 4), LSTM(4, 3))), "states of the same shapes"),
        (lambda: Recurrent(TOKENIZER, (Recurrent(TOKENIZER, (LSTM(4, 4),)),)), "got an encoder"),
        (lambda: Recurrent(TOKENIZER, (LSTM(4, 4),), norms=(LayerNorm(4),) * 2), "one for each of 1 cells, got 2"),
        (lambda: Recurrent(TOKENIZER, (LSTM(4, 4),), norms=(LayerNorm(5),)).output_dims((3,)), "last axis is 5 wide"),
        (lambda: Recurrent(TOKENIZER, (LSTM(4, 4),), prev_actions=-1), "prev_actions must be a width"),
        (lambda: Recurrent(TOKENIZER, (LSTM(4, 4),), prev_actions=1.5), "prev_actions must be a width"),  # type: ignore[arg-type]
        (lambda: GatedAttention(4, 1, 2, window=5, hidden=3, gate_bias=float("nan")), "GRUGate.bias must be a finite"),
        (lambda: GRUGate(0), "GRUGate.size must be a positive"),
        (lambda: Recurrent(Chain(()), (LSTM(4, 4),)), "tokenizer must be an Encoder, .*got Chain"),  # type: ignore[arg-type]
        (lambda: Chain((LSTM(4, 4),)), "A Chain carries no state"),
        (lambda: Encoder(Recurrent(TOKENIZER, (LSTM(4, 4),))), "Encoder.net must be a plan from tensor to tensor"),
        (lambda: Recurrent(TOKENIZER, (LSTM(5, 4),)).output_dims((3,)), "last axis is 5 wide, got rows of shape"),
        (lambda: LSTM(0, 4), "LSTM.inputs must be a positive integer"),
        (lambda: GRU(4, 4, initializer="orthogonl"), "Did you mean 'orthogonal'"),
        (lambda: GatedAttention(4, heads=0, head_size=2, window=5, hidden=3), "Attend.heads must be a positive"),
        (lambda: Attend(2, 3, 4).output_dims((5,)), "last axis is 6 wide"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(make: Any, text: str):
    with pytest.raises(ConfigError, match=text):
        make()


def test_plans_come_back_from_json():
    unit = GatedAttention(4, heads=1, head_size=2, window=5, hidden=3, gate_bias=1.0)
    plan = ActorCritic(
        actor=Recurrent(TOKENIZER, (unit, unit), entry=Chain((Dense(5, 4),)), prev_rewards=True),
        critic=Recurrent(TOKENIZER, (GRU(4, 3, bias=False),), norms=(LayerNorm(3),)),
    )
    assert from_json(to_json(plan), (*RECORDS, *COMPOSITES)) == plan


@pytest.mark.parametrize("key", ["gate", "mlp_gate"])
def test_a_fresh_gate_lets_little_in(key: str):
    backend = get_backend("numpy")
    with backend.initialising(0):
        gates = {bias: backend.lower(GatedAttention(4, 1, 2, 3, 5, bias).children()[key]) for bias in (0.0, 2.0, 8.0)}
    x, y = np.random.default_rng(0).normal(size=(2, 50, 4)).astype(np.float32)
    moved = {bias: float(np.abs(gate((x, y)) - x).mean()) for bias, gate in gates.items()}
    assert moved[0.0] > 2 * moved[2.0] > 4 * moved[8.0]


def _network(plan: Plan) -> Any:
    """A network with random weights."""
    backend, rng = get_backend("numpy"), np.random.default_rng(0)
    net = backend.lower(plan)
    backend.set_weights(net, {name: rng.normal(size=array.shape) for name, array in backend.get_weights(net).items()})
    return net


def _seen(plan: Plan, steps: int) -> list[bool]:
    """Whether the last output depends on the input at each step."""
    net, rng = _network(plan), np.random.default_rng(1)
    obs = rng.normal(size=(1, steps, 3)).astype(np.float32)
    state = {leaf: np.zeros((1, *dims), np.float32) for leaf, dims in plan.state_shapes().items()}

    def last(given: Any) -> Any:
        return net({"obs": given, "state_in": state})["encoder_out"][0, -1]

    found = []
    for t in range(steps):
        other = obs.copy()
        other[0, t] += 1
        found.append(bool(np.abs(last(other) - last(obs)).max() > 1e-6))
    return found


@pytest.mark.parametrize("units", [1, 2])
def test_attention_reaches_as_far_back_as_its_window_in_each_unit(units: int):
    unit = GatedAttention(4, heads=2, head_size=3, window=2, hidden=5, gate_bias=0.0)
    seen = _seen(Recurrent(TOKENIZER, (unit,) * units), 7)
    reach = 2 * units + 1
    assert seen == [False] * (7 - reach) + [True] * reach


def test_a_memory_that_was_never_filled_is_not_attended_to():
    unit = GatedAttention(4, heads=2, head_size=3, window=4, hidden=5, gate_bias=0.0)
    net = _network(Recurrent(TOKENIZER, (unit,)))
    rng = np.random.default_rng(0)
    obs, memory = rng.normal(size=(1, 2, 3)).astype(np.float32), rng.normal(size=(2, 1, 1, 4, 4)).astype(np.float32)
    memory[1, ..., 2:, :] = memory[0, ..., 2:, :]

    def out(which: int, filled: int) -> Any:
        state = {"memory": memory[which], "filled": np.full((1, 1), filled, np.float32)}
        return net({"obs": obs, "state_in": state})

    np.testing.assert_array_equal(out(0, 2)["encoder_out"], out(1, 2)["encoder_out"])
    assert not np.allclose(out(0, 3)["encoder_out"], out(1, 3)["encoder_out"])
    assert [out(0, filled)["state_out"]["filled"].item() for filled in (0, 1, 2, 3, 4)] == [2, 3, 4, 4, 4]


def test_the_cost_of_an_encoder_that_remembers_counts_its_cells():
    plan = Recurrent(TOKENIZER, (LSTM(4, 5),))
    assert multiply_adds(plan, (3,)) == 3 * 4 + 4 * 5 * (4 + 5)
    unit = GatedAttention(4, heads=2, head_size=3, window=10, hidden=5)
    wider = GatedAttention(4, heads=2, head_size=3, window=20, hidden=5)
    costs = [multiply_adds(Recurrent(TOKENIZER, (each,)), (3,)) for each in (unit, wider)]
    assert costs[1] > costs[0] > 3 * 4


def test_records_say_that_they_carry_no_state():
    stateless: Record = Dense(3, 4)
    assert stateless.state_shapes() == {}
    assert stateless.extra_columns() == {}
    assert initial_weights(LSTM(1, 1), np.random.default_rng(0)).keys() == {"weight_ih", "weight_hh", "bias"}


def test_a_gate_keeps_the_precision_of_what_it_lets_in():
    gate = get_backend("numpy").lower(GRUGate(2, bias=np.float64(1.5)))
    x = np.ones((3, 2), np.float32)
    assert gate((x, x)).dtype == np.float32


def test_the_state_of_actor_and_critic_is_worked_out_once(monkeypatch: pytest.MonkeyPatch):
    asked: list[Encoder] = []
    monkeypatch.setattr(Encoder, "state_shapes", lambda self: asked.append(self) or {})
    plan = ActorCritic(actor=TOKENIZER, critic=TOKENIZER)
    # Modules ask at every action, those without a memory too.
    assert [plan.state_shapes() for _ in range(5)] == [{}] * 5
    assert len(asked) == 2
