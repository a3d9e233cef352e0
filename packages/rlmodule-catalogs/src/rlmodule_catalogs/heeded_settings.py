"""Whether an encoder that a catalog's own method decides has what the settings ask for."""

from __future__ import annotations

from rlmodule_catalogs.settings import ModelSettings
from rlmodule_core import ConfigError, ModelConfig
from rlmodule_core.plans import Normalise, walk_natives, walk_records

_MEMORY = ("use_lstm", "use_gru", "use_attention")


def require_heeded(config: ModelConfig, settings: ModelSettings, *, catalog: object) -> None:
    """Refuse memory or normalisation that is asked for and that the encoder has not.

    What a native network makes of the settings, nobody can see from outside.

    Args:
        config: of the encoder.
        settings: of the catalog.
        catalog: whose `get_encoder_config` gave the config.

    Raises:
        ConfigError: names the setting and what to do.
    """
    plan = config.plan()
    if next(walk_natives(plan), None) is not None:
        return
    asked = [name for name in _MEMORY if getattr(settings, name) and not plan.state_shapes()]
    if settings.normalize_observations and not any(isinstance(record, Normalise) for _, record in walk_records(plan)):
        asked.append("normalize_observations")
    if asked:
        raise ConfigError(
            f"The model setting {asked[0]!r} has no effect, because {type(catalog).__name__}.get_encoder_config() "
            "returns an encoder without it. Override get_tokenizer_config in its place, or leave the setting out."
        )
