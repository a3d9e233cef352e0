"""Readers while a writer commits one checkpoint after the other: each reads a whole one, or is told to come again.

Run as a script, this file is the writer, or one more reader.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from rlmodule_core import CheckpointError
from rlmodule_core.checkpoint import read_checkpoint, write_checkpoint

SECONDS = 2.0


def save(directory: Path, number: int) -> None:
    payloads = {name: {"w": np.full(4096, number), name: np.zeros(2)} for name in ("a", "b")}
    write_checkpoint(directory, kind="algorithm", document={"number": number}, payloads=payloads)


def load(directory: Path) -> int:
    checkpoint = read_checkpoint(directory)
    number: int = checkpoint.document["number"]
    for name in checkpoint.payload_names:
        np.testing.assert_array_equal(checkpoint.payload(name)["w"], np.full(4096, number))
    return number


def write(directory: Path, distinct: int) -> Counter[str]:
    """Save `distinct` checkpoints in turn, until the time is over."""
    # Most of a save is waiting for the disk, which no reader notices: without it more reads meet a commit.
    os.fsync = lambda descriptor: None
    seen, end = Counter[str](), time.monotonic() + SECONDS
    while time.monotonic() < end:
        save(directory, seen["saved"] % distinct)
        seen["saved"] += 1
    return seen


def read(directory: Path, distinct: int) -> Counter[str]:
    """Read until the time is over; what came of it."""
    seen, last, end = Counter[str](), 0, time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            number = load(directory)
        except CheckpointError as error:
            seen["asked to come again" if "to rest while it is read" in str(error) else str(error)] += 1
        except Exception as error:
            seen[repr(error)] += 1
        else:
            seen["whole"] += 1
            seen["not the one before"] += number != last
            seen["older than the one before"] += number < last and distinct > 2
            last = number
    return seen


@pytest.mark.parametrize("distinct", [2, 10**9], ids=["the same two in turn", "a new one each time"])
def test_each_read_gives_a_whole_checkpoint_or_asks_to_come_again(tmp_path: Path, distinct: int) -> None:
    save(tmp_path, 0)
    with ExitStack() as running, ThreadPoolExecutor(2) as pool:
        command = [sys.executable, __file__, str(tmp_path), str(distinct)]
        children = [
            running.enter_context(subprocess.Popen([*command, role], stdout=subprocess.PIPE, text=True))
            for role in ("write", "read", "read")
        ]
        threads = [pool.submit(read, tmp_path, distinct) for _ in range(2)]
        _, *others = (json.loads(child.communicate()[0]) for child in children)
    # The sum drops what was never seen.
    seen = sum([*map(Counter, others), *(thread.result() for thread in threads)], Counter())
    assert set(seen) <= {"whole", "not the one before", "asked to come again"}
    # Otherwise the readers met no writer.
    assert seen["not the one before"] > 10
    assert len(list(tmp_path.iterdir())) == 3


def test_a_payload_that_was_swept_and_is_back_is_no_lost_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, 0)
    read_bytes, writers = Path.read_bytes, iter([1, 0])

    def read_while_others_write(path: Path) -> bytes:
        if path.name != "algorithm.json":
            return read_bytes(path)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "read_bytes", read_bytes)
            # The first save comes after the read of the JSON and sweeps its payloads, the second brings them back.
            before = read_bytes(path)
            number = next(writers, 0)
            save(tmp_path, number)
            return before if number == 1 else read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", read_while_others_write)
    assert load(tmp_path) == 0


if __name__ == "__main__":
    role = {"write": write, "read": read}[sys.argv[3]]
    print(json.dumps(role(Path(sys.argv[1]), int(sys.argv[2]))))
