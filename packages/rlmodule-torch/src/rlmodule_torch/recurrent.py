"""Recurrent layers: whole sequences by the framework's kernels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rlmodule_core.plans import GRU, LSTM

Inputs = tuple[Tensor, Mapping[str, Tensor]]
"""Sequences and the state before them; what leaves is such a pair, with the state behind."""


def lstm(inputs: Inputs, record: LSTM, weights: Mapping[str, Any]) -> Inputs:
    """`[B, T, d]` and the state `[B, H]` to `[B, T, H]` and the state after."""
    x, state = inputs
    # Torch has two biases, which it adds.
    biases = [weights["bias"], torch.zeros_like(weights["bias"])] if record.bias else []
    parameters = [weights["weight_ih"], weights["weight_hh"], *biases]
    if x.shape[1] == 1:
        # A single step costs the kernel of sequences three times as much.
        h, c = torch.lstm_cell(x[:, 0], (state["h"], state["c"]), *parameters)
        return h.unsqueeze(1), {"h": h, "c": c}
    before = tuple(state[leaf].unsqueeze(0).contiguous() for leaf in ("h", "c"))
    y, h, c = torch.lstm(x, before, parameters, record.bias, 1, 0.0, torch.is_grad_enabled(), False, True)
    return y, {"h": h[0], "c": c[0]}


def gru(inputs: Inputs, record: GRU, weights: Mapping[str, Any]) -> Inputs:
    """`[B, T, d]` and the state `[B, H]` to `[B, T, H]` and the state after."""
    x, state = inputs
    parameters = [weights["weight_ih"], weights["weight_hh"], *(weights["bias"] if record.bias else ())]
    if x.shape[1] == 1:
        h = torch.gru_cell(x[:, 0], state["h"], *parameters)
        return h.unsqueeze(1), {"h": h}
    before = state["h"].unsqueeze(0).contiguous()
    y, h = torch.gru(x, before, parameters, record.bias, 1, 0.0, torch.is_grad_enabled(), False, True)
    return y, {"h": h[0]}
