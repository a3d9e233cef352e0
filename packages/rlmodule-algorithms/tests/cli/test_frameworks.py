"""Training in one framework, going on and evaluating in another, and what they print while they are loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from own_layers import EACH_TRAINING, TRAINING

from rlmodule_algorithms import latest_checkpoint
from rlmodule_algorithms.cli import main
from rlmodule_algorithms.cli.health.packages import check_packages
from rlmodule_algorithms.cli.loading import load_framework
from rlmodule_core import PluginError
from rlmodule_core.checkpoint import Checkpoint, read_checkpoint

QUIET = "TF_CPP_MIN_LOG_LEVEL"


def newest(run: str) -> Checkpoint:
    return read_checkpoint(latest_checkpoint(run))


def moments(stored: Checkpoint) -> Mapping[str, Any]:
    return stored.payload("learner.optimizer.default_policy")


@pytest.mark.parametrize(("first", "second"), list(product(TRAINING, repeat=2)))
def test_a_run_goes_on_in_the_framework_that_is_asked_for(
    first: str, second: str, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--config", str(small), "--framework", first, "--out", "run", "--max-steps", "250"]) == 3
    assert capsys.readouterr().out.startswith(f"PPO on CartPole-v1  {first}, seed 0, 4 environments, settings of ")
    before = newest("run")
    assert before.document["algorithm"]["options"]["framework_name"] == first
    assert main(["train", "--resume", "run", "--framework", second, "--max-steps", "400"]) == 3
    start = f"PPO on CartPole-v1  {second}, seed 0, 4 environments\nGoing on from iteration 3, "
    assert capsys.readouterr().out.startswith(start)
    after = newest("run")
    assert after.document["algorithm"]["options"]["framework_name"] == second
    # Two minibatches in each iteration, counted on from where the other framework was.
    for stored, iteration in ((before, 3), (after, 4)):
        assert stored.document["algorithm"]["state"]["iteration"] == iteration
        steps = {float(array) for name, array in moments(stored).items() if name.endswith("step")}
        assert steps == {2.0 * iteration}
    assert main(["train", "--resume", "run", "--max-steps", "500"]) == 3
    assert f"  {second}, seed 0" in capsys.readouterr().out, "what was changed is kept"


@EACH_TRAINING
def test_a_run_is_evaluated_in_every_framework_with_the_same_returns(
    framework: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = []
    for each in ("numpy", framework):
        assert main(["evaluate", str(run), "--framework", each, "--episodes", "7", "--seed", "3"]) == 0
        shown.append(capsys.readouterr().out)
    assert f", {framework}, seed 3" in shown[1]
    assert shown[1].replace(framework, "numpy") == shown[0]


PRINTS = "import os; os.write(2, b'from C++. ')\n"
GOOD = PRINTS + "from rlmodule_core.numpy_backend import NumpyBackend as thing\n"
BAD = PRINTS + "raise ImportError('no such chip')\n"


def test_what_a_framework_prints_while_it_is_loaded_is_kept_back(
    install: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    install("their-frame", GOOD, {"rlmodule.backends": "theirs = their_frame:thing"})
    assert load_framework("theirs").name == "numpy"
    os.write(2, b"What comes later is seen.")
    assert capfd.readouterr().err == "What comes later is seen."


def test_what_a_framework_prints_that_cannot_be_loaded_is_shown(
    install: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    install("their-frame", BAD, {"rlmodule.backends": "theirs = their_frame:thing"})
    with pytest.raises(PluginError, match="no such chip"):
        load_framework("theirs")
    assert "from C++. " in capfd.readouterr().err
    assert main(["train", "--framework", "theirs"]) == 2
    err = capfd.readouterr().err
    assert "from C++. " in err
    assert "no such chip" in err


@pytest.mark.parametrize(("given", "found"), [(None, "3"), ("0", "0")])
def test_a_framework_is_quiet_later_on_unless_the_user_wants_it_otherwise(
    given: str | None, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(QUIET, "1")
    if given is None:
        monkeypatch.delenv(QUIET)
    else:
        monkeypatch.setenv(QUIET, given)
    load_framework("numpy")
    assert os.environ[QUIET] == found


def test_a_list_of_what_is_installed_has_no_notes_of_frameworks(
    install: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    install("their-frame", GOOD, {"rlmodule.backends": "theirs = their_frame:thing"})
    assert main(["list"]) == 0
    out, err = capfd.readouterr()
    assert "their-frame 2.5" in out
    assert err == ""


def test_the_packages_that_the_doctor_looks_at_have_no_notes_either(
    install: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    install("rlmodule-theirs", PRINTS + "INTERFACE = (0, 1)\n", {})
    assert "rlmodule-theirs" in {finding.subject for finding in check_packages() if finding.verdict == "ok"}
    assert capfd.readouterr().err == ""


def test_training_shows_no_notes_of_a_framework(small: Path) -> None:
    quiet = {name: value for name, value in os.environ.items() if name != QUIET}
    code = "import sys; from rlmodule_algorithms.cli import main; sys.exit(main(sys.argv[1:]))"
    # The last one prints, if any does.
    line = ["train", "--config", str(small), "--out", "run", "--quiet", "--framework", TRAINING[-1]]
    command = [sys.executable, "-c", code, *line]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=quiet, cwd=small.parent)
    assert (done.returncode, done.stderr) == (3, "")
