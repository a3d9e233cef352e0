"""Numbers from the command line, held to their bounds."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

MAX_SEED = 2**31 - 1
"""Every environment takes seeds up to here: those written in C keep them in 32 bits, with a sign."""


def count(least: int, most: int | None = None) -> Callable[[str], int]:
    """Converts whole numbers from `least` to `most`."""
    bounds = f"of at least {least}" if most is None else f"from {least} to {most}"

    def convert(text: str) -> int:
        # No limit is longer, and Python refuses to convert thousands of digits.
        if text.isascii() and text.isdecimal() and len(text) <= 20:
            number = int(text)
            if number >= least and (most is None or number <= most):
                return number
        raise argparse.ArgumentTypeError(f"expected a whole number {bounds}, got {text!r}")

    return convert


def number(text: str) -> float:
    """Converts finite numbers."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isfinite(value):
        return value
    raise argparse.ArgumentTypeError(f"expected a number, got {text!r}")


def seconds(text: str) -> float:
    """Converts times above zero."""
    value = number(text)
    if value > 0:
        return value
    raise argparse.ArgumentTypeError(f"expected more than 0 seconds, got {text!r}")
