"""What the command line understands, and how it answers what it does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rlmodule_algorithms.cli import main
from rlmodule_algorithms.cli.arguments import parse
from rlmodule_algorithms.cli.options import DoctorOptions, EvaluateOptions, InspectOptions, ListOptions, TrainOptions


def test_train_without_options_leaves_everything_to_the_preset() -> None:
    assert parse(["train"]) == TrainOptions()


def test_every_option_of_train_arrives() -> None:
    line = (
        "train ppo --env Acrobot-v1 --framework torch --preset p --config c.toml --resume runs/x --seed 3 "
        "--target -100 --max-steps 9 --max-seconds 1.5 --num-envs 4 --checkpoint-every 0 --exact-resume "
        "--out some/where --quiet"
    )
    assert parse(line.split()) == TrainOptions(
        algorithm="ppo",
        env="Acrobot-v1",
        framework="torch",
        preset="p",
        config=Path("c.toml"),
        resume=Path("runs/x"),
        seed=3,
        target=-100.0,
        max_steps=9,
        max_seconds=1.5,
        num_envs=4,
        checkpoint_every=0,
        exact_resume=True,
        out=Path("some/where"),
        quiet=True,
    )


def test_every_option_of_evaluate_arrives() -> None:
    line = "evaluate runs/x --env e --episodes 5 --framework torch --seed 7 --explore --verbose"
    assert parse(line.split()) == EvaluateOptions(Path("runs/x"), "e", 5, "torch", 7, explore=True, verbose=True)


def test_every_option_of_the_commands_that_look_arrives() -> None:
    assert parse(["inspect", "runs/x", "--module", "blue", "--json"]) == InspectOptions(Path("runs/x"), "blue", True)
    assert parse(["list", "--json"]) == ListOptions(json=True)
    assert parse(["doctor"]) == DoctorOptions()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("trian", "'train', 'evaluate'"),
        ("train --evn CartPole-v1", "does not know '--evn'. Did you mean '--env'?"),
        ("train --max-step=5", "does not know '--max-step=5'. Did you mean '--max-steps'?"),
        ("train --seed -1", "--seed: expected a whole number of at least 0, got '-1'"),
        ("train --max-steps 0", "--max-steps: expected a whole number of at least 1, got '0'"),
        ("train --num-envs many", "--num-envs: expected a whole number of at least 1, got 'many'"),
        ("train --max-seconds 0", "--max-seconds: expected more than 0 seconds, got '0'"),
        ("train --target nan", "--target: expected a number, got 'nan'"),
        ("train --checkpoint-every -1", "--checkpoint-every: expected a whole number of at least 0, got '-1'"),
        ("train --resume", "--resume: expected one argument"),
        ("evaluate", "required: CHECKPOINT"),
        ("inspect", "required: CHECKPOINT"),
        ("inspect x --jsn", "does not know '--jsn'. Did you mean '--json'?"),
        ("list all", "rlmodule list does not know 'all'"),
        ("doctor --fix", "rlmodule doctor does not know '--fix'"),
        ("evaluate x --seed 99999999999999999999", "--seed: expected a whole number from 0 to 2147483647, got '999"),
        ("evaluate x --seed 2147483648", "--seed: expected a whole number from 0 to 2147483647, got '2147483648'"),
        (f"train --seed {'9' * 5000}", "--seed: expected a whole number of at least 0, got"),
        ("evaluate x --episodes 0", "--episodes: expected a whole number of at least 1, got '0'"),
    ],
)
def test_a_line_that_cannot_be_understood_is_one_line_of_error(
    line: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert expected in err
    assert err.count("\n") == 1
    assert "--help" in err


def test_no_command_prints_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([])
    assert stopped.value.code == 0
    assert "rlmodule evaluate runs/" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["", "train", "evaluate", "inspect", "list"])
def test_help_documents_the_exit_codes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*command.split(), "--help"])
    out = capsys.readouterr().out
    for number in ("0 done", "2 an error", "3 the budget", "130 interrupted", "143 terminated"):
        assert number in out
    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize("line", [["--help"], ["train", "--help"], ["--version"], ["train", "--sede", "1"]])
def test_help_and_usage_errors_wait_for_no_heavy_import(line: list[str]) -> None:
    code = (
        "import sys\n"
        "from rlmodule_algorithms.cli.entry import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'numpy', 'gymnasium', 'rlmodule_core'} & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", code, *line], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"
