"""The distributions that first weights are drawn from, by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.errors import ConfigError, nearest

Matrix = NDArray[np.float64]


def draw_kernel(name: str, gain: float, *, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """First weights of a layer in its canonical layout `(outputs, inputs, ...)`.

    Args:
        name: one of `INITIALIZERS`.
        gain: what they are multiplied by.
        shape: outputs, inputs and, for a convolution, the height and the width of the kernel.
        rng: the generator to draw from.
    """
    rows, columns = shape[0], math.prod(shape[1:])
    drawn = INITIALIZERS[name](rows, columns, rows * math.prod(shape[2:]), rng)
    return (gain * drawn).reshape(shape).astype(np.float32, order="C")


class Cell(Protocol):
    """A recurrent layer, as far as its first weights depend on it."""

    @property
    def inputs(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def gain(self) -> float: ...
    @property
    def initializer(self) -> str: ...


def draw_gates(cell: Cell, gates: int, *, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """First kernels of a recurrent layer, each gate drawn on its own."""
    columns = {"weight_ih": cell.inputs, "weight_hh": cell.size}
    return {
        leaf: np.concatenate(
            [draw_kernel(cell.initializer, cell.gain, shape=(cell.size, width), rng=rng) for _ in range(gates)]
        )
        for leaf, width in columns.items()
    }


def require_initializer(owner: object, name: str) -> None:
    """Refuse a name that is no initializer's.

    Raises:
        ConfigError: lists the known names.
    """
    # In a list, because what is no text may have no hash.
    if name not in list(INITIALIZERS):
        raise ConfigError(
            f"{type(owner).__name__}.initializer must be one of {', '.join(INITIALIZERS)}, got {name!r}."
            f"{nearest(str(name), INITIALIZERS)}"
        )


def _orthogonal(rows: int, columns: int, fan_out: int, rng: np.random.Generator) -> Matrix:
    # Saxe et al. 2014, https://arxiv.org/abs/1312.6120.
    tall = rng.standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(tall)
    # Without the signs of R's diagonal, Q would not be uniform over the orthogonal matrices.
    q *= np.sign(np.diagonal(r))
    return q if rows >= columns else q.T


def _normal(variance: Callable[[int, int], float]) -> Callable[..., Matrix]:
    def draw(rows: int, columns: int, fan_out: int, rng: np.random.Generator) -> Matrix:
        return math.sqrt(variance(columns, fan_out)) * rng.standard_normal((rows, columns))

    return draw


def _uniform(variance: Callable[[int, int], float]) -> Callable[..., Matrix]:
    def draw(rows: int, columns: int, fan_out: int, rng: np.random.Generator) -> Matrix:
        limit = math.sqrt(3.0 * variance(columns, fan_out))
        return rng.uniform(-limit, limit, (rows, columns))

    return draw


def _xavier(fan_in: int, fan_out: int) -> float:
    # Glorot and Bengio 2010, http://proceedings.mlr.press/v9/glorot10a.
    return 2.0 / (fan_in + fan_out)


def _kaiming(fan_in: int, fan_out: int) -> float:
    # He et al. 2015, https://arxiv.org/abs/1502.01852; its factor of 2 for relu is the gain's square.
    return 1.0 / fan_in


INITIALIZERS: dict[str, Callable[..., Matrix]] = {
    "orthogonal": _orthogonal,
    "xavier_uniform": _uniform(_xavier),
    "xavier_normal": _normal(_xavier),
    "kaiming_uniform": _uniform(_kaiming),
    "kaiming_normal": _normal(_kaiming),
}
"""By name, functions of (outputs, fan in, fan out, generator) to a matrix of unit gain."""
