"""Logs that TensorBoard reads."""

from __future__ import annotations

import math
from pathlib import Path

from tensorboardX.proto.event_pb2 import Event

from rlmodule_algorithms.cli.logs import TrainingLog, numbers

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


def test_every_number_is_in_the_file_at_its_environment_step(tmp_path: Path) -> None:
    with TrainingLog(tmp_path / "logs") as log:
        log.write(RESULT)
    (file,) = (tmp_path / "logs").iterdir()
    found = {
        value.tag: (event.step, value.simple_value) for event in read_events(file) for value in event.summary.value
    }
    assert found == {tag: (512, value) for tag, value in numbers(RESULT)}


def read_events(path: Path) -> list[Event]:
    """The records of an event file: length, checksum, data, checksum."""
    data, events = path.read_bytes(), []
    while data:
        length = int.from_bytes(data[:8], "little")
        events.append(Event.FromString(data[12 : 12 + length]))
        data = data[12 + length + 4 :]
    return events
