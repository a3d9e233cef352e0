"""Every step of a save fails once, with every error that a disk knows: the old checkpoint or the new one is there."""

from __future__ import annotations

import errno
import io
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlmodule_core import CheckpointError
from rlmodule_core.checkpoint import read_checkpoint, write_checkpoint

ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS)
CALLS = ("open", "fsync", "replace", "unlink", "mkdir", "listdir", "scandir", "stat", "lstat")


def save(directory: Path, number: int) -> None:
    # "b" is the same in every checkpoint: it is claimed and kept, not written.
    payloads = {"a": {"w": np.full(64, number)}, "b": {"w": np.zeros(2)}}
    write_checkpoint(directory, kind="algorithm", document={"number": number}, payloads=payloads)


def load(directory: Path) -> int:
    checkpoint = read_checkpoint(directory)
    number: int = checkpoint.document["number"]
    np.testing.assert_array_equal(checkpoint.payload("a")["w"], np.full(64, number))
    np.testing.assert_array_equal(checkpoint.payload("b")["w"], np.zeros(2))
    return number


@dataclass
class Disk:
    """Counts the calls that touch files, and lets one of them fail."""

    failing: int = 0
    error: BaseException | None = None
    steps: list[str] = field(default_factory=list)

    def step(self, name: str, path: Any) -> None:
        self.steps.append(f"{name} {Path(path).name if isinstance(path, str | Path) else ''}")
        if len(self.steps) == self.failing and self.error is not None:
            raise self.error

    def guarded(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def guard(path: Any, *args: Any, **options: Any) -> Any:
            self.step(name, path)
            return call(path, *args, **options)

        return guard

    def opened(self, path: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
        self.step(f"open for {mode}", path)
        return FragileFile(path, mode.replace("b", ""), self)


class FragileFile(io.FileIO):
    """An unbuffered file of which each write and close is a step; a failing write leaves half of its bytes."""

    def __init__(self, path: Any, mode: str, disk: Disk) -> None:
        super().__init__(path, mode)
        self._disk = disk

    def write(self, data: Any) -> int:
        try:
            self._disk.step("write", self.name)
        except BaseException:
            super().write(data[: len(data) // 2])
            raise
        return super().write(data)


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync stays a step, but nobody pulls the plug here."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def save_on(monkeypatch: pytest.MonkeyPatch) -> Callable[..., BaseException | None]:
    """Saves on a disk; gives back what was raised."""

    def run(disk: Disk, directory: Path, number: int) -> BaseException | None:
        with monkeypatch.context() as patch:
            patch.setattr(io, "open", disk.opened)
            for name in CALLS:
                patch.setattr(os, name, disk.guarded(name, getattr(os, name)))
            try:
                save(directory, number)
            except (CheckpointError, KeyboardInterrupt) as caught:
                return caught
        return None

    return run


SaveOn = Callable[[Disk, Path, int], BaseException | None]


def steps_of_a_save(save_on: SaveOn, directory: Path) -> list[str]:
    save(directory, 1)
    disk = Disk()
    assert save_on(disk, directory, 2) is None
    return disk.steps


def require_recovery(directory: Path) -> None:
    """The next save works, and sweeps what was left."""
    save(directory, 3)
    assert load(directory) == 3
    assert len(list(directory.iterdir())) == 3


def test_the_disk_sees_every_kind_of_step(tmp_path: Path, save_on: SaveOn) -> None:
    kinds = Counter(step.rpartition(" ")[0] for step in steps_of_a_save(save_on, tmp_path / "run"))
    assert kinds["open for xb"] == kinds["write"] == kinds["replace"] == 2
    assert kinds["fsync"] == 4, "two files, and the directory after each"
    assert kinds["unlink"] == 4, "a payload and three claims"


@pytest.mark.parametrize("code", ERRORS, ids=errno.errorcode.__getitem__)
def test_whatever_step_fails_one_checkpoint_is_there_whole(tmp_path: Path, save_on: SaveOn, code: int) -> None:
    steps = steps_of_a_save(save_on, tmp_path / "steps")
    commit = max(number for number, step in enumerate(steps, 1) if step.startswith("replace"))
    for number, step in enumerate(steps, 1):
        directory = tmp_path / str(number)
        save(directory, 1)
        caught = save_on(Disk(number, OSError(code, os.strerror(code))), directory, 2)
        assert load(directory) == (1 if caught is not None and number <= commit else 2), step
        if caught is None:
            assert number > commit or step.startswith("lstat"), f"{step} failed, and nobody was told"
        else:
            assert number <= commit + 2, f"{step}: the checkpoint was committed and synced"
            assert str(directory) in str(caught)
            assert os.strerror(code) in str(caught)
        require_recovery(directory)


def test_wherever_a_save_is_interrupted_one_checkpoint_is_there_whole(tmp_path: Path, save_on: SaveOn) -> None:
    for number, step in enumerate(steps_of_a_save(save_on, tmp_path / "steps"), 1):
        directory = tmp_path / str(number)
        save(directory, 1)
        assert isinstance(save_on(Disk(number, KeyboardInterrupt()), directory, 2), KeyboardInterrupt), step
        assert load(directory) in (1, 2), step
        require_recovery(directory)


def test_no_payload_is_swept_where_a_failing_disk_makes_files_look_missing(
    tmp_path: Path, save_on: SaveOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = steps_of_a_save(save_on, tmp_path / "steps")
    for name in ("exists", "is_file", "is_dir", "is_symlink"):
        monkeypatch.setattr(Path, name, _silent(getattr(Path, name)))
    for number, step in enumerate(steps, 1):
        directory = tmp_path / str(number)
        save(directory, 1)
        caught = save_on(Disk(number, OSError(errno.EIO, os.strerror(errno.EIO))), directory, 2)
        assert load(directory) in ((1, 2) if caught is not None else (2,)), step
        require_recovery(directory)


def _silent(question: Callable[[Path], bool]) -> Callable[[Path], bool]:
    """Answers no where the system refuses to answer, as pathlib does from Python 3.14 on."""

    def ask(path: Path) -> bool:
        try:
            return question(path)
        except OSError:
            return False

    return ask


def test_whatever_step_of_the_first_save_fails_the_next_one_works(tmp_path: Path, save_on: SaveOn) -> None:
    disk = Disk()
    assert save_on(disk, tmp_path / "new" / "deep" / "run", 1) is None
    for number, step in enumerate(disk.steps, 1):
        directory = tmp_path / str(number) / "deep" / "run"
        caught = save_on(Disk(number, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))), directory, 1)
        assert caught is None or str(directory) in str(caught), step
        require_recovery(directory)


def test_every_directory_that_a_save_makes_is_synced_into_its_parent(tmp_path: Path, save_on: SaveOn) -> None:
    disk = Disk()
    save_on(disk, tmp_path / "new" / "deep" / "run", 1)
    made = [index for index, step in enumerate(disk.steps) if step.startswith("mkdir")]
    for parent in (tmp_path.name, "new", "deep"):
        assert disk.steps[disk.steps.index(f"open {parent}", made[-1]) + 1].startswith("fsync")


# In a process of its own: the limit also holds for the file that the test runner's output may go to.
FULL = """
import resource, sys
import numpy as np
from rlmodule_core import CheckpointError
from rlmodule_core.checkpoint import write_checkpoint
directory, size, length = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
try:
    payloads = {"a": {"w": np.full(64, 2)}, "b": {"w": np.zeros(2)}}
    write_checkpoint(directory, kind="algorithm", document={"number": 2, "more": "x" * length}, payloads=payloads)
except CheckpointError as error:
    print(error)
"""


@pytest.mark.parametrize(("size", "length"), [(1, 0), (256, 0), (2048, 4096)], ids=str)
def test_a_disk_that_takes_no_more_bytes_leaves_the_old_checkpoint(tmp_path: Path, size: int, length: int) -> None:
    save(tmp_path, 1)
    before = sorted(tmp_path.iterdir())
    command = [sys.executable, "-c", FULL, str(tmp_path), str(size), str(length)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert re.search(f"write a checkpoint to {tmp_path}, got OSError.*free space", printed)
    assert load(tmp_path) == 1
    assert sorted(tmp_path.iterdir()) == before


READ_ONLY = """
import os, sys
import numpy as np
from rlmodule_core import CheckpointError
from rlmodule_core.checkpoint import write_checkpoint
if os.geteuid() == 0:
    # Permissions do not bind root.
    os.setuid(65534)
try:
    write_checkpoint(sys.argv[1], kind="algorithm", document={}, payloads={"a": {"w": np.zeros(2)}})
except CheckpointError as error:
    print(error)
"""


@pytest.mark.parametrize("directory", ["run", "run/new"])
def test_a_directory_that_may_not_be_written_is_named(tmp_path: Path, directory: str) -> None:
    save(tmp_path / "run", 1)
    for path in (tmp_path, tmp_path / "run"):
        path.chmod(0o555)
    # From inside: another user may not pass through the directories above.
    command = [sys.executable, "-c", READ_ONLY, directory]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
    for path in (tmp_path, tmp_path / "run"):
        path.chmod(0o755)
    assert re.search(f"write a checkpoint to {directory}, got PermissionError.*permissions", done.stdout)
    assert load(tmp_path / "run") == 1
    assert len(list((tmp_path / "run").iterdir())) == 3
