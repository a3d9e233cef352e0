"""Masks of illegal actions, applied to the inputs of their distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.backend.ops import Ops, Tensor
from rlmodule_core.distributions.bernoulli import Bernoulli
from rlmodule_core.distributions.categorical import Categorical
from rlmodule_core.distributions.descriptor import Descriptor
from rlmodule_core.distributions.multi_categorical import MultiCategorical
from rlmodule_core.distributions.multi_distribution import MultiDistribution

ILLEGAL = -1e9
"""The logit of an illegal action: its probability is exactly 0 in float32, while entropies stay finite."""

_LEAST_LEGAL = 0.1 * ILLEGAL
"""Legal actions keep this logit at least: below, where only a diverged network is, illegal ones would be likelier."""


def mask_shapes(descriptor: Descriptor) -> Any:
    """The shape of the mask of one action; for parts by key, a dict of those that have one; None where none has.

    `(n,)` for a Categorical, `(sum(nvec),)` for a MultiCategorical, one choice after the other, and `(*shape, 2)` for
    a Bernoulli, whose last axis is whether 0 and whether 1 is legal.
    """
    if isinstance(descriptor, Categorical | MultiCategorical):
        return (descriptor.input_dim,)
    if isinstance(descriptor, Bernoulli):
        return (*descriptor.event_shape, 2)
    if isinstance(descriptor, MultiDistribution):
        shapes = {key: mask_shapes(part) for key, part in zip(descriptor.keys, descriptor.children, strict=True)}
        return {key: shape for key, shape in shapes.items() if shape is not None} or None
    return None


def masked_inputs(ops: Ops, descriptor: Descriptor, inputs: Tensor, mask: Any) -> Tensor:
    """The inputs of a distribution with illegal actions made impossible; legal ones keep the very same numbers.

    Args:
        ops: of the framework.
        descriptor: of the distribution.
        inputs: `[..., input_dim]`.
        mask: `[..., *mask_shapes(descriptor)]`, 0 where illegal; for parts by key, a mapping of such tensors. A part
            without a mask is left as it is.
    """
    if isinstance(descriptor, MultiDistribution):
        pieces = ops.split(inputs, [part.input_dim for part in descriptor.children])
        parts = zip(descriptor.keys, descriptor.children, pieces, strict=True)
        found = [masked_inputs(ops, part, piece, mask[key]) if key in mask else piece for key, part, piece in parts]
        return ops.concat(found, -1)
    if isinstance(descriptor, Bernoulli):
        legal = ops.reshape(mask, (*inputs.shape, 2)) != 0
        # The inputs are the log-odds of 1.
        with_zero = ops.where(legal[..., 0], inputs, -ILLEGAL)
        return ops.where(legal[..., 1], with_zero, ILLEGAL)
    return ops.where(mask != 0, ops.maximum(inputs, _LEAST_LEGAL), ILLEGAL)


def without_legal_action(descriptor: Descriptor, mask: Any) -> NDArray[np.bool_]:
    """The rows `[B]` in which a choice has no legal action.

    Args:
        descriptor: of the distribution.
        mask: as for `masked_inputs`, in numpy, with the batch as its only leading axis.
    """
    if isinstance(mask, Mapping) and isinstance(descriptor, MultiDistribution):
        parts = dict(zip(descriptor.keys, descriptor.children, strict=True))
        found = [without_legal_action(parts[key], part) for key, part in mask.items()]
        return np.asarray(np.any(found, axis=0))
    legal = np.asarray(mask) != 0
    if isinstance(descriptor, MultiCategorical):
        firsts = np.cumsum((0, *descriptor.nvec[:-1]))
        return np.asarray(~np.logical_or.reduceat(legal, firsts, axis=-1).all(axis=-1))
    if isinstance(descriptor, Bernoulli):
        return np.asarray(~legal.any(axis=-1).reshape(len(legal), -1).all(axis=-1))
    return np.asarray(~legal.any(axis=-1))
