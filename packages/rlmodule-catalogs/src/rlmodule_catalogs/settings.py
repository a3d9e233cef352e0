"""The model settings that catalogs understand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from typing import Any, Self

from rlmodule_catalogs.memory_settings import require_memory_settings
from rlmodule_catalogs.refused_settings import reason_for
from rlmodule_core import ConfigError, nearest, parse_filters
from rlmodule_core.plans import ACTIVATIONS, INITIALIZERS

_GAIN = math.sqrt(2.0)
_XAVIER = {"other": "xavier_uniform"}
_FILTERS = {"other": ((3, 2, 1),)}
_OF_LSTM = {"with": {"use_lstm": True}}
_OF_ATTENTION = {"with": {"use_attention": True}}
_SAME = {"idle": "It may only be that of attention_memory_inference."}


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """The keys of `model_config_dict`, with their defaults. A contributed catalog extends this class.

    For the exam of catalogs a field has metadata: "other" is another legal value, where that cannot be guessed, and
    "with" are the settings without which it has no effect, and "idle" says why it has none on networks.

    Attributes:
        fcnet_hiddens: sizes of the dense layers that every encoder ends in, also behind convolutions. In a Dict or
            Tuple space each part is brought to the first of these widths (small vectors to a smaller one), and all of
            the layers fuse them.
        fcnet_activation: their activation.
        fcnet_use_layernorm: normalise behind each of them.
        fcnet_kernel_initializer: how their first weights are drawn: "orthogonal", "xavier_uniform", "xavier_normal",
            "kaiming_uniform" or "kaiming_normal".
        fcnet_kernel_gain: what these are multiplied by.
        encoder_latent_dim: width of the encoder's output, by one layer more; None takes the last of `fcnet_hiddens`.
        conv_filters: the convolutions over images, a list of [kernels, kernel size, stride] and optionally "same" (the
            default) or "valid"; None takes those for the size of the image, an empty list flattens images.
        conv_activation: their activation.
        conv_use_layernorm: normalise behind each of them, over height, width and channels.
        conv_kernel_initializer: as `fcnet_kernel_initializer`.
        conv_kernel_gain: as `fcnet_kernel_gain`.
        post_fcnet_hiddens: sizes of the hidden layers of the policy and value heads.
        post_fcnet_activation: their activation.
        post_fcnet_use_layernorm: normalise behind each of them.
        post_fcnet_kernel_initializer: as `fcnet_kernel_initializer`, for hidden and output layers of the heads.
        post_fcnet_kernel_gain: of the hidden layers; the outputs have 0.01 (policy) and 1 (value).
        free_log_std: the Gaussian's log standard deviation does not depend on the observation.
        vf_share_layers: actor and critic share one encoder.
        normalize_actions: see `rlmodule_core.DiagGaussian`.
        normalize_observations: floats are brought near 1 by the mean and variance of those seen before, images are not.
            The statistics are weights that no optimizer trains: an algorithm updates them, a policy is served with
            them. See `rlmodule_core.plans.Normalise`.
        squash_actions: Box actions are squashed into their bounds, see `rlmodule_core.SquashedGaussian`.
        use_lstm: LSTM layers behind the encoder, which is the tokenizer of each step then.
        use_gru: GRU layers instead; the settings `lstm_...` are theirs too.
        lstm_cell_size: the width of these layers.
        lstm_num_layers: how many, one behind the other.
        lstm_use_layernorm: normalise behind each of them.
        lstm_use_prev_action: tell them the action before; see `rlmodule_core.PreviousInputs`.
        lstm_use_prev_reward: tell them the reward before.
        max_seq_len: the longest sequence in training, whatever remembers; read by the algorithm.
        use_attention: a gated transformer behind the encoder, see `rlmodule_core.AttentionEncoderConfig`.
        attention_num_transformer_units: how many units, one behind the other.
        attention_dim: their width.
        attention_num_heads: of attention in each.
        attention_head_dim: the width of each head.
        attention_memory_inference: how many steps before it a step attends to, in training too.
        attention_memory_training: None, or the same.
        attention_position_wise_mlp_dim: the hidden width of the perceptron in each unit.
        attention_init_gru_gate_bias: how little a fresh unit lets in.
        attention_use_n_prev_actions: 1 tells each step the action before, 0 does not.
        attention_use_n_prev_rewards: 1 tells each step the reward before, 0 does not.
    """

    fcnet_hiddens: Sequence[int] = (256, 256)
    fcnet_activation: str | None = "tanh"
    fcnet_use_layernorm: bool = False
    fcnet_kernel_initializer: str = field(default="orthogonal", metadata=_XAVIER)
    fcnet_kernel_gain: float = _GAIN
    encoder_latent_dim: int | None = None
    conv_filters: Sequence[Any] | None = field(default=None, metadata=_FILTERS)
    conv_activation: str | None = "relu"
    conv_use_layernorm: bool = False
    conv_kernel_initializer: str = field(default="orthogonal", metadata=_XAVIER)
    conv_kernel_gain: float = _GAIN
    post_fcnet_hiddens: Sequence[int] = ()
    post_fcnet_activation: str | None = "relu"
    post_fcnet_use_layernorm: bool = False
    post_fcnet_kernel_initializer: str = field(default="orthogonal", metadata=_XAVIER)
    post_fcnet_kernel_gain: float = _GAIN
    free_log_std: bool = False
    vf_share_layers: bool = True
    normalize_actions: bool = True
    normalize_observations: bool = False
    squash_actions: bool = False
    use_lstm: bool = False
    use_gru: bool = False
    lstm_cell_size: int = field(default=256, metadata=_OF_LSTM)
    lstm_num_layers: int = field(default=1, metadata=_OF_LSTM)
    lstm_use_layernorm: bool = field(default=False, metadata=_OF_LSTM)
    lstm_use_prev_action: bool = field(default=False, metadata=_OF_LSTM)
    lstm_use_prev_reward: bool = field(default=False, metadata=_OF_LSTM)
    max_seq_len: int = field(default=20, metadata={"idle": "Training cuts sequences by it."})
    use_attention: bool = False
    attention_num_transformer_units: int = field(default=1, metadata=_OF_ATTENTION)
    attention_dim: int = field(default=64, metadata=_OF_ATTENTION)
    attention_num_heads: int = field(default=1, metadata=_OF_ATTENTION)
    attention_head_dim: int = field(default=32, metadata=_OF_ATTENTION)
    attention_memory_inference: int = field(default=50, metadata=_OF_ATTENTION)
    attention_memory_training: int | None = field(default=None, metadata={**_OF_ATTENTION, **_SAME})
    attention_position_wise_mlp_dim: int = field(default=32, metadata=_OF_ATTENTION)
    attention_init_gru_gate_bias: float = field(default=2.0, metadata=_OF_ATTENTION)
    attention_use_n_prev_actions: int = field(default=0, metadata=_OF_ATTENTION)
    attention_use_n_prev_rewards: int = field(default=0, metadata=_OF_ATTENTION)

    @classmethod
    def parse(cls, model_config_dict: Mapping[str, Any]) -> Self:
        """The settings of a `model_config_dict`.

        Raises:
            ConfigError: a key is unknown (names the nearest one) or cannot be honoured (says why), or a value has the
                wrong type.
        """
        if not isinstance(model_config_dict, Mapping):
            raise ConfigError(
                f"Model settings are a mapping such as {{'fcnet_hiddens': [64]}}, got {model_config_dict!r}."
            )
        known = [declared.name for declared in fields(cls)]
        for key in model_config_dict:
            if key not in known:
                raise _unknown(key, known)
        return cls(**model_config_dict)

    def __post_init__(self) -> None:
        for declared in fields(self):
            value = getattr(self, declared.name)
            # By the default, so that the switches of an extended class are held to it too.
            if isinstance(declared.default, bool) and not isinstance(value, bool):
                raise ConfigError(f"The model setting {declared.name!r} must be True or False, got {value!r}.")
            if declared.name.endswith("_gain"):
                object.__setattr__(self, declared.name, _gain(declared.name, value))
        # Here, because nobody else looks at them where there is no layer of that kind.
        for kind in ("fcnet", "conv", "post_fcnet"):
            self._require_one_of(f"{kind}_activation", (*ACTIVATIONS, "swish", "linear", None))
            self._require_one_of(f"{kind}_kernel_initializer", tuple(INITIALIZERS))
        for name in ("fcnet_hiddens", "post_fcnet_hiddens"):
            object.__setattr__(self, name, _layer_sizes(name, getattr(self, name)))
        object.__setattr__(self, "conv_filters", _filters(self.conv_filters))
        if self.encoder_latent_dim is not None:
            if not _is_size(self.encoder_latent_dim):
                raise ConfigError(
                    "The model setting 'encoder_latent_dim' must be a positive integer or None, got "
                    f"{self.encoder_latent_dim!r}."
                )
            object.__setattr__(self, "encoder_latent_dim", int(self.encoder_latent_dim))
        if not self.fcnet_hiddens and self.encoder_latent_dim is None:
            raise ConfigError("The model setting 'fcnet_hiddens' is empty; then 'encoder_latent_dim' must be set.")
        require_memory_settings(vars(self), {declared.name: declared for declared in fields(self)})

    def _require_one_of(self, name: str, legal: Sequence[str | None]) -> None:
        value = getattr(self, name)
        if not isinstance(value, str | None) or value not in legal:
            raise ConfigError(
                f"The model setting {name!r} must be one of {', '.join(map(str, legal))}, got {value!r}."
                f"{nearest(str(value), [text for text in legal if text is not None])}"
            )


def _unknown(key: object, known: Sequence[str]) -> ConfigError:
    reason = reason_for(str(key))
    if reason is not None:
        return ConfigError(f"The model setting {key!r} cannot be honoured: {reason}")
    return ConfigError(
        f"Unknown model setting {key!r}.{nearest(str(key), known)} Known are: {', '.join(known)}. (A "
        "catalog with settings of its own extends ModelSettings; a module without a catalog reads any key.)"
    )


def _layer_sizes(name: str, value: object) -> tuple[int, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(map(_is_size, value)):
        raise ConfigError(
            f"The model setting {name!r} must be a list of layer sizes (positive integers), got {value!r}."
        )
    return tuple(int(size) for size in value)


def _is_size(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) > 0


def _gain(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < math.inf:
        raise ConfigError(f"The model setting {name!r} must be a positive number such as 1.0, got {value!r}.")
    return float(value)


def _filters(value: Sequence[Any] | None) -> tuple[Any, ...] | None:
    if value is None:
        return None
    try:
        filters = parse_filters(value)
    except ConfigError as error:
        raise ConfigError(f"The model setting 'conv_filters' does not fit. {error}") from error
    # Plain tuples, because settings are stored with checkpoints.
    return tuple((each.outputs, each.kernel, each.stride, each.padding) for each in filters)
