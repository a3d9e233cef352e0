"""The exam of a catalog for actor-critic modules."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core.backend import Backend, GradientClip, OptimizerSettings, get_backend, get_training_backend
from rlmodule_core.columns import Columns
from rlmodule_core.errors import ConfigError, UnsupportedSpaceError
from rlmodule_core.module.actor_critic import ActorCriticRLModule, descriptor_of
from rlmodule_core.module.rl_module import RLModule
from rlmodule_core.module.spec import SingleAgentRLModuleSpec
from rlmodule_core.spaces import map_leaves
from rlmodule_core.testing.backend_exam import can_train, installed_backends
from rlmodule_core.testing.batches import native_batch, observations
from rlmodule_core.testing.compare import Array, leaves, require, require_equal, require_same_arrays
from rlmodule_core.testing.examining import examining
from rlmodule_core.testing.guard import Exam
from rlmodule_core.testing.random_weights import perturbed
from rlmodule_core.testing.refusal import refused
from rlmodule_core.testing.sequences import fresh_state

Spaces = tuple[gym.Space[Any], gym.Space[Any]]

_REAL = gym.spaces.Box(-np.inf, np.inf, (4,))


class UnheardOfSpace(gym.Space[Any]):
    """A space that no catalog knows."""

    def __repr__(self) -> str:
        return "UnheardOfSpace()"


class CatalogSuite(Exam):
    """A catalog builds networks that fit its spaces; a subclass sets `catalog_class`.

    Attributes:
        catalog_class: the examinee; it has a `settings_class` and builds an actor-critic encoder and two heads.
        spaces: the pairs of observation and action space to examine.
        settings: the settings that every examined catalog is given.
        frameworks: in which to build; by default all installed ones, but for pairs of spaces whose networks are native
            to some: the others may refuse those by a ConfigError that names the framework.
        other_values: for a setting whose other legal value can neither be guessed from its default nor is the
            metadata "other" of its field, such a value. Settings without which it has no effect are its metadata
            "with".
        settings_without_effect: settings that change neither outputs nor distribution, each with the reason, which may
            also be the metadata "idle" of the field.
    """

    catalog_class: ClassVar[type[Any]]
    spaces: ClassVar[Sequence[Spaces]] = (
        (_REAL, gym.spaces.Discrete(3)),
        (_REAL, gym.spaces.Box(-1.0, 1.0, (2,))),
        (gym.spaces.Box(0, 255, (3,), np.uint8), gym.spaces.Discrete(4, start=2)),
        (gym.spaces.Discrete(5, start=1), gym.spaces.Box(-2.0, 3.0, (3,))),
        (gym.spaces.Box(0, 255, (4, 3, 2), np.uint8), gym.spaces.Discrete(2)),
    )
    settings: ClassVar[Mapping[str, Any]] = {}
    frameworks: ClassVar[Sequence[str] | None] = None
    other_values: ClassVar[Mapping[str, Any]] = {}
    settings_without_effect: ClassVar[Mapping[str, str]] = {}

    @property
    def _examinee(self) -> type[Any]:
        catalog_class: type[Any] = self.given("catalog_class")
        return catalog_class

    def _catalog(self, spaces: Spaces, settings: Mapping[str, Any] | None = None) -> Any:
        return self._examinee(*spaces, self.settings if settings is None else settings)

    @cached_property
    def _cases(self) -> list[tuple[str, Spaces]]:
        installed = installed_backends(ActorCriticRLModule.architecture)
        chosen = installed if self.frameworks is None else self.frameworks
        return [
            (framework, spaces)
            for framework in chosen
            for spaces in self.spaces
            if self.frameworks is not None or not self._is_refused(framework, spaces)
        ]

    def _is_refused(self, framework: str, spaces: Spaces) -> bool:
        try:
            catalog = self._catalog(spaces)
            for part in ("build_actor_critic_encoder", "build_pi_head", "build_vf_head"):
                getattr(catalog, part)(framework)
        except Exception as error:
            # Any other error is for the questions to report, which ask for these networks again.
            return isinstance(error, ConfigError) and repr(framework) in str(error)
        return False

    def _networks(self, catalog: Any, framework: str) -> tuple[Any, Any, Any]:
        """Freshly built networks of one seed: the encoder and the heads for policy and value."""
        with get_backend(framework).initialising(0):
            encoder = catalog.build_actor_critic_encoder(framework)
            return encoder, catalog.build_pi_head(framework), catalog.build_vf_head(framework)

    def _outputs(self, catalog: Any, framework: str, networks: Any = None) -> tuple[Array, Array]:
        """What the networks give for six observations: distribution inputs and values."""
        backend = get_backend(framework)
        encoder, *heads = self._networks(catalog, framework) if networks is None else networks
        columns = backend.batch(None, _columns(backend, encoder, catalog.observation_space))
        latents = encoder(columns)[Columns.ENCODER_OUT]
        inputs, values = (
            _rows(backend.to_numpy(head(latents[key])))
            for head, key in zip(heads, (Columns.ACTOR, Columns.CRITIC), strict=True)
        )
        return inputs, values

    def _module(self, framework: str, spaces: Spaces) -> RLModule:
        spec = SingleAgentRLModuleSpec(ActorCriticRLModule, *spaces, self.settings, self._examinee)
        with get_backend(framework).initialising(0):
            return spec.build(framework=framework)

    def test_networks_are_built_for_every_pair_of_spaces(self) -> None:
        for spaces in self.spaces:
            builds = any(each is spaces for _, each in self._cases)
            require(builds, f"{spaces}: expected a framework in which the networks are built, got refusals by all.")
        for framework, spaces in self._cases:
            with examining(f"{framework}, {spaces}"):
                outputs = self._outputs(self._catalog(spaces), framework)
                for head, output in zip(("policy", "value"), outputs, strict=True):
                    what, finite = f"the {head} head", np.isfinite(output)
                    require_equal(output.dtype, np.dtype(np.float32), f"{what}: dtype")
                    require(finite.all(), f"{what}: expected finite numbers, got {output[~finite][:1]}.")

    def test_heads_are_as_wide_as_the_action_distribution_and_the_value(self) -> None:
        for framework, spaces in self._cases:
            with examining(f"{framework}, {spaces}"):
                catalog = self._catalog(spaces)
                inputs, values = self._outputs(catalog, framework)
                width = catalog.get_action_dist_cls(framework).required_input_dim(spaces[1])
                require_equal(inputs.shape, (6, width), "the policy head: shape")
                require_equal(values.shape, (6, 1), "the value head: shape")

    def test_an_unknown_setting_is_refused_with_the_nearest_name(self) -> None:
        for name in (field.name for field in fields(self._examinee.settings_class)):
            typo = f"{name[:-1]}_"
            with refused(ConfigError, f"the setting {typo!r}", naming=[typo, f"'{name}'?"]):
                self._catalog(self.spaces[0], {**self.settings, typo: 1})

    def test_an_unsupported_space_is_named_with_the_method_to_override(self) -> None:
        odd, methods = UnheardOfSpace(), _methods_to_override(self._examinee)
        for framework, (observation_space, action_space) in self._cases:
            for spaces in ((odd, action_space), (observation_space, odd)):
                with refused(UnsupportedSpaceError, f"{framework}, {spaces}", naming=[repr(odd)], one_of=methods):
                    self._outputs(self._catalog(spaces), framework)

    def test_every_setting_has_an_effect_or_a_reason_why_not(self) -> None:
        declared = fields(self._examinee.settings_class)
        idle = {field.name for field in declared if not self._has_effect(field)}
        listed = {*self.settings_without_effect, *(field.name for field in declared if "idle" in field.metadata)}
        advice = "Use them, or list them with a reason in settings_without_effect."
        require(idle <= listed, f"expected an effect of every setting, got none of {sorted(idle - listed)}. {advice}")
        require(listed <= idle, f"settings_without_effect lists {sorted(listed - idle)}, which have an effect.")

    def _has_effect(self, field: Field[Any]) -> bool:
        declared_other = field.metadata.get("other", _other_value(_default(field)))
        other = self.other_values.get(field.name, declared_other)
        declared = fields(self._examinee.settings_class)
        # What it needs may be excluded by settings of the suite, under which it then shows.
        needed = [field.metadata["with"], {}] if "with" in field.metadata else [{}]
        # An activation shows only where there is a layer to activate.
        layers = {each.name: (6,) for each in declared if isinstance(_default(each), list | tuple)}
        return any(
            self._decided(spaces, {**base, field.name: other}) not in (None, self._decided(spaces, base))
            for spaces in self.spaces
            for more in needed
            for base in ({**self.settings, **more}, {**layers, **self.settings, **more})
        )

    def _decided(self, spaces: Spaces, settings: Mapping[str, Any]) -> Any:
        """Everything that settings can change; None where they do not fit the spaces."""
        framework = next((framework for framework, each in self._cases if each is spaces), None)
        if framework is None:
            return None
        try:
            with examining(f"{framework}, {spaces}, {settings}"):
                catalog = self._catalog(spaces, settings)
                descriptor = descriptor_of(catalog.get_action_dist_cls(framework))
                backend, networks = get_backend(framework), self._networks(catalog, framework)
                # Statistics that have seen nothing yet change no outputs, nor does the length of a fresh memory.
                plan, names = backend.plan_of(networks[0]), tuple(backend.get_weights(networks[0]))
                state = None if plan is None else repr(plan.state_shapes())
                outputs = self._outputs(catalog, framework, networks)
                return descriptor, names, state, *(output.tobytes() for output in outputs)
        except ConfigError:
            return None

    def test_a_module_built_with_it_takes_a_gradient_step(self) -> None:
        if not any(can_train(framework) for framework, _ in self._cases):
            pytest.skip("No backend is installed that can train.")
        for framework, spaces in self._cases:
            if can_train(framework):
                with examining(f"{framework}, {spaces}"):
                    self._require_step(framework, spaces)

    def _require_step(self, framework: str, spaces: Spaces) -> None:
        backend, module = get_training_backend(framework), self._module(framework, spaces)
        before = module.get_state()
        backend.update_epoch(
            module,
            loss=_mean_of_outputs,
            optimizer=backend.make_optimizer(module, OptimizerSettings(lr=0.01)),
            columns=backend.to_numpy(native_batch(module, spaces[0])),
            permutation=np.arange(6),
            minibatch_size=6,
            coeffs={},
            clip=GradientClip(),
        )
        moved = [name for name, array in module.get_state().items() if not np.array_equal(array, before[name])]
        for part in ("encoder", "pi", "vf"):
            what = f"a weight of {part!r} after a step of the optimizer"
            require(any(name.startswith(part) for name in moved), f"{what}: expected it moved, got it as it was.")

    def test_a_module_built_with_it_comes_back_from_a_checkpoint(self) -> None:
        for framework, spaces in self._cases:
            with examining(f"{framework}, {spaces}"):
                module = self._module(framework, spaces)
                # Moved from their start, at which a forgotten one would be too.
                module.set_state(perturbed(module.get_state(), 1))
                with tempfile.TemporaryDirectory() as directory:
                    path = module.save_to_checkpoint(Path(directory) / "checkpoint")
                    loaded = type(module).from_checkpoint(path, catalog_class=self._examinee)
                require_same_arrays(loaded.get_state(), module.get_state(), "the loaded state")
                batch, numpy = native_batch(module, spaces[0]), module.backend.to_numpy
                expected, outputs = (dict(leaves(numpy(dict(each.forward_train(batch))))) for each in (module, loaded))
                require_same_arrays(outputs, expected, "the loaded module's outputs")


def _columns(backend: Backend, encoder: Any, space: gym.Space[Any]) -> dict[str, Any]:
    """What an encoder is called with, in numpy: one that remembers gets sequences of two steps."""
    plan, obs = backend.plan_of(encoder), get_backend("numpy").batch(space, observations(space))
    if plan is None or not plan.state_shapes():
        return {Columns.OBS: obs}
    twice = map_leaves(lambda leaf: np.stack([leaf, leaf[::-1]], axis=1), obs)
    rng = np.random.default_rng(0)
    extras = {name: rng.normal(size=(6, 2, *dims)).astype(np.float32) for name, dims in plan.extra_columns().items()}
    return {Columns.OBS: twice, **extras, Columns.STATE_IN: fresh_state(plan.state_shapes(), 6)}


def _rows(outputs: Array) -> Array:
    """The outputs `[B, ...]` of the last step."""
    return outputs if outputs.ndim == 2 else outputs[:, -1]


def _mean_of_outputs(ops: Any, outputs: Mapping[str, Any], batch: Any, coeffs: Any) -> Any:
    return ops.mean(outputs[Columns.ACTION_DIST_INPUTS]) + ops.mean(outputs[Columns.VF_PREDS]), {}


def _methods_to_override(catalog_class: type[Any]) -> list[str]:
    return [name for name in dir(catalog_class) if name.startswith(("get_", "build_"))]


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _other_value(default: Any) -> Any:
    match default:
        case bool():
            return not default
        case int() | float():
            return default + 1
        case str():
            return "tanh" if default == "relu" else "relu"
        case None:
            return 5
        case _:
            return (5,)
