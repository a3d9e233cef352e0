"""The exam of models notices a broken normaliser, and one whose statistics an optimizer would train."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rlmodule_core.numpy_backend import NumpyBackend, layers
from rlmodule_core.plans import Normalise
from rlmodule_core.testing import ModelSuite

AssertFails = Callable[[type[Any], Mapping[str, str]], None]
RIGHT = layers.apply_of


class Models(ModelSuite):
    backend_name = "numpy"


WRONG: dict[str, Callable[[Normalise, Any], Any]] = {
    "clip forgotten": lambda record, weights: RIGHT(replace(record, clip=1e6), weights),
    "another epsilon": lambda record, weights: RIGHT(replace(record, eps=1e-8), weights),
    "not centred": lambda record, weights: RIGHT(record, {**weights, "mean": np.zeros_like(weights["mean"])}),
    "divided by the variance": lambda record, weights: RIGHT(record, {**weights, "variance": weights["variance"] ** 2}),
}
FAILED = {"networks_compute_what_their_plans_say": "'out.encoder_out"}
UNTRAINED = {"optimizers_leave_alone_what_is_not_trained": "the names of untrained weights"}
FAKES = {ModelSuite: [*(FAILED for _ in WRONG), UNTRAINED]}


@pytest.mark.parametrize("fault", WRONG)
def test_a_broken_normaliser_fails_the_exam_of_models(
    assert_fails: AssertFails, monkeypatch: pytest.MonkeyPatch, fault: str
):
    def apply_of(record: Any, weights: Any) -> Any:
        return (WRONG[fault] if isinstance(record, Normalise) else RIGHT)(record, weights)

    monkeypatch.setattr(layers, "apply_of", apply_of)
    assert_fails(Models, FAILED)


def test_statistics_that_an_optimizer_would_train_fail_it(assert_fails: AssertFails, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(NumpyBackend, "untrained_weights", lambda self, network: frozenset())
    assert_fails(Models, UNTRAINED)
