"""The exam of a backend's layers: every network that a config can describe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, ClassVar

import numpy as np

from rlmodule_core.columns import Columns
from rlmodule_core.configs import (
    ActorCriticEncoderConfig,
    CNNEncoderConfig,
    FreeLogStdMLPHeadConfig,
    MLPEncoderConfig,
    MLPHeadConfig,
    ModelConfig,
    MultiStreamEncoderConfig,
)
from rlmodule_core.configs.multi_stream import Streams
from rlmodule_core.plans import (
    Chain,
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
from rlmodule_core.testing.backend_exam import BackendExam
from rlmodule_core.testing.central_differences import require_gradients
from rlmodule_core.testing.compare import (
    Array,
    leaves,
    require_close,
    require_equal,
    require_same,
    require_same_arrays,
)
from rlmodule_core.testing.examining import examining
from rlmodule_core.testing.input_rows import input_rows
from rlmodule_core.testing.random_weights import random_like
from rlmodule_core.testing.reference import reference


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

    def _outputs(self, network: Any, plan: Plan, obs: Array) -> dict[str, Array]:
        outputs = network(_inputs(plan, self.tensor(obs)))
        return {path: self.array(leaf) for path, leaf in leaves(outputs)}

    def test_networks_compute_what_their_plans_say(self) -> None:
        for config in self._configs():
            with examining(brief(config)):
                plan = config.plan()
                network, weights = self._network(plan)
                exact = {name: array.astype(np.float64) for name, array in weights.items()}
                for leading in ((6,), (2, 3), (1,)):
                    obs = _observations(config, leading)
                    expected = dict(leaves(reference(plan, exact)(_inputs(plan, obs))))
                    outputs = self._outputs(network, plan, obs)
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
                for path, array in self._outputs(self.backend.lower(plan), plan, _observations(config, (6,))).items():
                    require_equal(array.shape, (6, *config.output_dims), f"shape of {path!r}")

    def test_gradients_are_those_of_central_differences(self) -> None:
        for config in self._configs():
            with examining(brief(config)):
                require_gradients(self.training_backend, config.plan(), _observations(config, (4,)), "the network")

    def test_a_batch_permutes_with_its_rows(self) -> None:
        order = np.array([3, 0, 5, 1, 4, 2])
        for config in self._configs():
            with examining(brief(config)):
                plan, obs = config.plan(), _observations(config, (6,))
                network, _ = self._network(plan)
                expected, outputs = (self._outputs(network, plan, rows) for rows in (obs, _permuted(obs, order)))
                for path, array in outputs.items():
                    require_close(array, expected[path][order], f"{path!r} of permuted rows")

    def test_weights_make_another_network_the_same_bit_for_bit(self) -> None:
        for config in self._configs():
            with examining(brief(config)):
                plan, obs = config.plan(), _observations(config, (6,))
                network, weights = self._network(plan)
                twin = self.backend.lower(plan)
                self.backend.set_weights(twin, self.backend.get_weights(network))
                require_same_arrays(self.backend.get_weights(twin), weights, "weights")
                expected = self._outputs(network, plan, obs)
                for path, array in self._outputs(twin, plan, obs).items():
                    require_same(array, expected[path], f"{path!r} of a network with the same weights")


def brief(config: Any) -> str:
    """A config by what is not its default."""
    if not isinstance(config, ModelConfig):
        return repr(config)
    defaults = {field.name: field.default for field in fields(config)}
    chosen = (f"{name}={brief(value)}" for name, value in vars(config).items() if value != defaults[name])
    return f"{type(config).__name__}({', '.join(chosen)})"


def _inputs(plan: Plan, obs: Any) -> Any:
    return obs if isinstance(plan, Chain) else {Columns.OBS: obs}


def _observations(config: ModelConfig, leading: tuple[int, ...]) -> Any:
    return input_rows(config.plan(), (*leading, *config.input_dims), np.random.default_rng(0))


def _permuted(obs: Any, order: Array) -> Any:
    return {key: _permuted(part, order) for key, part in obs.items()} if isinstance(obs, Mapping) else obs[order]
