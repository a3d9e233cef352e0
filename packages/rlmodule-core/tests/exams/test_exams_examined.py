from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from rlmodule_core import FreeLogStdMLPHeadConfig, MLPHeadConfig
from rlmodule_core.numpy_backend import NumpyBackend, NumpyOps, layers, networks
from rlmodule_core.plans import Dense, FreeParameter, PlainLayer, initial_rng
from rlmodule_core.testing import BackendSuite, ModelSuite

Patch = pytest.MonkeyPatch
AssertFails = Callable[[type[Any], Mapping[str, str]], None]


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
        if isinstance(node, PlainLayer):
            PlainLayer.__init__(
                node, node.plan, {leaf: array.copy() for leaf, array in node.weights.items()}, layers.apply_of
            )
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


def one_seed_for_all(patch: Patch) -> None:
    right, system = networks.lower, np.random.default_rng

    def lower(self: Any, plan: Any) -> Any:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(np.random, "default_rng", lambda seed=None: system(0 if seed is None else seed))
            return right(plan)

    patch.setattr(NumpyBackend, "lower", lower)


def first_weights_from_the_global_generator(patch: Patch) -> None:
    right = networks.lower

    def lower(self: Any, plan: Any) -> Any:
        np.random.random()
        return right(plan)

    patch.setattr(NumpyBackend, "lower", lower)


def generator_ignored(patch: Patch) -> None:
    right = NumpyOps.random_normal
    patch.setattr(NumpyOps, "random_normal", lambda self, rng, like: right(self, None, like))


def global_generator_used(patch: Patch) -> None:
    def random_normal(self: Any, rng: Any, like: Any) -> Any:
        return np.random.normal(size=like.shape).astype(like.dtype)

    patch.setattr(NumpyOps, "random_normal", random_normal)


LAYOUT, REFUSES = "weights_mean_what_the_layout_says", "weights_that_do_not_fit_are_all_named_and_change_nothing"
SEEDED = "first_weights_follow_from_the_seed_as_the_plan_says"
UNSEEDED = "without_a_seed_first_weights_differ_and_no_global_generator_is_touched"
SEED_DECIDES, APART = "a_seed_decides_the_draws", "generators_do_not_disturb_each_other"
CONTINUES = "a_state_goes_through_json_and_continues"

BROKEN_BACKENDS: dict[Callable[[Patch], None], dict[str, str]] = {
    transposed_kernel: {LAYOUT: "the outputs of set weights: 15 of 25 differ"},
    shifted_free_log_std: {LAYOUT: "the outputs of set weights: 10 of 25 differ"},
    forgotten_bias: {LAYOUT: "the outputs of set weights"},
    missing_names_ignored: {REFUSES: "set_weights() where ['0.bias'] are wrong: expected a StateError, got no error"},
    unexpected_names_ignored: {REFUSES: "set_weights() where ['more'] are wrong: expected a StateError, got no error"},
    arrays_replaced: {"set_weights_writes_into_the_existing_arrays": "the array that held '0.weight' before"},
    weights_not_copied: {"weights_are_copied_in_and_out": "weights after their copies changed, '0.weight'"},
    first_weights_unseeded: {SEEDED: "first weights of seed 3, '0.weight'"},
    one_seed_for_all: {UNSEEDED: "two networks without a seed: expected other first weights, got the same"},
    first_weights_from_the_global_generator: {UNSEEDED: "Lowering a plan: expected global generators untouched"},
    generator_ignored: {
        SEED_DECIDES: "draws of one seed",
        APART: "draws beside another generator",
        CONTINUES: "draws after set_state",
    },
    global_generator_used: {
        "no_global_generator_is_touched": "Drawing: expected global generators untouched, got another state of numpy",
        SEED_DECIDES: "",
        APART: "",
        CONTINUES: "",
    },
}


def test_core_itself_needs_no_pytest():
    script = "import sys, rlmodule_core; sys.exit('pytest' in sys.modules or 'rlmodule_core.testing' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("suite", [Backend, Models])
def test_a_sound_backend_passes(assert_fails: AssertFails, suite: type[Any]):
    assert_fails(suite, {})


@pytest.mark.parametrize("broken", BROKEN_BACKENDS, ids=lambda broken: broken.__name__)
def test_a_broken_backend_fails(assert_fails: AssertFails, monkeypatch: Patch, broken: Callable[[Patch], None]):
    broken(monkeypatch)
    assert_fails(Backend, BROKEN_BACKENDS[broken])


def mixed_rows(patch: Patch) -> None:
    _replaces_layers(patch, Dense, lambda record, weights, x: (x - x[:1]) @ weights["weight"].T + weights["bias"])


def one_column_too_many(patch: Patch) -> None:
    _replaces_layers(patch, FreeParameter, lambda record, weights, x: np.concatenate([x, x, x[..., :1]], axis=-1))


def noisy_layers(patch: Patch) -> None:
    rng = np.random.default_rng(0)
    _replaces_layers(patch, FreeParameter, lambda record, weights, x: rng.normal(size=(*x.shape[:-1], 4)))


COMPUTE, PERMUTES = "networks_compute_what_their_plans_say", "a_batch_permutes_with_its_rows"

BROKEN_LAYERS: dict[Callable[[Patch], None], dict[str, str]] = {
    transposed_kernel: {COMPUTE: "'out' of rows (6,): 24 of 24 differ"},
    shifted_free_log_std: {
        COMPUTE: "\nExamined: FreeLogStdMLPHeadConfig(input_dims=(3,), hidden_layer_dims=(4,), output_"
    },
    forgotten_bias: {COMPUTE: "'out' of rows (6,): 24 of 24 differ"},
    mixed_rows: {COMPUTE: "", PERMUTES: "'out' of permuted rows"},
    one_column_too_many: {COMPUTE: "", "output_dims_hold": "shape of 'out': expected (6, 4), got (6, 5)"},
    noisy_layers: {
        COMPUTE: "",
        PERMUTES: "",
        "weights_make_another_network_the_same_bit_for_bit": "'out' of a network with the same weights",
    },
}

FAKES = {BackendSuite: [*BROKEN_BACKENDS.values()], ModelSuite: [*BROKEN_LAYERS.values()]}


@pytest.mark.parametrize("broken", BROKEN_LAYERS, ids=lambda broken: broken.__name__)
def test_a_broken_layer_fails_the_exam_of_models(
    assert_fails: AssertFails, monkeypatch: Patch, broken: Callable[[Patch], None]
):
    broken(monkeypatch)
    assert_fails(Models, BROKEN_LAYERS[broken])
