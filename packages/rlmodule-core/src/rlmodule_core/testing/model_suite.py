"""The exam of a backend's layers: every network that a config can describe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, ClassVar

import numpy as np

from rlmodule_core.configs import (
    ActorCriticEncoderConfig,
    AttentionEncoderConfig,
    CNNEncoderConfig,
    FreeLogStdMLPHeadConfig,
    MLPEncoderConfig,
    MLPHeadConfig,
    ModelConfig,
    MultiStreamEncoderConfig,
    RecurrentEncoderConfig,
)
from rlmodule_core.configs.multi_stream import Streams
from rlmodule_core.plans import (
    Dims,
    Flatten,
    MultiOneHot,
    Normalise,
    OneHot,
    Plan,
    Scale,
    Transpose,
    join_name,
    walk_records,
)
from rlmodule_core.plans.records import ACTIVATIONS
from rlmodule_core.spaces import map_leaves
from rlmodule_core.testing.backend_exam import BackendExam
from rlmodule_core.testing.central_differences import quadratic_loss, random_mixture, require_gradients
from rlmodule_core.testing.compare import (
    Array,
    leaves,
    require_close,
    require_equal,
    require_same,
    require_same_arrays,
)
from rlmodule_core.testing.examining import examining
from rlmodule_core.testing.network_inputs import leading_of, network_inputs
from rlmodule_core.testing.network_module import NetworkModule, gradients, network_module
from rlmodule_core.testing.random_weights import random_like
from rlmodule_core.testing.reference import reference
from rlmodule_core.testing.sequences import step_by_step


@cache
def standard_configs() -> tuple[ModelConfig, ...]:
    """Every kind of network that core's configs describe, small: each activation, with and without the rest."""
    return tuple(_standard_configs())


def _standard_configs() -> Iterator[ModelConfig]:
    for activation in (*ACTIVATIONS, "swish", "linear", None):
        for layernorm in (False, True):
            # A square layer, because a transposed kernel fits it.
            hidden: dict[str, Any] = {
                "hidden_layer_dims": (5, 5),
                "hidden_layer_activation": activation,
                "hidden_layer_use_layernorm": layernorm,
            }
            yield MLPHeadConfig(input_dims=(3,), output_layer_dim=4, output_layer_activation=activation, **hidden)
            yield FreeLogStdMLPHeadConfig(input_dims=(3,), output_layer_dim=4, **hidden)
            yield MLPEncoderConfig(input_dims=(3,), **hidden)
            yield MLPEncoderConfig(input_dims=(3,), cast=True, output_layer_dim=4, **hidden)
            one_hot = MLPEncoderConfig(input_dims=(), one_hot=OneHot(4, start=-1), **hidden)
            for shared in (True, False):
                yield ActorCriticEncoderConfig(base_encoder_config=one_hot, shared=shared)
    plain: dict[str, Any] = {"hidden_layer_use_bias": False, "output_layer_use_bias": False}
    yield MLPHeadConfig(input_dims=(3,), hidden_layer_dims=(5, 5), output_layer_dim=2, **plain)
    yield MLPHeadConfig(input_dims=(3,), hidden_layer_dims=(), output_layer_dim=3)
    yield from _normalised()
    yield from _images()
    yield from _several()
    yield from _with_memory()


def _normalised() -> Iterator[ModelConfig]:
    hidden: dict[str, Any] = {"hidden_layer_dims": (4,), "hidden_layer_activation": "tanh"}
    # Limits within which hardly half of the entries lie, and an epsilon that shows.
    flat = MLPEncoderConfig(input_dims=(3, 2), before=(Flatten(2), Normalise(6, eps=0.5, clip=0.7)), **hidden)
    yield flat
    yield ActorCriticEncoderConfig(base_encoder_config=flat, shared=False)
    plain = MLPEncoderConfig(input_dims=(3,), before=(Normalise(3),), **hidden)
    yield MultiStreamEncoderConfig(base_encoder_configs={"a": {"b": plain}, "c": flat}, **hidden)


def _images() -> Iterator[ModelConfig]:
    # As many channels as kernels, and kernels, strides and sides that differ, because exchanged ones would fit too.
    dense: dict[str, Any] = {"hidden_layer_dims": (4,)}
    uneven = [[2, [2, 3], [1, 2]], [3, [3, 2], [2, 1], "valid"]]
    # A kernel as large as the image, which a backend may take for a dense layer.
    yield CNNEncoderConfig(input_dims=(3, 2, 2), cnn_filter_specifiers=[[2, [3, 2], 1, "valid"]], **dense)
    yield CNNEncoderConfig(input_dims=(5, 4, 2), cnn_filter_specifiers=uneven, **dense)
    yield CNNEncoderConfig(input_dims=(5, 4, 2), cnn_filter_specifiers=uneven, cnn_use_layernorm=True, **dense)
    yield CNNEncoderConfig(
        input_dims=(3, 3, 2), cnn_filter_specifiers=[[2, 2, 1]], cnn_use_bias=False, before=(Scale(5.0),), **dense
    )
    yield CNNEncoderConfig(
        input_dims=(2, 2, 3, 4),
        cnn_filter_specifiers=[[2, 3, 1]],
        before=(Transpose((2, 3, 0, 1)), Flatten(2)),
        **dense,
    )


def _several() -> Iterator[ModelConfig]:
    hidden: dict[str, Any] = {"hidden_layer_dims": (3,), "hidden_layer_activation": "tanh"}
    counts = MLPEncoderConfig(
        input_dims=(2, 2), before=(Flatten(2), MultiOneHot((2, 3, 1, 2), (0, -1, 4, 1))), **hidden
    )
    number = MLPEncoderConfig(input_dims=(), before=(Flatten(0),), **hidden)
    image = CNNEncoderConfig(input_dims=(3, 2, 1), cnn_filter_specifiers=[[2, 2, 2]], hidden_layer_dims=())
    streams: Streams = {"b.%": image, "a": {"0": counts, "1": number}}
    # The wrong order would fit: the vectors are of one width.
    several = MultiStreamEncoderConfig(base_encoder_configs=streams, **hidden)
    yield several
    yield ActorCriticEncoderConfig(base_encoder_config=several, shared=False)


def _with_memory() -> Iterator[ModelConfig]:
    tokenizer = MLPEncoderConfig(input_dims=(3,), hidden_layer_dims=(4,), hidden_layer_activation="tanh")
    # Square layers again, several of them, and inputs that exchanged parts would fit.
    for kind in ("lstm", "gru"):
        yield RecurrentEncoderConfig(input_dims=(4,), hidden_dim=4, recurrent_layer_type=kind, use_bias=False)
        several = RecurrentEncoderConfig(
            tokenizer_config=tokenizer,
            hidden_dim=5,
            recurrent_layer_type=kind,
            num_layers=2,
            use_layernorm=True,
            prev_actions=1,
            prev_rewards=True,
        )
        yield ActorCriticEncoderConfig(base_encoder_config=several, shared=kind == "gru")
    # A memory that the sequence outruns, of heads that exchanged parts would fit.
    attention: dict[str, Any] = {"dim": 4, "num_heads": 2, "head_dim": 2, "memory": 2, "mlp_dim": 4}
    yield AttentionEncoderConfig(input_dims=(4,), num_units=2, prev_actions=2, gate_bias=0.5, **attention)
    yield ActorCriticEncoderConfig(
        base_encoder_config=AttentionEncoderConfig(tokenizer_config=tokenizer, prev_rewards=True, **attention),
        shared=False,
    )


class ModelSuite(BackendExam):
    """Lowered networks compute what their plans say; a subclass names the backend as `backend_name`.

    Attributes:
        configs: the networks to examine; `standard_configs()` where a subclass sets none.
    """

    configs: ClassVar[Sequence[ModelConfig]] = ()

    def _configs(self) -> Sequence[ModelConfig]:
        return self.configs if self.configs else standard_configs()

    def _network(self, plan: Plan) -> tuple[Any, dict[str, Array]]:
        network = self.backend.lower(plan)
        weights = random_like(self.backend.get_weights(network), 1)
        self.backend.set_weights(network, weights)
        return network, weights

    def _outputs(self, network: Any, inputs: Any) -> dict[str, Array]:
        outputs = network(self.backend.batch(None, inputs))
        return {path: self.array(leaf) for path, leaf in leaves(outputs)}

    def test_networks_compute_what_their_plans_say(self) -> None:
        for config in self._configs():
            with examining(brief(config)):
                plan = config.plan()
                network, weights = self._network(plan)
                exact = {name: array.astype(np.float64) for name, array in weights.items()}
                for leading in ((6,), (2, 3), (1,)):
                    inputs = network_inputs(config, leading)
                    expected = dict(leaves(reference(plan, exact)(inputs)))
                    outputs = self._outputs(network, inputs)
                    require_equal(sorted(outputs), sorted(expected), "outputs")
                    for path, array in outputs.items():
                        require_equal(array.dtype, np.dtype(np.float32), f"dtype of {path!r}")
                        require_close(array, expected[path], f"{path!r} of rows {leading}")

    def test_optimizers_leave_alone_what_is_not_trained(self) -> None:
        for config in self._configs():
            with examining(brief(config)):
                plan = config.plan()
                names = {
                    join_name(name, leaf) for name, record in walk_records(plan) for leaf in record.untrained_leaves()
                }
                found = set(self.backend.untrained_weights(self.backend.lower(plan)))
                require_equal(found, names, "the names of untrained weights")

    def test_output_dims_hold(self) -> None:
        for config in self._configs():
            with examining(brief(config)):
                plan = config.plan()
                rows = (*leading_of(plan, (6,)), *config.output_dims)
                states = {f"out.state_out.{path}": (6, *dims) for path, dims in _leaf_dims(plan.state_shapes()).items()}
                for path, array in self._outputs(self.backend.lower(plan), network_inputs(config, (6,))).items():
                    require_equal(array.shape, states.get(path, rows), f"shape of {path!r}")

    def test_gradients_are_those_of_central_differences(self) -> None:
        for config in self._configs():
            with examining(brief(config)):
                inputs = network_inputs(config, (4,))
                require_gradients(self.training_backend, config.plan(), inputs, "the network")

    def test_a_batch_permutes_with_its_rows(self) -> None:
        order = np.array([3, 0, 5, 1, 4, 2])
        for config in self._configs():
            with examining(brief(config)):
                network, _ = self._network(config.plan())
                inputs = network_inputs(config, (6,))
                expected = self._outputs(network, inputs)
                for path, array in self._outputs(network, map_leaves(lambda leaf: leaf[order], inputs)).items():
                    require_close(array, expected[path][order], f"{path!r} of permuted rows")

    def test_single_steps_equal_one_sequence(self) -> None:
        for config in self._configs_with_memory():
            with examining(brief(config)):
                network, _ = self._network(config.plan())
                columns = self.backend.batch(None, network_inputs(config, (4, 5)))
                single = step_by_step(network, columns, lambda parts: self.backend.ops.concat(parts, 1))
                expected = {path: self.array(leaf) for path, leaf in leaves(network(columns))}
                for path, leaf in leaves(single):
                    require_close(self.array(leaf), expected[path], f"{path!r} of single steps")

    def test_gradients_of_single_steps_are_those_of_one_sequence(self) -> None:
        backend = self.training_backend
        for config in self._configs_with_memory():
            with examining(brief(config)):
                plan, columns = config.plan(), network_inputs(config, (4, 5))
                found = []
                for module_class in (NetworkModule, _StepByStep):
                    module = network_module(backend, plan, module_class)
                    backend.set_weights(module, random_like(backend.get_weights(module), 1))
                    outputs = backend.to_numpy(module.forward_train(backend.batch(None, columns)))
                    mixture = random_mixture(dict(leaves(outputs)))
                    found.append(gradients(backend, module, quadratic_loss, {**columns, "mixture": mixture}))
                for name, gradient in found[1].items():
                    require_close(gradient, found[0][name], f"the gradient of {name!r} through single steps")

    def _configs_with_memory(self) -> list[ModelConfig]:
        return [config for config in self._configs() if config.plan().state_shapes()]

    def test_weights_make_another_network_the_same_bit_for_bit(self) -> None:
        for config in self._configs():
            with examining(brief(config)):
                plan, inputs = config.plan(), network_inputs(config, (6,))
                network, weights = self._network(plan)
                twin = self.backend.lower(plan)
                self.backend.set_weights(twin, self.backend.get_weights(network))
                require_same_arrays(self.backend.get_weights(twin), weights, "weights")
                expected = self._outputs(network, inputs)
                for path, array in self._outputs(twin, inputs).items():
                    require_same(array, expected[path], f"{path!r} of a network with the same weights")


class _StepByStep(NetworkModule):
    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        columns = {name: column for name, column in batch.items() if name != "mixture"}
        return {"out": step_by_step(self.net, columns, lambda parts: self.backend.ops.concat(parts, 1))}


def brief(config: Any) -> str:
    """A config by what is not its default."""
    if not isinstance(config, ModelConfig):
        return repr(config)
    defaults = {field.name: field.default for field in fields(config)}
    chosen = (f"{name}={brief(value)}" for name, value in vars(config).items() if value != defaults[name])
    return f"{type(config).__name__}({', '.join(chosen)})"


def _leaf_dims(shapes: Mapping[str, Any]) -> dict[str, Dims]:
    return {path.removeprefix("."): dims for path, dims in leaves(shapes, "")}
