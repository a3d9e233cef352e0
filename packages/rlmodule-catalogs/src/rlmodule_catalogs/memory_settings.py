"""Whether the settings of encoders that remember go together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field
from numbers import Integral, Real
from typing import Any

from rlmodule_core import ConfigError

_SWITCHES = {"lstm_": ("use_lstm", "use_gru"), "attention_": ("use_attention",)}
"""By the first part of a key, the settings of which one must be on."""

_SIZES = (
    "lstm_cell_size",
    "lstm_num_layers",
    "max_seq_len",
    "attention_num_transformer_units",
    "attention_dim",
    "attention_num_heads",
    "attention_head_dim",
    "attention_memory_inference",
    "attention_position_wise_mlp_dim",
)


def require_memory_settings(values: Mapping[str, Any], declared: Mapping[str, Field[Any]]) -> None:
    """Refuse settings of memory that contradict each other, that nothing would read, or that are no numbers.

    Args:
        values: every setting by name.
        declared: every setting's field.

    Raises:
        ConfigError: names the first such setting and what to do.
    """
    on = [name for name in ("use_lstm", "use_gru", "use_attention") if values[name]]
    if len(on) > 1:
        raise ConfigError(
            f"The model settings {' and '.join(map(repr, on))} exclude each other: an encoder has one kind of memory. "
            "Leave one of them True."
        )
    for prefix, switches in _SWITCHES.items():
        changed = [name for name in values if name.startswith(prefix) and values[name] != declared[name].default]
        if changed and not set(switches) & set(on):
            raise ConfigError(
                f"The model setting {changed[0]!r} is for encoders with memory: set "
                f"{' or '.join(map(repr, switches))} to True, or leave it out."
            )
    for name in _SIZES:
        if not _is_whole(values[name]) or values[name] < 1:
            raise ConfigError(f"The model setting {name!r} must be a positive integer, got {values[name]!r}.")
    _require_attention(values)


def _require_attention(values: Mapping[str, Any]) -> None:
    window, training = values["attention_memory_inference"], values["attention_memory_training"]
    if training not in (None, window):
        raise ConfigError(
            f"The model setting 'attention_memory_training' ({training!r}) must be that of "
            f"'attention_memory_inference' ({window}), because a step attends to as many steps in training as in "
            "acting. Leave it out."
        )
    for name in ("attention_use_n_prev_actions", "attention_use_n_prev_rewards"):
        if not _is_whole(values[name]) or values[name] not in (0, 1):
            raise ConfigError(
                f"The model setting {name!r} must be 0 or 1, got {values[name]!r}. Each step is told of the one before "
                "it, and the memory holds those before."
            )
    bias = values["attention_init_gru_gate_bias"]
    if isinstance(bias, bool) or not isinstance(bias, Real) or not abs(float(bias)) < float("inf"):
        raise ConfigError(f"The model setting 'attention_init_gru_gate_bias' must be a number, got {bias!r}.")


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
