"""One process at a time in the directory of a run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rlmodule_algorithms.cli import main
from rlmodule_algorithms.cli.training.run_lock import only_process_in
from rlmodule_core import ConfigError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="directories cannot be locked there")

HOLDER = """
import sys
from pathlib import Path
from rlmodule_algorithms.cli.training.run_lock import only_process_in
with only_process_in(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_run_that_another_process_trains_is_not_resumed_until_that_one_is_gone(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = tmp_path / "copied"
    shutil.copytree(run, copied)
    resume = ["train", "--max-steps", "700", "--quiet", "--resume"]
    before = sorted(run.rglob("*"))
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(run)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert main([*resume, str(run)]) == 2
        assert f"Another process is training in {run}." in capsys.readouterr().err
        assert sorted(run.rglob("*")) == before
        assert main([*resume, str(copied)]) in (0, 3)
        holder.kill()
    assert main([*resume, str(run)]) in (0, 3)


def test_the_directory_is_free_again_when_training_has_failed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), only_process_in(tmp_path):
        raise ZeroDivisionError
    with only_process_in(tmp_path), pytest.raises(ConfigError, match="Another process"), only_process_in(tmp_path):
        pass
