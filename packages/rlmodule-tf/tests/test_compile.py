from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from rlmodule_core import RLModule, SpecCheckingError
from rlmodule_tf import TfActorCriticRLModule, TfBackend

PHASES = ("train", "exploration", "inference")
JIT = pytest.mark.parametrize("jit_compile", [False, True])


def outputs(module: RLModule, batch: Any) -> dict[str, dict[str, Any]]:
    return {phase: dict(getattr(module, f"forward_{phase}")(batch)) for phase in PHASES}


def require_close(one: Any, other: Any) -> None:
    for phase in PHASES:
        assert one[phase].keys() == other[phase].keys()
        for key, value in one[phase].items():
            np.testing.assert_allclose(value, other[phase][key], rtol=1e-4, atol=1e-5)


@JIT
def test_compiled_forwards_compute_the_same_for_batches_of_any_size(
    module: TfActorCriticRLModule, batch: Any, jit_compile: bool
):
    expected = outputs(module, batch)
    module.compile(jit_compile=jit_compile)
    for _ in range(2):
        require_close(outputs(module, batch), expected)
    wider = {"obs": tf.concat([batch["obs"]] * 2, 0)}
    assert outputs(module, wider)["train"]["vf_preds"].shape == (12,)
    assert module._graphs is not None
    assert module._graphs.traces == 3


@JIT
def test_gradients_are_those_of_the_uncompiled_module(
    backend: TfBackend, module: TfActorCriticRLModule, batch: Any, jit_compile: bool
):
    weights = list(backend.named_weights(module).values())

    def gradients() -> Any:
        with tf.GradientTape() as tape:
            out = module.forward_train(batch)
            loss = tf.reduce_sum(tf.square(out["vf_preds"])) + tf.reduce_sum(out["action_dist_inputs"])
        return tape.gradient(loss, weights)

    expected = gradients()
    module.compile(jit_compile=jit_compile)
    for found, wanted in zip(gradients(), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_training_by_hand_is_a_graph_once_the_module_is_compiled(module: TfActorCriticRLModule, batch: Any):
    module.forward_train(batch)
    assert module._graphs is None
    module.compile()
    for _ in range(2):
        module.forward_train(batch)
    assert module._graphs is not None
    assert module._graphs.traces == 1


def test_weights_that_are_set_afterwards_are_used(module: TfActorCriticRLModule, batch: Any):
    module.compile()
    before = outputs(module, batch)
    module.set_state({name: array + 0.1 for name, array in module.get_state().items()})
    compiled = outputs(module, batch)
    assert not np.allclose(compiled["train"]["vf_preds"], before["train"]["vf_preds"])
    twin = module.to_framework("numpy")
    require_close(compiled, outputs(twin, {"obs": batch["obs"].numpy()}))


def test_a_module_that_is_loaded_is_not_compiled(module: TfActorCriticRLModule, batch: Any, tmp_path: Any):
    module.compile()
    loaded = TfActorCriticRLModule.from_checkpoint(module.save_to_checkpoint(tmp_path))
    require_close(outputs(loaded, batch), outputs(module, batch))
    assert (loaded._compiled, module._compiled) == (None, False)


def test_checks_fire_before_and_after(module: TfActorCriticRLModule, batch: Any):
    module.compile()
    outputs(module, batch)
    for phase in PHASES:
        with pytest.raises(SpecCheckingError, match=f"forward_{phase} \\(input\\)"):
            getattr(module, f"forward_{phase}")({"obs": tf.cast(batch["obs"], tf.float64)})
    module._forward_inference = lambda batch: {"nothing": batch["obs"]}
    with pytest.raises(SpecCheckingError, match=r"forward_inference \(output\).*action_dist_inputs"):
        module.forward_inference(batch)


def test_a_forward_replaced_after_compiling_runs(module: TfActorCriticRLModule, batch: Any):
    module.compile()
    module.forward_inference(batch)
    module._forward_inference = lambda batch: {"actions": "mine"}
    assert module.forward_inference(batch) == {"actions": "mine"}


def test_a_compiled_module_is_part_of_a_larger_function(module: TfActorCriticRLModule, batch: Any):
    module.compile()
    expected = tf.reduce_mean(tf.square(module.forward_train(batch)["vf_preds"]))
    larger = tf.function(lambda given: tf.reduce_mean(tf.square(module.forward_train(given)["vf_preds"])))
    np.testing.assert_allclose(larger(batch), expected, rtol=1e-5)
    assert module._graphs is not None
    assert module._graphs.traces == 1


def test_a_forward_that_draws_cannot_be_compiled_by_xla_and_runs_all_the_same(
    module: TfActorCriticRLModule, batch: Any
):
    def drawing(batch: Any) -> Any:
        dist = module.get_exploration_action_dist_cls().from_logits(tf.zeros((tf.shape(batch["obs"])[0], 3)))
        return {"actions": dist.sample(rng=module.backend.rng(0))}

    module._forward_exploration = drawing
    module.compile(jit_compile=True)
    with pytest.warns(RuntimeWarning, match=r"runs without a graph.*PyFunc") as caught:
        drawn = [module.forward_exploration(batch)["actions"] for _ in range(2)]
    assert len(caught) == 1
    np.testing.assert_array_equal(drawn[0], drawn[1])
