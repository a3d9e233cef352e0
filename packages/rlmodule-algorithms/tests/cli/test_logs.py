"""JSON lines always, and events where tensorboardX is installed."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest

from rlmodule_algorithms.cli.training.events import EventLog, events_are_written, numbers
from rlmodule_algorithms.cli.training.logs import TrainingLog
from rlmodule_algorithms.errors import LogError

RESULT = {
    "iteration": 2,
    "env_runners": {"episode_return_mean": 21.5, "num_env_steps_sampled_lifetime": 512},
    "learners": {"default_policy": {"entropy": 0.5, "broken": math.nan}},
    "evaluation": {"episode_return_mean": 9.0, "episode_returns": [9.0, 9.0]},
}


def test_numbers_are_named_by_their_path_and_only_finite_ones_are_kept() -> None:
    assert dict(numbers(RESULT)) == {
        "iteration": 2.0,
        "env_runners/episode_return_mean": 21.5,
        "env_runners/num_env_steps_sampled_lifetime": 512.0,
        "learners/default_policy/entropy": 0.5,
        "evaluation/episode_return_mean": 9.0,
    }


def test_without_tensorboardx_there_are_json_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    assert not events_are_written()
    with TrainingLog(tmp_path) as log:
        log.write(RESULT)
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.jsonl"]
    assert json.loads((tmp_path / "metrics.jsonl").read_text())["learners"] == {
        "default_policy": {"entropy": 0.5, "broken": None}
    }


def test_every_number_is_in_the_events_at_its_environment_step(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    with TrainingLog(tmp_path) as log:
        log.write(RESULT)
        written = found(tmp_path)
    assert written == found(tmp_path), "it is there before the file is closed"
    assert written == {tag: (512, value) for tag, value in numbers(RESULT)}


def test_events_of_a_run_that_goes_on_hide_those_that_it_repeats(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    with EventLog(tmp_path, first_step=257) as log:
        log.write(RESULT)
    starts = [event.step for file in tmp_path.iterdir() for event in read_events(file) if event.session_log.status == 1]
    assert starts == [257]


def test_events_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    (tmp_path / "file").write_text("")
    with pytest.raises(LogError, match=r"Expected to write events for TensorBoard to .*file, got NotADirectoryError"):
        EventLog(tmp_path / "file")


def found(directory: Path) -> dict[str, tuple[int, float]]:
    (file,) = directory.glob("events.*")
    return {value.tag: (event.step, value.simple_value) for event in read_events(file) for value in event.summary.value}


def read_events(path: Path) -> list[Any]:
    """The records of an event file: length, checksum, data, checksum."""
    from tensorboardX.proto.event_pb2 import Event

    data, events = path.read_bytes(), []
    while data:
        length = int.from_bytes(data[:8], "little")
        events.append(Event.FromString(data[12 : 12 + length]))
        data = data[12 + length + 4 :]
    return events
