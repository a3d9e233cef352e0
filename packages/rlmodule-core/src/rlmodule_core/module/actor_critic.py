"""The standard module: an encoder, a policy head and a value head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from rlmodule_core.columns import Columns
from rlmodule_core.distributions import Descriptor, Distribution, masked_inputs
from rlmodule_core.errors import ConfigError, SpecCheckingError
from rlmodule_core.module.action_mask import require_mask_space
from rlmodule_core.module.observation_specs import SEQUENCES, STEPS, column_spec, observation_spec, state_spec
from rlmodule_core.module.plans import ModulePlans
from rlmodule_core.module.resolve import has_standard_class
from rlmodule_core.module.rl_module import RLModule
from rlmodule_core.plans import ActorCritic, walk_natives
from rlmodule_core.spaces import mask_space
from rlmodule_core.specs import SpecType, TensorSpec

DEFAULT_CATALOG = "ppo"


class ActorCriticCatalog(Protocol):
    """What an actor-critic module asks of its catalog."""

    def build_actor_critic_encoder(self, framework: str) -> Any:
        """A network `{"obs": ...}` to `{"encoder_out": {"actor": ..., "critic": ...}}`."""

    def build_pi_head(self, framework: str) -> Any:
        """A network from latents `[B, L]` to distribution inputs `[B, A]`."""

    def build_vf_head(self, framework: str) -> Any:
        """A network from latents `[B, L]` to values `[B, 1]`."""

    def get_action_dist_cls(self, framework: str) -> type[Distribution]:
        """The action distribution."""


class ActorCriticRLModule(RLModule):
    """Actor and critic over one shared encoder or over one each: what PPO, IMPALA and APPO train.

    Neutral: combine it with a framework's base, or let a spec do so. The attributes `encoder`, `pi` and `vf` hold
    the networks. Where the observations are a Dict with the key "action_mask", illegal actions are made impossible in
    `action_dist_inputs` by all three forwards; see `masked_inputs`. Where the encoder carries a state, so does the
    module: its forwards take and give sequences `[B, T, ...]`. Inference leaves the state of a critic's own encoder
    as it is.
    """

    architecture = "actor-critic"

    encoder: Any
    pi: Any
    vf: Any
    # Descriptors rather than the classes bound from them, which pickle could not find by name.
    _dists: dict[str, Descriptor | type[Distribution]]
    _mask_descriptor: Descriptor | None = None

    def setup(self) -> None:
        self._set_up_parts()
        self._mask_descriptor = self._required_mask()

    def _set_up_parts(self) -> None:
        framework = self.backend.name
        plans = None if self.config is None else self.config.plans
        if plans is not None:
            self.encoder, self.pi, self.vf = map(self.backend.lower, (plans.encoder, plans.pi, plans.vf))
            self._dists = {"train": plans.train, "exploration": plans.exploration, "inference": plans.inference}
            return
        catalog = self._catalog()
        self.encoder = self._part(catalog, "build_actor_critic_encoder")
        self.pi = self._part(catalog, "build_pi_head")
        self.vf = self._part(catalog, "build_vf_head")
        dist_cls = catalog.get_action_dist_cls(framework)
        self._require_fit(dist_cls)
        self._dists = dict.fromkeys(("train", "exploration", "inference"), _unbound(dist_cls))

    def _required_mask(self) -> Descriptor | None:
        """What describes the inputs that a mask in the observations is applied to; None where there is no mask."""
        space = None if self.config is None else self.config.observation_space
        if mask_space(space) is None:
            return None
        # The inputs of every phase come from one head, so that their masks are alike.
        dist = self._dists["train"]
        descriptor = dist if isinstance(dist, Descriptor) else descriptor_of(dist)
        require_mask_space(space, descriptor)
        return descriptor

    def mask_descriptor(self) -> Descriptor | None:
        return self._mask_descriptor

    def _part(self, catalog: Any, method: str) -> Any:
        network = getattr(catalog, method, lambda framework: None)(self.backend.name)
        if not callable(network):
            raise ConfigError(
                f"{type(catalog).__name__}.{method}({self.backend.name!r}) must return a network that can be called, "
                f"got {network!r}. Derive the catalog from PPOCatalog and return what a ModelConfig builds."
            )
        return network

    def _require_fit(self, dist_cls: Any) -> None:
        if not (isinstance(dist_cls, type) and issubclass(dist_cls, Distribution)):
            raise ConfigError(f"get_action_dist_cls() must return a Distribution class, got {dist_cls!r}.")
        descriptor, space = descriptor_of(dist_cls), None if self.config is None else self.config.action_space
        if descriptor is not None and space is not None and not descriptor.fits(space):
            raise ConfigError(
                f"The action distribution {descriptor} does not give actions of {space}. Check the catalog's "
                "get_action_descriptor."
            )

    def _catalog(self) -> ActorCriticCatalog:
        if self.config is None:
            raise ConfigError(f"{type(self).__name__} needs an RLModuleConfig to build its networks from, got None.")
        catalog: ActorCriticCatalog = self.config.get_catalog(default=DEFAULT_CATALOG)
        return catalog

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        encoded = self.encoder(batch)
        latents = self._latents(encoded)
        outputs = {
            Columns.ACTION_DIST_INPUTS: self._action_inputs(latents[Columns.ACTOR], batch),
            Columns.VF_PREDS: self._values(latents[Columns.CRITIC]),
        }
        return _with_state(outputs, encoded)

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        encoder = self.encoder
        plan = self.backend.plan_of(encoder)
        if type(plan) is ActorCritic and (plan.critic is None or not plan.critic.state_shapes()):
            return self._acted(batch, encoder)
        # A critic that remembers must see every step.
        encoded = encoder(batch)
        inputs = self._action_inputs(self._latents(encoded)[Columns.ACTOR], batch)
        return _with_state({Columns.ACTION_DIST_INPUTS: inputs}, encoded)

    def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._acted(batch, self.encoder)

    def _acted(self, batch: Mapping[str, Any], encoder: Any) -> Mapping[str, Any]:
        """What the actor alone computes, where the encoder's plan tells its part; the critic's state stays."""
        plan = self.backend.plan_of(encoder)
        if type(plan) is not ActorCritic:
            encoded = encoder(batch)
            latents = self._latents(encoded)[Columns.ACTOR]
            return _with_state({Columns.ACTION_DIST_INPUTS: self._action_inputs(latents, batch)}, encoded)
        key = plan.actor_key
        if not plan.state_shapes():
            # Apart from the rest, because this is on the way of every action of most modules.
            latents = encoder.run_child(key, batch)[Columns.ENCODER_OUT]
            return {Columns.ACTION_DIST_INPUTS: self._action_inputs(latents, batch)}
        encoded = encoder.run_child(key, plan.inputs_of(key, batch))
        outputs = {Columns.ACTION_DIST_INPUTS: self._action_inputs(encoded[Columns.ENCODER_OUT], batch)}
        if plan.actor is None:
            return _with_state(outputs, encoded)
        own = {key: encoded[Columns.STATE_OUT]} if Columns.STATE_OUT in encoded else {}
        return {**outputs, Columns.STATE_OUT: {**batch[Columns.STATE_IN], **own}}

    def _action_inputs(self, latents: Any, batch: Mapping[str, Any]) -> Any:
        inputs, descriptor = self.pi(latents), self._mask_descriptor
        if descriptor is None:
            return inputs
        return masked_inputs(self.backend.ops, descriptor, inputs, batch[Columns.OBS][Columns.ACTION_MASK])

    def _latents(self, encoded: Mapping[str, Any]) -> Mapping[str, Any]:
        latents: Mapping[str, Any] = encoded[Columns.ENCODER_OUT]
        if not isinstance(latents, Mapping):
            raise SpecCheckingError(
                f"The encoder of {type(self).__name__} must give {{'actor': ..., 'critic': ...}} under 'encoder_out', "
                f"got {type(latents).__name__}. Build it from an ActorCriticEncoderConfig."
            )
        return latents

    def _values(self, latents: Any) -> Any:
        values = self.vf(latents)
        if values.shape[-1] != 1:
            raise SpecCheckingError(
                f"The value head of {type(self).__name__} must give one value a row, shape [B, 1], got "
                f"{tuple(values.shape)}. Check PPOCatalog.build_vf_head or get_vf_head_config."
            )
        # Not `values[..., 0]`: the gradient of an index is a new tensor of zeros with one row filled in.
        return self.backend.ops.reshape(values, values.shape[:-1])

    def input_specs_train(self) -> SpecType:
        return self._input_specs()

    def input_specs_exploration(self) -> SpecType:
        return self._input_specs()

    def input_specs_inference(self) -> SpecType:
        return self._input_specs()

    def output_specs_train(self) -> SpecType:
        dist_cls, space = self.get_train_action_dist_cls(), None if self.config is None else self.config.action_space
        width = {} if space is None else {"a": dist_cls.required_input_dim(space)}
        state, framework = self.get_initial_state(), self.framework
        leading = ", ".join(SEQUENCES if state else STEPS)
        return {
            Columns.ACTION_DIST_INPUTS: TensorSpec(f"{leading}, a", framework=framework, **width),
            Columns.VF_PREDS: TensorSpec(leading, framework=framework),
            **({Columns.STATE_OUT: state_spec(state, framework)} if state else {}),
        }

    def _input_specs(self) -> SpecType:
        space, state = None if self.config is None else self.config.observation_space, self.get_initial_state()
        plan = self.backend.plan_of(self.encoder)
        leading = SEQUENCES if state else STEPS
        extras = {} if plan is None else plan.extra_columns()
        return {
            Columns.OBS: None if space is None else observation_spec(space, self.framework, leading),
            **{name: column_spec(dims, self.framework, leading) for name, dims in extras.items()},
            **({Columns.STATE_IN: state_spec(state, self.framework)} if state else {}),
        }

    def get_initial_state(self) -> Mapping[str, Any]:
        plan = self.backend.plan_of(self.encoder)
        shapes = {} if plan is None else plan.state_shapes()
        return _zeros(shapes) if shapes else {}

    def get_train_action_dist_cls(self) -> type[Distribution]:
        return self._dist_cls("train")

    def get_exploration_action_dist_cls(self) -> type[Distribution]:
        return self._dist_cls("exploration")

    def get_inference_action_dist_cls(self) -> type[Distribution]:
        return self._dist_cls("inference")

    def _dist_cls(self, phase: str) -> type[Distribution]:
        dist = self._dists[phase]
        return dist if isinstance(dist, type) else dist.bind(self.backend.ops)

    def non_portable_part(self) -> str | None:
        if not has_standard_class(self):
            return super().non_portable_part()
        for part in ("encoder", "pi", "vf"):
            network = getattr(self, part)
            plan = self.backend.plan_of(network)
            if plan is None:
                return f"its part {part!r}, a {type(network).__name__} that was not built from a plan"
            native = next(walk_natives(plan, part), None)
            if native is not None:
                return f"its part {native[0]!r}, which {type(native[1].config).__name__} builds by itself"
        for phase, dist in self._dists.items():
            if not isinstance(dist, Descriptor):
                return f"the {phase} distribution {dist.__name__}, which was not bound from a descriptor"
        return None

    def frozen_plans(self) -> ModulePlans:
        gap = self.non_portable_part()
        if gap is not None:
            raise ConfigError(
                f"{type(self).__name__} cannot leave {self.framework} because of {gap}. Build that part from a "
                "ModelConfig to make the module portable."
            )
        parts: dict[str, Any] = {part: self.backend.plan_of(getattr(self, part)) for part in ("encoder", "pi", "vf")}
        dists: dict[str, Any] = self._dists
        return ModulePlans(**parts, **dists)


def _with_state(outputs: dict[str, Any], encoded: Mapping[str, Any]) -> dict[str, Any]:
    return {**outputs, Columns.STATE_OUT: encoded[Columns.STATE_OUT]} if Columns.STATE_OUT in encoded else outputs


def _zeros(shapes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _zeros(dims) if isinstance(dims, Mapping) else np.zeros(dims, np.float32) for key, dims in shapes.items()
    }


def _unbound(dist_cls: type[Distribution]) -> Descriptor | type[Distribution]:
    # Of the class itself: a user's subclass of a bound class inherits the descriptor, but computes something else.
    descriptor: Descriptor | None = vars(dist_cls).get("descriptor")
    return dist_cls if descriptor is None else descriptor


def descriptor_of(dist_cls: type[Distribution]) -> Descriptor | None:
    """The descriptor that a distribution class was bound from; None for a class of the user's own."""
    descriptor: Descriptor | None = getattr(dist_cls, "descriptor", None)
    return descriptor
