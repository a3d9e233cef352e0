"""The layers of a module's plans, with the shapes that flow through them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rlmodule_core.columns import Columns
from rlmodule_core.errors import ConfigError
from rlmodule_core.module.plans import ModulePlans
from rlmodule_core.plans import ActorCritic, Composite, Dims, Plan, Record, escape_key, join_name
from rlmodule_core.summary.weights import WeightSummary


@dataclass(frozen=True)
class LayerSummary:
    """One layer.

    Attributes:
        path: the keys on the way to it, whose join is its canonical name: `("encoder", "actor", "0")`.
        layer: the record in words.
        input_dims: the shape of one row that enters; None where that is not known.
        output_dims: the shape of one row that leaves; None where that is not known.
        numbers: how many numbers its weights have; those that an earlier layer has are not counted again.
        shared: some of its weights are those of an earlier layer.
        trained: optimizers change all its weights; None where nobody knows or there are none.
    """

    path: tuple[str, ...]
    layer: str
    input_dims: Dims | None
    output_dims: Dims | None
    numbers: int
    shared: bool
    trained: bool | None


def layers_of(plans: ModulePlans, rows: Dims | None, weights: Mapping[str, WeightSummary]) -> Iterator[LayerSummary]:
    """Each layer of the encoder and of the heads, in the order of the weights' names.

    Args:
        plans: the networks.
        rows: the shape of one observation: `()` for nested ones, None for none that is fixed.
        weights: by canonical name.
    """
    rows = _entering(plans.encoder, rows)
    yield from _layers(plans.encoder, rows, ("encoder",), weights)
    yield from _layers(plans.pi, _latents(plans.encoder, rows, Columns.ACTOR), ("pi",), weights)
    yield from _layers(plans.vf, _latents(plans.encoder, rows, Columns.CRITIC), ("vf",), weights)


def _entering(encoder: Plan, rows: Dims | None) -> Dims | None:
    # Networks of a contributed catalog may see something else than the space says: then no shapes are told.
    try:
        return None if _outputs(encoder, rows) is None else rows
    except ConfigError:
        return None


def _latents(encoder: Plan, rows: Dims | None, key: str) -> Dims | None:
    own = encoder.children().get(key) if isinstance(encoder, ActorCritic) else None
    return _outputs(encoder if own is None else own, rows)


def _outputs(plan: Plan, rows: Dims | None) -> Dims | None:
    return None if rows is None else plan.output_dims(rows)


def _layers(
    plan: Plan, rows: Dims | None, path: tuple[str, ...], weights: Mapping[str, WeightSummary]
) -> Iterator[LayerSummary]:
    if isinstance(plan, Record):
        yield _layer(plan, rows, path, weights)
    elif isinstance(plan, Composite):
        dims: Mapping[str, Dims] = {} if rows is None else plan.child_dims(rows)
        for key, child in plan.children().items():
            yield from _layers(child, dims.get(key), (*path, key) if key else path, weights)


def _layer(
    record: Record, rows: Dims | None, path: tuple[str, ...], weights: Mapping[str, WeightSummary]
) -> LayerSummary:
    names = [join_name(*map(escape_key, path), leaf) for leaf in record.weight_shapes()]
    own = [weights[name] for name in names if name in weights]
    known = [weight.trained for weight in own if weight.trained is not None]
    return LayerSummary(
        path=path,
        layer=repr(record),
        input_dims=rows,
        output_dims=_outputs(record, rows),
        numbers=sum(weight.numbers for weight in own),
        shared=len(own) < len(names),
        trained=all(known) if known else None,
    )
