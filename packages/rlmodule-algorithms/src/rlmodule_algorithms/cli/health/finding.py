"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        subject: what was checked.
        text: what was found.
        advice: what to do next; None where nothing is to be done.
    """

    verdict: Verdict
    subject: str
    text: str
    advice: str | None = None
