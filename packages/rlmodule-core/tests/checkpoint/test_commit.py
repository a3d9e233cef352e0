"""A save that is cut short leaves the old checkpoint or the new one, whole."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlmodule_core.checkpoint.store import read_checkpoint, write_checkpoint
from rlmodule_core.errors import CheckpointError


def save(directory: Path, number: int) -> None:
    payloads = {name: {"w": np.full(64, number), name: np.zeros(2)} for name in ("a", "b")}
    write_checkpoint(directory, kind="algorithm", document={"number": number}, payloads=payloads)


def load(directory: Path) -> int:
    """The number of the checkpoint, after checking that no part of it is another one's."""
    checkpoint = read_checkpoint(directory)
    number: int = checkpoint.document["number"]
    for name in checkpoint.payload_names:
        np.testing.assert_array_equal(checkpoint.payload(name)["w"], np.full(64, number))
    return number


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from rlmodule_core.checkpoint.store import write_checkpoint
calls, name, nth = 0, sys.argv[2], int(sys.argv[3])
real = getattr(os, name)
def deadly(*args):
    global calls
    calls += 1
    if calls == nth:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args)
setattr(os, name, deadly)
payloads = {name: {"w": np.full(64, 2), name: np.zeros(2)} for name in ("a", "b")}
write_checkpoint(sys.argv[1], kind="algorithm", document={"number": 2}, payloads=payloads)
"""


@pytest.mark.parametrize(
    ("call", "nth", "survivor"),
    [("replace", 1, 1), ("replace", 2, 1), ("replace", 3, 1), ("fsync", 5, 1), ("fsync", 6, 2), ("unlink", 4, 2)],
)
def test_a_writer_killed_at_any_point_leaves_one_whole_checkpoint(
    tmp_path: Path, call: str, nth: int, survivor: int
) -> None:
    save(tmp_path, 1)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), call, str(nth)], check=False)
    assert killed.returncode == -9
    assert load(tmp_path) == survivor
    save(tmp_path, 3)
    assert load(tmp_path) == 3
    assert len(names(tmp_path)) == 3, "left-over files were swept"


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_save_that_fails_to_replace_leaves_the_old_one_and_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    save(tmp_path, 1)
    real, calls = os.replace, []

    def failing(source: Any, target: Any) -> None:
        calls.append(target)
        if len(calls) == nth:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(CheckpointError, match=r"No space left on device.*free space"):
        save(tmp_path, 2)
    monkeypatch.undo()
    assert load(tmp_path) == 1
    assert not list(tmp_path.glob("*.tmp")) + list(tmp_path.glob(".*.tmp"))


FULL = """
import resource, sys
import numpy as np
from rlmodule_core import CheckpointError
from rlmodule_core.checkpoint.store import write_checkpoint
# In a process of its own: the limit also holds for the file that the test runner's output may go to.
resource.setrlimit(resource.RLIMIT_FSIZE, (256, 256))
try:
    write_checkpoint(sys.argv[1], kind="algorithm", document={}, payloads={"a": {"w": np.zeros(64)}})
except CheckpointError as error:
    print(error)
"""


def test_a_disk_that_takes_no_more_bytes_is_a_named_error(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL, str(tmp_path / "new")]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert re.search(r"write a checkpoint to .*OSError.*free space", printed)
    assert names(tmp_path / "new") == []


def test_the_second_save_sweeps_the_first_and_leaves_foreign_files_alone(tmp_path: Path) -> None:
    foreign = ["notes.txt", "state-1.safetensors", ".rlmodule-mine.tmp", "state-0123456789abcdef.safetensors"]
    for name in foreign:
        (tmp_path / name).write_text("mine")
    save(tmp_path, 1)
    first = {name for name in names(tmp_path) if name not in foreign}
    (tmp_path / ".rlmodule-fedcba9876543210.tmp").write_text("of a killed writer")
    save(tmp_path, 2)
    second = {name for name in names(tmp_path) if name not in foreign}
    assert all((tmp_path / name).read_text() == "mine" for name in foreign)
    assert len(second) == 3
    assert first & second == {"algorithm.json"}


def test_an_unchanged_payload_is_not_written_again(tmp_path: Path) -> None:
    save(tmp_path, 1)
    before = {path.name: path.stat().st_ino for path in tmp_path.glob("state-*")}
    save(tmp_path, 1)
    assert {path.name: path.stat().st_ino for path in tmp_path.glob("state-*")} == before


@pytest.mark.parametrize("damage", ["bytes", "link"])
def test_a_damaged_payload_of_the_same_name_is_written_again(tmp_path: Path, damage: str) -> None:
    save(tmp_path / "run", 1)
    payload = min((tmp_path / "run").glob("state-*"))
    if damage == "bytes":
        payload.write_bytes(payload.read_bytes()[:-1] + b"?")
    else:
        payload.rename(tmp_path / payload.name)
        payload.symlink_to(tmp_path / payload.name)
    save(tmp_path / "run", 1)
    assert load(tmp_path / "run") == 1


def test_a_reader_follows_a_writer_that_commits_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, 0)
    real, reads = Path.read_bytes, []

    def read_slowly(path: Path) -> bytes:
        data = real(path)
        if path.name == "algorithm.json" and len(reads) < 2:
            reads.append(path)
            monkeypatch.undo()
            save(tmp_path, len(reads))
            monkeypatch.setattr(Path, "read_bytes", read_slowly)
        return data

    monkeypatch.setattr(Path, "read_bytes", read_slowly)
    assert load(tmp_path) == 2


def test_a_checkpoint_read_before_a_save_stays_what_it_was(tmp_path: Path) -> None:
    save(tmp_path, 1)
    checkpoint = read_checkpoint(tmp_path)
    save(tmp_path, 2)
    np.testing.assert_array_equal(checkpoint.payload("a")["w"], np.full(64, 1))


def test_a_writer_that_never_rests_is_a_named_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, 0)
    real, saved = Path.read_bytes, [0]

    def read_slowly(path: Path) -> bytes:
        data = real(path)
        if path.name == "algorithm.json":
            monkeypatch.undo()
            saved[0] += 1
            save(tmp_path, saved[0])
            monkeypatch.setattr(Path, "read_bytes", read_slowly)
        return data

    monkeypatch.setattr(Path, "read_bytes", read_slowly)
    with pytest.raises(CheckpointError, match="to rest while it is read"):
        read_checkpoint(tmp_path)
