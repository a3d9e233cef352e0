"""What encoders that remember have in common: a tokenizer of each step, and what they are told of the step before."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from rlmodule_core.configs.base import ModelConfig, plan_of_encoder
from rlmodule_core.errors import ConfigError
from rlmodule_core.plans import Chain, Dims, Encoder, Recurrent, walk_natives
from rlmodule_core.plans.sizes import require_width


@dataclass(frozen=True, kw_only=True)
class MemoryEncoderConfig(ModelConfig):
    """An encoder of sequences `[B, T, ...]` that carries a state.

    Attributes:
        tokenizer_config: the config of the encoder that each observation goes through first, whose `input_dims` are
            those of this config then; None for observations that are vectors already.
        prev_actions: the width of the encoded previous actions, joined to the tokens; 0 for none. See
            `PreviousInputs`.
        prev_rewards: join the previous rewards to the tokens.
    """

    input_dims: Dims = ()
    tokenizer_config: ModelConfig | None = None
    prev_actions: int = 0
    prev_rewards: bool = False

    def __post_init__(self) -> None:
        if self.tokenizer_config is not None:
            object.__setattr__(self, "input_dims", self.tokenizer_config.input_dims)
        super().__post_init__()
        require_width(self, prev_actions=self.prev_actions)

    @abstractmethod
    def plan(self) -> Recurrent:
        """The plan of the encoder."""

    def tokenizer(self) -> Encoder:
        """The plan of the tokenizer."""
        tokenizer = Encoder(Chain(())) if self.tokenizer_config is None else plan_of_encoder(self.tokenizer_config)
        if next(walk_natives(tokenizer), None) is not None:
            raise ConfigError(
                f"{type(self).__name__}.tokenizer_config must be described by a plan throughout, got "
                f"{type(self.tokenizer_config).__name__}, which builds a network of its own: "
                "such a one takes single steps [B, ...], a memory sequences [B, T, ...]. Use a config with a plan, "
                "or write a module that keeps the state itself."
            )
        if not isinstance(tokenizer, Encoder):
            raise ConfigError(
                f"{type(self).__name__}.tokenizer_config must be the config of an encoder of single steps such as "
                f"MLPEncoderConfig, got {type(self.tokenizer_config).__name__}."
            )
        return tokenizer

    def token_width(self) -> int:
        """How wide the vectors are that the memory gets: tokens, and what is joined to them."""
        tokens = self.tokenizer().output_dims(self.input_dims)
        if len(tokens) != 1:
            raise ConfigError(
                f"{type(self).__name__} takes vectors, got rows of shape {tokens}. Give it a tokenizer_config that "
                "makes vectors of them, such as CNNEncoderConfig."
            )
        return tokens[0] + self.prev_actions + int(self.prev_rewards)
