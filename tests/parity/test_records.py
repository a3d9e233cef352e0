"""Every record is the same layer in every framework, whatever the size of the numbers that come in."""

from __future__ import annotations

from typing import Any

import pytest
from parity_families import OTHERS
from record_cases import CASES, SCALES, require_record_agrees

from rlmodule_core.plans import RECORDS, Attend, Record


def test_no_record_is_left_out() -> None:
    # Attend is a part of a unit, which plans hold as a whole.
    assert {type(record) for record, _ in CASES.values()} == {*RECORDS, Attend}


@pytest.mark.parametrize(("record", "inputs"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("scale", SCALES)
def test_records_compute_the_same_at_every_scale(record: Record, inputs: Any, scale: float) -> None:
    require_record_agrees(record, inputs, scale, OTHERS)
