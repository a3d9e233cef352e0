"""What a module is, told in short: its networks layer by layer, its spaces, specs, state and weights."""

from rlmodule_core.summary.headline import headline
from rlmodule_core.summary.layer import LayerSummary
from rlmodule_core.summary.module import ModuleSummary, summarise
from rlmodule_core.summary.spaces import space_texts
from rlmodule_core.summary.specs import ForwardSummary
from rlmodule_core.summary.text import file_size, summary_text
from rlmodule_core.summary.weights import WeightSummary, weight_summaries

__all__ = [
    "ForwardSummary",
    "LayerSummary",
    "ModuleSummary",
    "WeightSummary",
    "file_size",
    "headline",
    "space_texts",
    "summarise",
    "summary_text",
    "weight_summaries",
]
