"""Results as lines of JSON."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlmodule_algorithms.errors import LogError
from rlmodule_algorithms.metrics_log import MetricsLog


def strict(text: str) -> Any:
    def refuse(token: str) -> float:
        raise ValueError(token)

    return json.loads(text, parse_constant=refuse)


def test_every_result_is_a_line_as_soon_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with MetricsLog(path) as log:
        for iteration in (1, 2):
            log.write({"iteration": iteration, "learners": {"default_policy": {"entropy": 0.5}}})
            assert path.read_text().count("\n") == iteration
    assert [strict(line) for line in path.read_text().splitlines()] == [
        {"iteration": 1, "learners": {"default_policy": {"entropy": 0.5}}},
        {"iteration": 2, "learners": {"default_policy": {"entropy": 0.5}}},
    ]


def test_what_json_does_not_hold_is_null_or_what_comes_nearest(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    result = {
        "nan": math.nan,
        "inf": [math.inf, -math.inf, 1.0],
        "numpy": np.float32(0.5),
        "count": np.int64(3),
        "sick": np.array([1.0, np.nan]),
        "flag": np.bool_(True),
        7: (1, "text"),
        "odd": {1},
    }
    with MetricsLog(path) as log:
        log.write(result)
    assert strict(path.read_text()) == {
        "nan": None,
        "inf": [None, None, 1.0],
        "numpy": 0.5,
        "count": 3,
        "sick": [1.0, None],
        "flag": True,
        "7": [1, "text"],
        "odd": "{1}",
    }


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)


def finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list) else value


@settings(max_examples=50)
@given(result=st.dictionaries(st.text(), values))
def test_whatever_a_result_holds_it_is_one_line_of_strict_json(
    tmp_path_factory: pytest.TempPathFactory, result: Any
) -> None:
    path = tmp_path_factory.mktemp("log") / "metrics.jsonl"
    with MetricsLog(path) as log:
        log.write(result)
    (line, rest) = path.read_bytes().split(b"\n")
    assert rest == b""
    assert strict(line.decode()) == finite(result)


@pytest.mark.parametrize("half", ['{"iteration":3,"env', "", "x" * 5000])
def test_lines_are_appended_and_half_a_line_is_removed(tmp_path: Path, half: str) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(f'{{"iteration":1}}\n{{"iteration":2}}\n{half}')
    with MetricsLog(path) as log:
        log.write({"iteration": 3})
    assert [strict(line)["iteration"] for line in path.read_text().splitlines()] == [1, 2, 3]


def test_a_file_of_half_a_line_is_emptied(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text("half")
    MetricsLog(path).close()
    assert path.read_text() == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
def test_a_full_disk_is_named(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.symlink_to("/dev/full")
    full = r"metrics\.jsonl, got OSError: .*No space left.* free space, then try again\."
    with MetricsLog(path) as log, pytest.raises(LogError, match=full):
        log.write({"iteration": 1})


def test_a_directory_in_its_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"Expected to write the metrics to .*, got IsADirectoryError"):
        MetricsLog(tmp_path)
