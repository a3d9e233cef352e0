"""Functions as graphs, which run as they are where they cannot be traced."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from rlmodule_core import put_together, taken_apart
from rlmodule_core.spaces import path_leaves, with_leaves

Function = Callable[..., Any]

_KEPT = 64
"""How many graphs are kept for one owner: whoever passes a new function every time fills no memory."""


class Graphs:
    """The graphs of one owner: one for each function, and for the names, dtypes and shapes of what it is given.

    Args:
        owner: what they belong to, for the warning.
        jit_compile: whether XLA compiles the graphs, anew for every size of a batch.
    """

    def __init__(self, owner: str, *, jit_compile: bool = False) -> None:
        self.traces = 0
        """How many graphs were traced: it stays where signatures are stable."""
        self._owner = owner
        self._jit_compile = jit_compile
        self._graphs: dict[Hashable, Function] = {}
        self._eager: set[Hashable] = set()

    def run(self, key: Hashable, function: Function, columns: Mapping[str, Any]) -> Any:
        """`function(columns)`: a nested structure of tensors, distributions and constants.

        Args:
            key: what the graph depends on, beside the kinds of the columns.
            function: what is traced at the first call.
            columns: tensors by name, or nested mappings of them; their first axes may have any size.
        """
        paths, tensors = zip(*path_leaves(columns), strict=True) if columns else ((), ())
        if key in self._eager or not all(isinstance(tensor, tf.Tensor) for tensor in tensors):
            return function(columns)
        kinds = tuple((tensor.dtype, (None, *tensor.shape[1:])[: tensor.shape.rank]) for tensor in tensors)
        place = key, paths, kinds
        if place not in self._graphs:
            error = self._add(place, function, columns, tensors)
            if error is not None:
                # Where the function itself is at fault, it raises its own error here.
                result = function(columns)
                self._give_up(key, error)
                return result
        return self._graphs[place](*tensors)

    def _add(self, place: Any, function: Function, columns: Mapping[str, Any], tensors: Any) -> Exception | None:
        """Trace the function; what came in between, if anything did."""
        try:
            graph = self._traced(function, columns, [tf.TensorSpec(shape, dtype) for dtype, shape in place[-1]])
            if self._jit_compile:
                # XLA compiles at the first run, and has not all that TensorFlow has.
                graph(*tensors)
        except Exception as error:
            return error
        self.traces += 1
        if len(self._graphs) >= _KEPT:
            self._graphs.pop(next(iter(self._graphs)))
        self._graphs[place] = graph
        return None

    def _traced(self, function: Function, columns: Mapping[str, Any], specs: Sequence[Any]) -> Function:
        structure: Any = None

        def flat(*tensors: Any) -> list[Any]:
            nonlocal structure
            with tf.variable_creator_scope(_at_once):
                structure, found = taken_apart(function(with_leaves(columns, tensors)), tf.is_tensor)
            return [tf.convert_to_tensor(tensor) for tensor in found]

        def traced(*, autograph: bool) -> Any:
            return tf.function(flat, autograph=autograph, jit_compile=self._jit_compile).get_concrete_function(*specs)

        try:
            graph = traced(autograph=False)
        except Exception:
            # Python's `if` and loops over tensors: rewriting all code that is called takes several times as long.
            graph = traced(autograph=True)
        return lambda *tensors: put_together(structure, graph(*tensors))

    def _give_up(self, key: Hashable, error: Exception) -> None:
        self._eager.add(key)
        text = " ".join(str(error).split())
        reason = text if len(text) < 800 else f"{text[:300]} ... {text[-500:]}"
        warnings.warn(
            f"{self._owner} runs without a graph from here on, some ten times slower, because TensorFlow could not "
            f"trace it: {type(error).__name__}: {reason} (A graph takes tensor functions only: no .numpy(), and no "
            "Python values that depend on a tensor.)",
            RuntimeWarning,
            stacklevel=3,
        )


def _at_once(create: Function, **given: Any) -> Any:
    # Otherwise a variable has no value before its graph runs: for ever, where the rest of that cannot be traced.
    with tf.init_scope():
        return create(**given)
