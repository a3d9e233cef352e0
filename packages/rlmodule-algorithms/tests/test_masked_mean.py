from __future__ import annotations

import numpy as np
from own_layers import EACH_FRAMEWORK

from rlmodule_algorithms.masked import masked_mean
from rlmodule_core import get_backend

X = np.array([1.0, np.nan, 4.0, np.inf], np.float32)
MASK = np.array([True, False, True, False])


@EACH_FRAMEWORK
def test_only_rows_under_the_mask_count_whatever_the_others_hold(framework: str) -> None:
    backend = get_backend(framework)
    mean = masked_mean(backend.ops, backend.batch(None, X), backend.batch(None, MASK))
    assert float(mean) == 2.5


@EACH_FRAMEWORK
def test_where_nothing_counts_the_mean_is_0(framework: str) -> None:
    backend = get_backend(framework)
    nothing = np.zeros(4, np.bool_)
    assert float(masked_mean(backend.ops, backend.batch(None, X), backend.batch(None, nothing))) == 0.0


@EACH_FRAMEWORK
def test_without_a_mask_all_rows_count(framework: str) -> None:
    backend = get_backend(framework)
    assert float(masked_mean(backend.ops, backend.batch(None, X[[0, 2]]), None)) == 2.5
