"""Which convolutions an image gets: as given, or by its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from rlmodule_core.errors import ConfigError

_USUAL: dict[tuple[int, int], tuple[Any, ...]] = {
    (480, 640): ((16, (24, 32), (14, 18)), (32, 6, 4), (256, 9, 1, "valid")),
    (240, 320): ((16, (12, 16), (7, 9)), (32, 6, 4), (256, 9, 1, "valid")),
    (96, 96): ((16, 8, 4), (32, 4, 2), (256, 11, 2, "valid")),
    (84, 84): ((16, 8, 4), (32, 4, 2), (256, 11, 1, "valid")),
    (64, 64): ((32, 4, 2), (64, 4, 2), (128, 4, 2), (256, 4, 2)),
    (42, 42): ((16, 4, 2), (32, 4, 2), (256, 11, 1, "valid")),
    (10, 10): ((16, 5, 2), (32, 5, 2)),
}

_FIRST_CHANNELS, _MOST_CHANNELS = 16, 64
_LARGE, _SMALL = 64, 8
"""A side above the one is cut to a quarter by a layer, a side above the other to its half."""


@dataclass(frozen=True)
class ConvFilter:
    """One convolution: how many kernels, their size, stride and padding ("same" or "valid")."""

    outputs: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: str = "same"


def default_filters(height: int, width: int) -> tuple[ConvFilter, ...]:
    """The convolutions of an image of this size when none are given.

    The usual sizes have the filters that they have elsewhere, but a last kernel as large as the map before it is not
    padded: it then yields one vector for the image. Padded, 84 x 84 pixels gave 30,976 numbers, of which nearly all
    were that kernel over its own padding, and the first dense layer behind them eight million weights.

    Every other image is halved (sides above 64: quartered) by layers of 16, 32, 64, 64 ... kernels until its sides are
    8 at most; smaller sides keep their size. There are two layers at least, so that a grid of 5 x 5 has some.
    """
    if (height, width) in _USUAL:
        return parse_filters(_USUAL[height, width])
    filters: list[ConvFilter] = []
    while len(filters) < 2 or max(height, width) > _SMALL:
        stride = _stride(height), _stride(width)
        kernel = max(3, 2 * stride[0]), max(3, 2 * stride[1])
        filters.append(ConvFilter(min(_FIRST_CHANNELS * 2 ** len(filters), _MOST_CHANNELS), kernel, stride))
        height, width = -(-height // stride[0]), -(-width // stride[1])
    return tuple(filters)


def _stride(side: int) -> int:
    return 4 if side > _LARGE else 2 if side > _SMALL else 1


def parse_filters(specifiers: Sequence[Any]) -> tuple[ConvFilter, ...]:
    """Convolutions from specifiers such as `[16, [8, 8], 4]` or `[256, 11, 1, "valid"]`.

    Raises:
        ConfigError: one is no such list; names it.
    """
    if isinstance(specifiers, str) or not isinstance(specifiers, Sequence):
        raise _bad(specifiers)
    return tuple(map(_filter, specifiers))


def _filter(specifier: Any) -> ConvFilter:
    if isinstance(specifier, ConvFilter):
        return specifier
    if isinstance(specifier, str) or not isinstance(specifier, Sequence) or len(specifier) not in (3, 4):
        raise _bad(specifier)
    outputs, kernel, stride, *rest = specifier
    padding = rest[0] if rest else "same"
    sides = [tuple(side) if isinstance(side, Sequence) else (side, side) for side in (kernel, stride)]
    sizes = [outputs, *sides[0], *sides[1]]
    if len(sizes) != 5 or not all(map(_is_size, sizes)) or padding not in ("same", "valid"):
        raise _bad(specifier)
    outputs, *four = map(int, sizes)
    return ConvFilter(outputs, (four[0], four[1]), (four[2], four[3]), padding)


def _is_size(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) > 0


def _bad(specifier: object) -> ConfigError:
    return ConfigError(
        "Convolutions are a list of [kernels, kernel size, stride] or [kernels, kernel size, stride, padding], such as "
        '[[16, [8, 8], 4], [32, 4, 2, "valid"]]; a size is a number or [height, width], the padding "same" or "valid"; '
        f"got {specifier!r}."
    )
