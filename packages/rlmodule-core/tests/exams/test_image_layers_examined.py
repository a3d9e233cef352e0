"""The exam of models notices broken layers over images and over several observations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from rlmodule_core.numpy_backend import layers
from rlmodule_core.plans import Concat, Conv2D, Flatten, LayerNorm, MultiOneHot, Scale, Transpose
from rlmodule_core.testing import ModelSuite, standard_configs

AssertFails = Callable[[type[Any], Mapping[str, str]], None]
Layer = Callable[[Any], Any]
COMPUTE = "networks_compute_what_their_plans_say"

RIGHT = layers.apply_of


class Models(ModelSuite):
    backend_name = "numpy"
    configs = tuple(config for config in standard_configs() if not config.plan().state_shapes())


def _kernel(change: Callable[[Any], Any]) -> Callable[[Any, Any], Layer]:
    return lambda record, weights: lambda x: RIGHT(record, {**weights, "weight": change(weights["weight"])})(x)


def _record(**change: Callable[[Any], Any]) -> Callable[[Any, Any], Layer]:
    def wrong(record: Any, weights: Any) -> Layer:
        return RIGHT(replace(record, **{name: to(getattr(record, name)) for name, to in change.items()}), weights)

    return wrong


def _column_order(record: Flatten, weights: Any) -> Layer:
    kept = -record.axes if record.axes else None
    return lambda x: x.reshape(*x.shape[:kept], -1)[..., ::-1]


WRONG: dict[str, tuple[type[Any], Callable[[Any, Any], Layer]]] = {
    "mirrored kernels": (Conv2D, _kernel(lambda kernel: kernel[:, :, ::-1, ::-1])),
    "channels of the kernel exchanged": (Conv2D, _kernel(lambda kernel: kernel[:, ::-1])),
    "padding before instead of behind": (Conv2D, _record(padding=lambda p: (p[1], p[0], p[3], p[2]))),
    "bias forgotten": (Conv2D, _record(bias=lambda bias: False)),
    "normalised over channels alone": (LayerNorm, _record(axes=lambda axes: 1)),
    "flattened from behind": (Flatten, _column_order),
    "pixels not scaled": (Scale, _record(divisor=lambda divisor: 1.0)),
    "starts forgotten": (MultiOneHot, _record(starts=lambda starts: (0,) * len(starts))),
    "axes not moved back": (Transpose, lambda record, weights: lambda x: RIGHT(record, weights)(x)[..., ::-1, :]),
    "joined in another order": (Concat, lambda record, weights: lambda vectors: RIGHT(record, weights)(vectors[::-1])),
}
FAILED = {COMPUTE: "'out.encoder_out"}
FAKES = {ModelSuite: [FAILED for _ in WRONG]}


@pytest.mark.parametrize("fault", WRONG)
def test_a_broken_layer_fails_the_exam_of_models(
    assert_fails: AssertFails, monkeypatch: pytest.MonkeyPatch, fault: str
):
    kind, wrong = WRONG[fault]
    monkeypatch.setattr(
        layers,
        "apply_of",
        lambda record, weights: (wrong if isinstance(record, kind) else RIGHT)(record, weights),
    )
    assert_fails(Models, FAILED)


def test_a_stride_that_is_forgotten_is_noticed(monkeypatch: pytest.MonkeyPatch):
    def unstrided(record: Any, weights: Any) -> Layer:
        plain = replace(record, stride=(1, 1)) if isinstance(record, Conv2D) else record
        return RIGHT(plain, weights)

    monkeypatch.setattr(layers, "apply_of", unstrided)
    with pytest.raises(Exception, match=r"matmul|reshape|shape"):
        Models().test_networks_compute_what_their_plans_say()


def test_layers_that_are_right_pass(assert_fails: AssertFails):
    assert_fails(Models, {})
