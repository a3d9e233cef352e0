"""kill -9 at random moments: the checkpoint before or the one that was being written is there, whole.

Run as a script, this file is the warm parent that the writers are forked from: starting Python 200 times would take
longer than all the rest.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlmodule_core import CheckpointError
from rlmodule_core.checkpoint import read_checkpoint, write_checkpoint

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")

BEGUN, FINISHED = 0, 1
LENGTH = 1 << 14
LONGEST_WAIT = 0.008


class TornError(Exception):
    """A naive saver's files do not belong together."""


@dataclass(frozen=True)
class Saver:
    """Writes checkpoint `number`, and reads which one is there, refusing what is not whole."""

    write: Callable[[Path, int], Any]
    read: Callable[[Path], int]
    files: int


def recognisable(number: int) -> dict[str, dict[str, np.ndarray]]:
    # "b" alternates between two contents, so that a payload comes back after it was swept.
    return {"a": {"w": np.full(LENGTH + number % 5, number)}, "b": {"w": np.full(LENGTH, number % 2)}}


def write_ours(directory: Path, number: int) -> None:
    write_checkpoint(directory, kind="algorithm", document={"number": number}, payloads=recognisable(number))


def read_ours(directory: Path) -> int:
    checkpoint = read_checkpoint(directory)
    number: int = checkpoint.document["number"]
    for name, arrays in recognisable(number).items():
        np.testing.assert_array_equal(checkpoint.payload(name)["w"], arrays["w"], strict=True)
    return number


def write_in_place(directory: Path, number: int) -> None:
    (directory / "run.json").write_text(json.dumps({"number": number}))
    np.save(directory / "a.npy", recognisable(number)["a"]["w"])


def write_by_two_replaces(directory: Path, number: int) -> None:
    np.save(directory / "new.npy", recognisable(number)["a"]["w"])
    os.replace(directory / "new.npy", directory / "a.npy")
    (directory / "new.json").write_text(json.dumps({"number": number}))
    os.replace(directory / "new.json", directory / "run.json")


def read_naively(directory: Path) -> int:
    try:
        number: int = json.loads((directory / "run.json").read_text())["number"]
        array = np.load(directory / "a.npy")
    except (OSError, ValueError, EOFError) as error:
        raise TornError(str(error)) from error
    if not np.array_equal(array, recognisable(number)["a"]["w"]):
        raise TornError(f"the JSON is of {number}, the arrays are not")
    return number


SAVERS = {
    "ours": Saver(write_ours, read_ours, files=3),
    "in place": Saver(write_in_place, read_naively, files=2),
    "by two replaces": Saver(write_by_two_replaces, read_naively, files=2),
}


def serve() -> None:
    """Fork a writer for each line of the input; say its process id, and when it is gone."""
    for line in sys.stdin:
        name, directory, progress, first, syncing = json.loads(line)
        pid = os.fork()
        if pid == 0:
            # A sync is most of a save, and a kill cannot undo what was written: without it more kills hit the rest.
            os.fsync = os.fsync if syncing else lambda descriptor: None
            write_on_and_on(SAVERS[name], Path(directory), np.memmap(progress, np.int64, "r+"), first)
            os._exit(0)
        print(pid, flush=True)
        os.waitpid(pid, 0)
        print("gone", flush=True)


def write_on_and_on(saver: Saver, directory: Path, progress: np.ndarray, first: int) -> None:
    # Not for ever: a checker that died cannot kill its writer.
    for number in range(first, first + 5_000):
        progress[BEGUN] = number
        saver.write(directory, number)
        progress[FINISHED] = number


@dataclass
class Siege:
    """What the checker saw."""

    kills: int = 0
    faults: list[str] = field(default_factory=list)
    cut: Counter[str] = field(default_factory=Counter)


@dataclass
class Checker:
    """Lets a writer write, kills it, and looks."""

    saver: str
    directory: Path
    progress: np.ndarray
    parent: subprocess.Popen[str]
    siege: Siege = field(default_factory=Siege)

    def kill_a_writer(self, rng: np.random.Generator) -> None:
        """Kill a writer at a random moment, read, and in half of the cases save again."""
        saver, first = SAVERS[self.saver], int(self.progress[BEGUN]) + 1
        self._ask(self.saver, str(self.directory), str(self.progress.filename), first, rng.random() < 0.5)
        pid = int(self._answer())
        patience = time.monotonic() + 60
        while self.progress[BEGUN] < first and time.monotonic() < patience:
            time.sleep(0.0001)
        time.sleep(rng.uniform(0, LONGEST_WAIT))
        os.kill(pid, signal.SIGKILL)
        assert self._answer() == "gone"
        self.siege.kills += 1
        self._note_what_was_cut()
        self._read(saver)
        if rng.random() < 0.5:
            self.progress[:] = self.progress[BEGUN] + 1
            saver.write(self.directory, int(self.progress[BEGUN]))
            self._read(saver)
            self._look_for_orphans(saver)

    def _read(self, saver: Saver) -> None:
        try:
            found = saver.read(self.directory)
        except (CheckpointError, TornError, AssertionError) as error:
            self.siege.faults.append(f"kill {self.siege.kills}: {error}")
        else:
            finished, begun = int(self.progress[FINISHED]), int(self.progress[BEGUN])
            if not finished <= found <= begun:
                self.siege.faults.append(f"{found} is there; {finished} was saved, {begun} begun")

    def _look_for_orphans(self, saver: Saver) -> None:
        names = sorted(path.name for path in self.directory.iterdir())
        if len(names) != saver.files:
            self.siege.faults.append(f"after a save without a kill there are {names}")

    def _note_what_was_cut(self) -> None:
        """Count which kills hit a save in its middle, and which stage the files show."""
        text = "".join(path.read_text() for path in self.directory.glob("*.json"))
        payloads = [path for path in self.directory.glob("state-*") if path.name not in text]
        temporary = [path for path in self.directory.glob(".*.tmp") if path.stat().st_size > 0]
        self.siege.cut["saves"] += bool(self.progress[BEGUN] != self.progress[FINISHED])
        self.siege.cut["half-written files"] += bool(temporary)
        self.siege.cut["payloads that no JSON names"] += bool(payloads)

    def _ask(self, *wish: object) -> None:
        assert self.parent.stdin is not None
        self.parent.stdin.write(json.dumps(wish) + "\n")
        self.parent.stdin.flush()

    def _answer(self) -> str:
        assert self.parent.stdout is not None
        return self.parent.stdout.readline().strip()


@contextmanager
def warm_parent() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, __file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        yield parent


def besiege(name: str, directory: Path, *, kills: int, seed: int) -> Siege:
    directory.joinpath("run").mkdir()
    progress = np.memmap(directory / "progress", np.int64, "w+", shape=(2,))
    SAVERS[name].write(directory / "run", 0)
    rng = np.random.default_rng(seed)
    with warm_parent() as parent:
        checker = Checker(name, directory / "run", progress, parent)
        for _ in range(kills):
            checker.kill_a_writer(rng)
    return checker.siege


def test_two_hundred_kills_leave_the_old_or_the_new_checkpoint_whole(tmp_path: Path) -> None:
    siege = besiege("ours", tmp_path, kills=200, seed=0)
    assert siege.faults == []
    # Otherwise the kills proved nothing.
    assert siege.cut["saves"] > 100
    assert siege.cut["half-written files"] > 10
    assert siege.cut["payloads that no JSON names"] > 10


@pytest.mark.parametrize("name", ["in place", "by two replaces"])
def test_the_same_checker_catches_a_naive_saver(tmp_path: Path, name: str) -> None:
    siege = besiege(name, tmp_path, kills=30, seed=0)
    assert siege.faults != []


if __name__ == "__main__":
    serve()
