"""LSTM and GRU encoders."""

from __future__ import annotations

from dataclasses import dataclass

from rlmodule_core.configs.memory import MemoryEncoderConfig
from rlmodule_core.errors import ConfigError, nearest
from rlmodule_core.plans import GRU, LSTM, LayerNorm, Recurrent
from rlmodule_core.plans.sizes import require_positive

_CELLS: dict[str, type[LSTM] | type[GRU]] = {"lstm": LSTM, "gru": GRU}


@dataclass(frozen=True, kw_only=True)
class RecurrentEncoderConfig(MemoryEncoderConfig):
    """An encoder with recurrent layers; its state is `{"h": [B, num_layers, hidden_dim], "c": ...}` ("c": LSTM alone).

    Attributes:
        recurrent_layer_type: "lstm" or "gru".
        hidden_dim: the width of each layer.
        num_layers: how many, one behind the other.
        use_bias: whether they have biases.
        use_layernorm: normalise behind each of them.
        gain: of their first weights.
        weights_initializer: how those are drawn.
    """

    hidden_dim: int
    recurrent_layer_type: str = "lstm"
    num_layers: int = 1
    use_bias: bool = True
    use_layernorm: bool = False
    gain: float = 1.0
    weights_initializer: str = "orthogonal"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, hidden_dim=self.hidden_dim, num_layers=self.num_layers)
        if self.recurrent_layer_type not in _CELLS:
            raise ConfigError(
                f"RecurrentEncoderConfig.recurrent_layer_type must be one of {', '.join(_CELLS)}, got "
                f"{self.recurrent_layer_type!r}.{nearest(str(self.recurrent_layer_type), _CELLS)}"
            )

    def plan(self) -> Recurrent:
        cell, size = _CELLS[self.recurrent_layer_type], self.hidden_dim
        widths = (self.token_width(), *[size] * (self.num_layers - 1))
        return Recurrent(
            self.tokenizer(),
            tuple(cell(width, size, self.use_bias, self.gain, self.weights_initializer) for width in widths),
            norms=(LayerNorm(size),) * self.num_layers if self.use_layernorm else (),
            prev_actions=self.prev_actions,
            prev_rewards=self.prev_rewards,
        )
