"""Gymnasium spaces as JSON and back, exactly; nothing the JSON names is imported."""

from __future__ import annotations

from rlmodule_core.spaces.from_dict import space_from_dict
from rlmodule_core.spaces.to_dict import space_to_dict

__all__ = ["space_from_dict", "space_to_dict"]
