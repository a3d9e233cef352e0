"""Keys of other systems' model settings that cannot be honoured here, each with the reason and what to do instead."""

from __future__ import annotations

_WRAPPER = "observations reach the network as the environment gives them. Wrap the environment: gymnasium.wrappers."
_LSTM_WEIGHTS = (
    "first weights of recurrent layers are orthogonal, gate by gate. Override Catalog.get_encoder_config to return a "
    "RecurrentEncoderConfig with others."
)
_BIAS = "biases start at zero. Override PPOCatalog.build_actor_critic_encoder to return a network with others."
_UNCHANGED = "observations and actions are never flattened before the module sees them. Leave it out."
_FUSION = "'fcnet_hiddens' and the other 'fcnet_' settings are those of the layers that fuse several observations."

REFUSED: dict[str, str] = {
    "no_final_linear": "heads end in a linear layer. Override PPOCatalog.get_pi_head_config and get_vf_head_config.",
    "_time_major": "batches are [B, ...] or [B, T, ...] always. Leave it out.",
    "framestack": f"{_WRAPPER}FrameStackObservation stacks frames, which become channels.",
    "dim": f"{_WRAPPER}ResizeObservation resizes images; an image of any size has default 'conv_filters'.",
    "grayscale": f"{_WRAPPER}GrayscaleObservation takes the colour out.",
    "zero_mean": "pixels become numbers from 0 to 1. Wrap the environment in gymnasium.wrappers.RescaleObservation.",
    "custom_model": "a network of your own is returned by a catalog: override PPOCatalog.build_actor_critic_encoder.",
    "custom_model_config": "a catalog of your own has settings of its own: extend ModelSettings.",
    "custom_action_dist": "override Catalog.get_action_descriptor or Catalog.get_action_dist_cls.",
    "custom_preprocessor": f"{_WRAPPER}TransformObservation applies a function of yours.",
    "always_check_shapes": "shapes are checked always. rlmodule_core.spec_checks('off') switches the checks off.",
    "_disable_preprocessor_api": _UNCHANGED,
    "_disable_action_flattening": _UNCHANGED,
    "head_fcnet_hiddens": "it is called 'post_fcnet_hiddens' here.",
    "head_fcnet_activation": "it is called 'post_fcnet_activation' here.",
    "head_fcnet_use_layernorm": "it is called 'post_fcnet_use_layernorm' here.",
    "head_fcnet_kernel_initializer": "it is called 'post_fcnet_kernel_initializer' here.",
    "fusionnet_hiddens": _FUSION,
    "fusionnet_activation": _FUSION,
    "log_std_clip_param": "log standard deviations are always clipped, to 20 either way. Leave it out.",
}
"""By key. Families of keys are in `reason_for`."""


def reason_for(key: str) -> str | None:
    """Why a key is refused and what to do instead; None for a key that nobody knows."""
    if key.startswith("lstm_") and key.endswith(("_initializer", "_initializer_kwargs")):
        return _LSTM_WEIGHTS
    if key.endswith(("_bias_initializer", "_bias_initializer_kwargs")):
        return _BIAS
    if key.endswith("_kernel_initializer_kwargs"):
        return f"the gain is a setting of its own: {key.removesuffix('_initializer_kwargs')}_gain."
    return REFUSED.get(key)
