"""Parameters that share one tensor, and their gradients another: one call where there were a dozen."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class FlatParameters:
    """Owns the storage of parameters of one dtype on one device.

    The parameters stay the objects that they were, with their shapes and values; they become views of `values`, and
    what is differentiated accumulates in views of `gradients`.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self._parameters = list(parameters)
        self.values = nn.Parameter(torch.cat([parameter.detach().reshape(-1) for parameter in parameters]))
        self.gradients = torch.zeros_like(self.values)
        self.values.grad = self.gradients
        self._gradient_views = self.views_of(self.gradients)
        for parameter, view in zip(parameters, self.views_of(self.values.detach()), strict=True):
            parameter.data = view

    def views_of(self, flat: Tensor) -> list[Tensor]:
        """Cut a tensor like `values` into one view per parameter, of its shape."""
        pieces = torch.split(flat, [parameter.numel() for parameter in self._parameters])
        return [piece.view(parameter.shape) for piece, parameter in zip(pieces, self._parameters, strict=True)]

    def owns_all(self) -> bool:
        """Whether every parameter still lies in `values`; `module.to(device)`, say, moves them out."""
        start = self.values.data_ptr()
        size = self.values.element_size()
        for parameter in self._parameters:
            if parameter.data_ptr() != start:
                return False
            start += parameter.numel() * size
        return True

    def zero_gradients(self) -> None:
        """Set all gradients to zero, in place, and let new ones accumulate there."""
        self.gradients.zero_()
        for parameter, view in zip(self._parameters, self._gradient_views, strict=True):
            if parameter.grad is not view:
                parameter.grad = view
