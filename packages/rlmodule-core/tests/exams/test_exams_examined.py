from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rlmodule_core import FreeLogStdMLPHeadConfig, MLPHeadConfig
from rlmodule_core.numpy_backend import NumpyBackend, NumpyOps, layers, networks
from rlmodule_core.numpy_backend.layers import Layer
from rlmodule_core.plans import Dense, FreeParameter, initial_rng
from rlmodule_core.testing import BackendSuite, ModelSuite

Patch = pytest.MonkeyPatch
Failing = Callable[[type[Any]], set[str]]


class Backend(BackendSuite):
    backend_name = "numpy"


class Models(ModelSuite):
    backend_name = "numpy"
    configs = (
        MLPHeadConfig(input_dims=(3,), hidden_layer_dims=(5, 5), output_layer_dim=4),
        FreeLogStdMLPHeadConfig(input_dims=(3,), hidden_layer_dims=(4,), output_layer_dim=4),
    )


def _replaces_layers(patch: Patch, kind: type[Any], wrong: Callable[[Any, dict[str, Any], Any], Any]) -> None:
    right = layers.apply_of

    def apply_of(record: Any, weights: dict[str, Any]) -> Any:
        return (lambda x: wrong(record, weights, x)) if isinstance(record, kind) else right(record, weights)

    patch.setattr(layers, "apply_of", apply_of)


def transposed_kernel(patch: Patch) -> None:
    def dense(record: Dense, weights: dict[str, Any], x: Any) -> Any:
        kernel = weights["weight"] if record.inputs == record.outputs else weights["weight"].T
        return x @ kernel + weights.get("bias", 0)

    _replaces_layers(patch, Dense, dense)


def shifted_free_log_std(patch: Patch) -> None:
    def free(record: FreeParameter, weights: dict[str, Any], x: Any) -> Any:
        return np.concatenate([x, np.broadcast_to(weights["value"] + 0.1, (*x.shape[:-1], record.size))], axis=-1)

    _replaces_layers(patch, FreeParameter, free)


def forgotten_bias(patch: Patch) -> None:
    _replaces_layers(patch, Dense, lambda record, weights, x: x @ weights["weight"].T)


def missing_names_ignored(patch: Patch) -> None:
    strict = NumpyBackend.set_weights
    patch.setattr(
        NumpyBackend,
        "set_weights",
        lambda self, network, weights: strict(self, network, {**self.get_weights(network), **weights}),
    )


def unexpected_names_ignored(patch: Patch) -> None:
    strict = NumpyBackend.set_weights

    def set_weights(self: Any, network: Any, weights: Any) -> None:
        strict(self, network, {name: weights[name] for name in self.get_weights(network) if name in weights})

    patch.setattr(NumpyBackend, "set_weights", set_weights)


def arrays_replaced(patch: Patch) -> None:
    right = NumpyBackend.set_weights

    def renew(node: Any) -> None:
        if isinstance(node, Layer):
            Layer.__init__(node, node.plan, {leaf: array.copy() for leaf, array in node.weights.items()})
        else:
            for child in node.children.values():
                renew(child)

    def set_weights(self: Any, network: Any, weights: Any) -> None:
        renew(network)
        right(self, network, weights)

    patch.setattr(NumpyBackend, "set_weights", set_weights)


def weights_not_copied(patch: Patch) -> None:
    patch.setattr(NumpyBackend, "get_weights", lambda self, network: dict(networks.named_arrays(network)))


def first_weights_unseeded(patch: Patch) -> None:
    right = networks.lower

    def lower(self: Any, plan: Any) -> Any:
        initial_rng().normal()
        return right(plan)

    patch.setattr(NumpyBackend, "lower", lower)


def argmax_over_the_first_axis(patch: Patch) -> None:
    patch.setattr(NumpyOps, "argmax", lambda self, x: x.argmax(axis=0))


def gather_off_by_one(patch: Patch) -> None:
    right = NumpyOps.gather
    patch.setattr(NumpyOps, "gather", lambda self, x, index: right(self, np.roll(x, 1, axis=-1), index))


def mean_is_a_sum(patch: Patch) -> None:
    patch.setattr(NumpyOps, "mean", NumpyOps.sum)


def generator_ignored(patch: Patch) -> None:
    right = NumpyOps.random_normal
    patch.setattr(NumpyOps, "random_normal", lambda self, rng, like: right(self, None, like))


def global_generator_used(patch: Patch) -> None:
    def random_normal(self: Any, rng: Any, like: Any) -> Any:
        return np.random.normal(size=like.shape).astype(like.dtype)

    patch.setattr(NumpyOps, "random_normal", random_normal)


BROKEN_BACKENDS: dict[Callable[[Patch], None], set[str]] = {
    transposed_kernel: {"weights_mean_what_the_layout_says"},
    shifted_free_log_std: {"weights_mean_what_the_layout_says"},
    forgotten_bias: {"weights_mean_what_the_layout_says"},
    missing_names_ignored: {"weights_that_do_not_fit_are_all_named_and_change_nothing"},
    unexpected_names_ignored: {"weights_that_do_not_fit_are_all_named_and_change_nothing"},
    arrays_replaced: {"set_weights_writes_into_the_existing_arrays"},
    weights_not_copied: {"weights_are_copied_in_and_out"},
    first_weights_unseeded: {"first_weights_follow_from_the_seed_as_the_plan_says"},
    argmax_over_the_first_axis: {"argmax_is_over_the_last_axis"},
    gather_off_by_one: {"gather_picks_one_entry_of_the_last_axis"},
    mean_is_a_sum: {"sum_and_mean_reduce_the_axis"},
    generator_ignored: {
        "a_seed_decides_the_draws",
        "generators_do_not_disturb_each_other",
        "a_state_goes_through_json_and_continues",
    },
    global_generator_used: {
        "a_seed_decides_the_draws",
        "generators_do_not_disturb_each_other",
        "a_state_goes_through_json_and_continues",
        "no_global_generator_is_touched",
    },
}


def test_core_itself_needs_no_pytest():
    script = "import sys, rlmodule_core; sys.exit('pytest' in sys.modules or 'rlmodule_core.testing' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_sound_backend_passes(failing: Failing):
    assert [failing(suite) for suite in (Backend, Models)] == [set(), set()]


@pytest.mark.parametrize("broken", BROKEN_BACKENDS, ids=lambda broken: broken.__name__)
def test_a_broken_backend_fails(failing: Failing, monkeypatch: Patch, broken: Callable[[Patch], None]):
    broken(monkeypatch)
    assert failing(Backend) == BROKEN_BACKENDS[broken]


def mixed_rows(patch: Patch) -> None:
    _replaces_layers(patch, Dense, lambda record, weights, x: (x - x[:1]) @ weights["weight"].T + weights["bias"])


def one_column_too_many(patch: Patch) -> None:
    _replaces_layers(patch, FreeParameter, lambda record, weights, x: np.concatenate([x, x, x[..., :1]], axis=-1))


def noisy_layers(patch: Patch) -> None:
    rng = np.random.default_rng(0)
    _replaces_layers(patch, FreeParameter, lambda record, weights, x: rng.normal(size=(*x.shape[:-1], 4)))


COMPUTE, PERMUTES = "networks_compute_what_their_plans_say", "a_batch_permutes_with_its_rows"
BROKEN_LAYERS: dict[Callable[[Patch], None], set[str]] = {
    transposed_kernel: {COMPUTE},
    shifted_free_log_std: {COMPUTE},
    forgotten_bias: {COMPUTE},
    mixed_rows: {COMPUTE, PERMUTES},
    one_column_too_many: {COMPUTE, "output_dims_hold"},
    noisy_layers: {COMPUTE, PERMUTES, "weights_make_another_network_the_same_bit_for_bit"},
}


@pytest.mark.parametrize("broken", BROKEN_LAYERS, ids=lambda broken: broken.__name__)
def test_a_broken_layer_fails_the_exam_of_models(failing: Failing, monkeypatch: Patch, broken: Any):
    broken(monkeypatch)
    assert failing(Models) == BROKEN_LAYERS[broken]
